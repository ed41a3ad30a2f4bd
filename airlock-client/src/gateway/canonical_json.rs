//! The canonical form of a payload, as the published Python client writes it: the bytes that are hashed and encrypted.
//!
//! The published Rust client writes numbers that are not whole in another way (`5E-1` for `0.5`); whoever verifies hashes
//! the bytes that came and does not write them anew, so both are believed alike.

use airlock_core::crypto::{canonical_payload, sha256};

/// The canonical form of a JSON text.
///
/// ```
/// use airlock_client::gateway::canonical_json::{canonicalize, hash_canonical};
///
/// let text = r#"{"value": 42, "action": "test"}"#;
/// assert_eq!(canonicalize(text).unwrap(), r#"{"action":"test","value":42}"#);
/// assert_eq!(
///     hash_canonical(text).unwrap(),
///     "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd"
/// );
/// ```
///
/// # Errors
/// When it is no JSON, or holds what has no canonical form.
pub fn canonicalize(json: &str) -> Result<String, String> {
    canonical_payload(json).map_err(|error| error.to_string())
}

/// SHA-256 of the canonical form, 64 lower-case hex digits.
///
/// # Errors
/// As [`canonicalize`].
pub fn hash_canonical(json: &str) -> Result<String, String> {
    let canonical = canonicalize(json)?;
    Ok(sha256(&[canonical.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect())
}

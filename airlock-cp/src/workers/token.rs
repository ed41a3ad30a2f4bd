//! An enrollment token as text: `enroll_` + 8 characters by which it is looked up + `_` + 43 that are secret.

use airlock_core::crypto::sha256;
use airlock_core::{Host, Secret};

use crate::tenants::api_key;

const PREFIX: &str = "enroll_";

/// A new token: its public part and its text, which is shown once.
pub(super) fn generate(host: &dyn Host) -> (String, Secret<String>) {
    let id = api_key::handle(host);
    let text = format!("{PREFIX}{id}_{}", api_key::secret_part(host).as_str());
    (id, Secret::new(text))
}

/// The public part of what looks like a token.
pub(super) fn id_of(text: &str) -> Option<&str> {
    api_key::parse(text, PREFIX)
}

/// What the store keeps of it. 256 random bits need no slow hash.
pub(super) fn digest(text: &str) -> [u8; 32] {
    sha256(&[text.as_bytes()])
}

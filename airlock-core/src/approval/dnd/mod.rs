//! Do not disturb: what an approver decided in advance, for an enforcer to act on without asking.
//!
//! Source: the gateway's protocol, DND policies; the form that is signed is ours: canonical JSON (RFC 8785) of the object as it was sent,
//! without `signature`.

mod believe;
mod choose;
mod policy;
mod selector;

use serde_json::{Map, Value};

use crate::crypto::{
    BadSignature, NotCanonical, PrivateKey, PublicKey, b64url, canonical_json, decode_any, sha256,
};

pub use believe::{BelievedPolicy, believe};
pub use choose::{Asked, Standing, evaluate};
pub use policy::{DND_TTL_MAX, DndError, DndMode, DndObject, DndPolicy, DndQuery};
pub use selector::ActionSelector;

/// The hash that names an action selector: SHA-256 of its canonical JSON, as 64 hex digits.
///
/// # Errors
/// [`NotCanonical`] for a number outside a double's range.
pub fn selector_hash(selector: &Map<String, Value>) -> Result<String, NotCanonical> {
    Ok(hex::encode(sha256(&[&canonical_json(selector)?])))
}

/// The bytes that an approver signs: the policy as it is sent, members that we do not know included.
///
/// # Errors
/// [`NotCanonical`] for a number outside a double's range.
pub fn signable(policy: &Map<String, Value>) -> Result<Vec<u8>, NotCanonical> {
    let mut unsigned = policy.clone();
    unsigned.remove(SIGNATURE);
    canonical_json(&unsigned)
}

/// Puts the signature into a policy that is otherwise whole.
///
/// # Errors
/// As [`signable`].
pub fn sign(key: &PrivateKey, policy: &mut Map<String, Value>) -> Result<(), NotCanonical> {
    let signature = b64url(&key.sign(&[&signable(policy)?]));
    policy.insert(SIGNATURE.to_owned(), Value::String(signature));
    Ok(())
}

/// Checks the signature of a policy as it was sent.
///
/// # Errors
/// [`BadSignature`] if there is none, or none of this key's.
pub fn verify(policy: &Map<String, Value>, key: PublicKey) -> Result<(), BadSignature> {
    let signature = policy.get(SIGNATURE).and_then(Value::as_str).ok_or(BadSignature)?;
    let signature = decode_any(signature).map_err(|_| BadSignature)?;
    key.verify(&[&signable(policy).map_err(|_| BadSignature)?], &signature)
}

const SIGNATURE: &str = "signature";

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_policy_is_signed_as_it_was_sent() {
        let key = PrivateKey::from_seed(&[1; 32]);
        let mut policy = object(r#"{"z":1,"expiresAt":"2026-01-01T00:00:00Z","sessionId":null}"#);
        assert_eq!(verify(&policy, key.public()), Err(BadSignature));
        sign(&key, &mut policy).unwrap();
        assert_eq!(
            signable(&policy).unwrap(),
            br#"{"expiresAt":"2026-01-01T00:00:00Z","sessionId":null,"z":1}"#
        );
        assert_eq!(verify(&policy, key.public()), Ok(()));
        assert_eq!(verify(&policy, PrivateKey::from_seed(&[2; 32]).public()), Err(BadSignature));
        // A second signing changes nothing.
        let once = policy.clone();
        sign(&key, &mut policy).unwrap();
        assert_eq!(policy, once);
        for (name, value) in
            [("z", Value::from(2)), ("more", Value::Null), ("expiresAt", "2026-01-01T00:00:00.0Z".into())]
        {
            let mut changed = policy.clone();
            changed.insert(name.to_owned(), value);
            assert_eq!(verify(&changed, key.public()), Err(BadSignature), "{name}");
        }
        policy.remove("sessionId");
        assert_eq!(verify(&policy, key.public()), Err(BadSignature));
    }

    #[test]
    fn a_selector_has_one_hash_however_its_members_stand() {
        let one = selector_hash(&object(r#"{"commandFamily":"git","argvPrefix":["git","status"]}"#)).unwrap();
        let other =
            selector_hash(&object(r#"{ "argvPrefix" : ["git", "status"], "commandFamily":"git" }"#)).unwrap();
        assert_eq!((one.len(), &one), (64, &other));
        assert_ne!(one, selector_hash(&object(r#"{"argvPrefix":["git status"]}"#)).unwrap());
    }
}

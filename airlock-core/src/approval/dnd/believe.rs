//! Which standing decisions an enforcer may act on.

use serde_json::{Map, Value};

use super::policy::{DndMode, DndPolicy};
use super::verify;
use crate::approval::KnownSigners;
use crate::time::Timestamp;

/// A standing decision that may be acted on. Only [`believe`] can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BelievedPolicy(pub(super) DndPolicy);

impl BelievedPolicy {
    /// What it says.
    pub fn policy(&self) -> &DndPolicy {
        &self.0
    }
}

/// Reads a standing decision as the gateway sent it, and takes it in if it can be acted on.
///
/// A yes is believed only when a known signer made it: whoever relays it could make one up otherwise. A no is believed of
/// anybody; it costs no more than an act that is not done.
pub fn believe(sent: &Map<String, Value>, signers: &KnownSigners, now: Timestamp) -> Option<BelievedPolicy> {
    let policy: DndPolicy = serde_json::from_value(Value::Object(sent.clone())).ok()?;
    policy.validate(now).ok()?;
    let is_signed = || {
        let signer = policy.signer_key_id.as_deref().and_then(|key_id| signers.find(key_id));
        signer.is_some_and(|signer| verify(sent, signer.public_key).is_ok())
    };
    (policy.policy_mode == DndMode::DenyAll || is_signed()).then_some(BelievedPolicy(policy))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sign;
    use super::*;
    use crate::approval::KnownSigner;
    use crate::crypto::PrivateKey;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }

    fn sent(mode: &str) -> Map<String, Value> {
        let policy = json!({
            "requestId": "dnd-1", "objectType": "airlock.dnd.workspace", "workspaceId": "w", "enforcerId": "e",
            "policyMode": mode, "expiresAt": "2026-01-01T01:00:00Z", "signerKeyId": "key-a", "later": 1,
        });
        policy.as_object().unwrap().clone()
    }

    #[track_caller]
    fn check(sent: &Map<String, Value>, believed: bool) {
        let signers: KnownSigners =
            [KnownSigner { key_id: "key-a".to_owned(), public_key: key(1).public() }].into_iter().collect();
        assert_eq!(believe(sent, &signers, NOW).is_some(), believed, "{sent:?}");
    }

    fn signed(mode: &str, seed: u8) -> Map<String, Value> {
        let mut policy = sent(mode);
        sign(&key(seed), &mut policy).unwrap();
        policy
    }

    #[test]
    fn a_yes_is_believed_of_its_signer_and_a_no_of_anybody() {
        check(&signed("approve_all", 1), true);
        check(&sent("approve_all"), false);
        check(&signed("approve_all", 2), false);
        check(&sent("deny_all"), true);
        check(&signed("deny_all", 2), true);
    }

    #[test]
    fn a_yes_that_was_changed_or_names_another_key_is_not_believed() {
        for (member, value) in [
            ("workspaceId", json!("w2")),
            ("expiresAt", json!("2026-01-01T02:00:00Z")),
            ("later", json!(2)),
            ("signerKeyId", json!("key-b")),
            ("signerKeyId", Value::Null),
            ("signature", json!("AAAA")),
        ] {
            let mut policy = signed("approve_all", 1);
            policy.insert(member.to_owned(), value);
            check(&policy, false);
        }
        // A no turned into a yes.
        let mut policy = signed("deny_all", 1);
        policy.insert("policyMode".to_owned(), json!("approve_all"));
        check(&policy, false);
    }

    #[test]
    fn what_nobody_may_set_is_not_believed_though_signed() {
        let mut policy = sent("approve_all");
        policy.insert("expiresAt".to_owned(), json!("2026-01-03T00:00:00Z"));
        sign(&key(1), &mut policy).unwrap();
        check(&policy, false);
        check(&Map::new(), false);
    }
}

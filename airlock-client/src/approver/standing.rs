//! A person's yes or no in advance, signed: what an enforcer may act on, or must not do, without asking.

use airlock_core::approval::DecisionNonce;
use airlock_core::approval::dnd::{self, DndMode, DndObject, DndPolicy};
use airlock_core::{Host, Timestamp};
use serde_json::{Map, Value, json};

use super::keys::{ApproverKeys, PairedEnforcer};
use crate::calls::new_id;
use crate::error::ClientError;

/// What a person wants to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingWish {
    /// For which enforcer, as it names itself.
    pub enforcer: String,
    /// For which workspace, as the enforcer names it.
    pub workspace: String,
    /// For one session of it only.
    pub session: Option<String>,
    /// For one type of artifact only.
    pub artifact_type: Option<String>,
    /// For commands that begin with these words only.
    pub command: Option<String>,
    /// Yes or no.
    pub mode: DndMode,
    /// The first instant at which it stands no longer; a day ahead at most.
    pub expires_at: Timestamp,
}

impl StandingWish {
    /// About everything that a paired enforcer asks where it works. `None` where it told no name.
    pub fn about(paired: &PairedEnforcer, mode: DndMode, expires_at: Timestamp) -> Option<Self> {
        let enforcer = paired.enforcer_id()?.to_owned();
        // As enforcers do that work nowhere in particular.
        let workspace = paired.workspace().unwrap_or(&enforcer).to_owned();
        Some(Self {
            enforcer,
            workspace,
            session: None,
            artifact_type: None,
            command: None,
            mode,
            expires_at,
        })
    }
}

/// Whose signature a standing decision has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandsBy {
    /// That of these keys: it holds.
    These,
    /// One that these keys cannot tell: of another device, or of nobody.
    Others,
    /// It says that it is of these keys, and is not. Somebody changed it, or made it up.
    Forged,
}

/// Whose it is.
pub fn stands_by(signed: &Map<String, Value>, keys: &ApproverKeys) -> StandsBy {
    if signed.get("signerKeyId").and_then(Value::as_str) != Some(&keys.signer_key_id()) {
        return StandsBy::Others;
    }
    match dnd::verify(signed, keys.public_key()) {
        Ok(()) => StandsBy::These,
        Err(_) => StandsBy::Forged,
    }
}

impl ApproverKeys {
    /// Signs a decision in advance; its name, and the object to send.
    ///
    /// # Errors
    /// When it is not one that may stand: words that are empty or too long, an end in the past or more than a day ahead.
    pub fn sign_standing(
        &self,
        wish: &StandingWish,
        host: &dyn Host,
    ) -> Result<(String, Map<String, Value>), ClientError> {
        let name = new_id("dnd-", host);
        let selector = wish.command.as_ref().map(|command| {
            let words: Vec<&str> = command.split_whitespace().collect();
            Map::from_iter([("argvPrefix".to_owned(), json!(words))])
        });
        let hash = selector.as_ref().and_then(|selector| dnd::selector_hash(selector).ok());
        let policy = DndPolicy {
            policy_id: name.clone(),
            object_type: if selector.is_some() { DndObject::Action } else { DndObject::Workspace },
            workspace_id: wish.workspace.clone(),
            session_id: wish.session.clone(),
            enforcer_id: wish.enforcer.clone(),
            policy_mode: wish.mode,
            target_artifact_type: wish.artifact_type.clone(),
            action_selector: selector,
            selector_hash: hash,
            created_at: Some(host.now()),
            expires_at: wish.expires_at,
            signer_key_id: Some(self.signer_key_id()),
            nonce: Some(DecisionNonce::random(host).to_string()),
            signature: None,
        };
        policy.validate(host.now()).map_err(|_| ClientError::Invalid {
            what: "a standing decision names an enforcer, a workspace and words of a command, and ends within 24 hours",
        })?;
        let unreadable = ClientError::Invalid { what: "this standing decision cannot be signed" };
        let Ok(Value::Object(mut signed)) = serde_json::to_value(&policy) else { return Err(unreadable) };
        dnd::sign(self.signing(), &mut signed).map_err(|_| unreadable)?;
        Ok((name, signed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use airlock_core::approval::dnd::{Asked, believe, evaluate};
    use airlock_core::approval::{KnownSigner, KnownSigners, Verdict};
    use airlock_core::test_util::FixedHost;

    use super::*;

    fn wish(host: &FixedHost, command: Option<&str>, mode: DndMode) -> StandingWish {
        StandingWish {
            enforcer: "e".to_owned(),
            workspace: "w".to_owned(),
            session: None,
            artifact_type: None,
            command: command.map(str::to_owned),
            mode,
            expires_at: host.now().after(Duration::from_secs(3_600)),
        }
    }

    #[test]
    fn what_is_signed_is_believed_by_an_enforcer_for_what_it_is_about() {
        let host = FixedHost::new();
        let keys = ApproverKeys::generate(&host);
        let signer = KnownSigner { key_id: keys.signer_key_id(), public_key: keys.public_key() };
        let signers: KnownSigners = [signer].into_iter().collect();
        let says = |command: Option<&str>, mode, asked: &str| {
            let (_, signed) = keys.sign_standing(&wish(&host, command, mode), &host).unwrap();
            assert_eq!(stands_by(&signed, &keys), StandsBy::These);
            assert_eq!(stands_by(&signed, &ApproverKeys::generate(&FixedHost::seeded(9))), StandsBy::Others);
            let believed = [believe(&signed, &signers, host.now()).unwrap()];
            let asked = Asked {
                workspace: "w",
                enforcer: "e",
                session: None,
                artifact_type: "command-approval",
                command: Some(asked),
            };
            evaluate(&believed, &asked, host.now()).map(|standing| standing.verdict)
        };
        assert_eq!(says(None, DndMode::ApproveAll, "rm -rf /"), Some(Verdict::Approve));
        assert_eq!(says(None, DndMode::DenyAll, "ls"), Some(Verdict::Reject));
        assert_eq!(says(Some(" git  status "), DndMode::ApproveAll, "git status -s"), Some(Verdict::Approve));
        assert_eq!(says(Some("git status"), DndMode::ApproveAll, "git push"), None);
        assert_eq!(says(Some("git status"), DndMode::ApproveAll, "git status; rm -rf /"), None);
    }

    #[test]
    fn what_was_changed_is_told_from_what_was_signed() {
        let host = FixedHost::new();
        let keys = ApproverKeys::generate(&host);
        let (_, mut signed) = keys.sign_standing(&wish(&host, None, DndMode::DenyAll), &host).unwrap();
        signed.insert("policyMode".to_owned(), json!("approve_all"));
        assert_eq!(stands_by(&signed, &keys), StandsBy::Forged);
    }

    #[test]
    fn what_may_not_stand_is_not_signed() {
        let host = FixedHost::new();
        let keys = ApproverKeys::generate(&host);
        let good = wish(&host, None, DndMode::ApproveAll);
        let refused = |wish: StandingWish| keys.sign_standing(&wish, &host).is_err();
        assert!(!refused(good.clone()));
        assert!(refused(StandingWish { expires_at: host.now(), ..good.clone() }));
        let late = host.now().after(Duration::from_secs(25 * 3_600));
        assert!(refused(StandingWish { expires_at: late, ..good.clone() }));
        assert!(refused(StandingWish { enforcer: String::new(), ..good.clone() }));
        assert!(refused(StandingWish { command: Some("  ".to_owned()), ..good }));
    }
}

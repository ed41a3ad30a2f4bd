//! One standing decision: what it is about, what it says, until when.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::selector::ActionSelector;
use super::selector_hash;
use crate::approval::Verdict;
use crate::error::{Code, Coded};
use crate::time::Timestamp;

/// The longest that a standing decision may stand.
pub const DND_TTL_MAX: Duration = Duration::from_secs(24 * 3600);
// A person who chose the longest sent it a moment ago, by a clock of their own.
const SKEW: Duration = Duration::from_secs(60);

/// What a standing decision is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DndObject {
    /// All that is asked in a workspace.
    #[serde(rename = "airlock.dnd.workspace")]
    Workspace,
    /// One kind of command there.
    #[serde(rename = "airlock.dnd.action")]
    Action,
}

/// What a standing decision says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DndMode {
    /// Yes to all of it.
    ApproveAll,
    /// No to all of it.
    DenyAll,
}

impl DndMode {
    /// As a verdict on one request.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::ApproveAll => Verdict::Approve,
            Self::DenyAll => Verdict::Reject,
        }
    }
}

/// One standing decision, as it travels. The signature covers the object that was sent, not this reading of it: see
/// [`verify`](super::verify).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DndPolicy {
    /// Its name, chosen by the approver.
    #[serde(rename = "requestId")]
    pub policy_id: String,
    /// What it is about.
    pub object_type: DndObject,
    /// The workspace, as the enforcer names it.
    pub workspace_id: String,
    /// One session of it; every one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The enforcer.
    pub enforcer_id: String,
    /// What it says.
    pub policy_mode: DndMode,
    /// One kind of artifact; every one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_artifact_type: Option<String>,
    /// Which commands, as it was sent; see [`ActionSelector::parse`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_selector: Option<Map<String, Value>>,
    /// Hash of the selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector_hash: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient_option")]
    pub created_at: Option<Timestamp>,
    /// The first instant at which it stands no longer.
    #[serde(deserialize_with = "lenient")]
    pub expires_at: Timestamp,
    /// Which key signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_key_id: Option<String>,
    /// Used once by its signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Base64url of 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Who looks for standing decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DndQuery<'a> {
    /// The enforcer.
    pub enforcer_id: &'a str,
    /// The workspace, as the enforcer names it.
    pub workspace_id: &'a str,
    /// Its session, if it has one.
    pub session_id: Option<&'a str>,
}

/// Why a standing decision is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DndError {
    /// A member is empty or too long.
    #[error("{field} is empty or longer than {FIELD_BYTES_MAX} bytes")]
    Field {
        /// The member's name.
        field: &'static str,
    },
    /// One about an act without a selector that names a command, or one about a workspace with a selector.
    #[error("actionSelector does not go with objectType, or names no command")]
    Selector,
    /// The hash is not the selector's.
    #[error("selectorHash is not the hash of actionSelector")]
    SelectorHash,
    /// It is over already, or stands longer than allowed.
    #[error("expiresAt lies in the past or more than 24 hours ahead")]
    Expiry,
}

impl Coded for DndError {
    fn code(&self) -> Code {
        Code::InvalidArguments
    }
}

impl DndPolicy {
    /// Whether an approver may set this now.
    ///
    /// # Errors
    /// [`DndError`], the first that applies.
    pub fn validate(&self, now: Timestamp) -> Result<(), DndError> {
        for (field, text) in [
            ("requestId", Some(&self.policy_id)),
            ("workspaceId", Some(&self.workspace_id)),
            ("sessionId", self.session_id.as_ref()),
            ("enforcerId", Some(&self.enforcer_id)),
            ("targetArtifactType", self.target_artifact_type.as_ref()),
        ] {
            if text.is_some_and(|text| text.is_empty() || text.len() > FIELD_BYTES_MAX) {
                return Err(DndError::Field { field });
            }
        }
        let fits = match self.object_type {
            DndObject::Action => self.selector().is_some(),
            DndObject::Workspace => self.action_selector.is_none(),
        };
        if !fits {
            return Err(DndError::Selector);
        }
        let hash = self.action_selector.as_ref().and_then(|selector| selector_hash(selector).ok());
        if self.selector_hash.is_some() && self.selector_hash != hash {
            return Err(DndError::SelectorHash);
        }
        if self.expires_at <= now || self.expires_at > now.after(DND_TTL_MAX + SKEW) {
            return Err(DndError::Expiry);
        }
        Ok(())
    }
    /// Whether it stands for whoever asks, now.
    pub fn applies_to(&self, query: &DndQuery<'_>, now: Timestamp) -> bool {
        now < self.expires_at
            && self.enforcer_id == query.enforcer_id
            && self.workspace_id == query.workspace_id
            && (self.session_id.is_none() || self.session_id.as_deref() == query.session_id)
    }
    /// Which commands it means, if it is about an act.
    pub fn selector(&self) -> Option<ActionSelector> {
        self.action_selector.as_ref().and_then(ActionSelector::parse)
    }
}

fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    Timestamp::parse_lenient(&text).ok_or_else(|| serde::de::Error::custom("not a time"))
}

fn lenient_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    Timestamp::parse_lenient(&text).map(Some).ok_or_else(|| serde::de::Error::custom("not a time"))
}

const FIELD_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn policy() -> Value {
        json!({
            "requestId": "dnd-1", "objectType": "airlock.dnd.action", "workspaceId": "w", "enforcerId": "e",
            "policyMode": "approve_all", "actionSelector": {"argvPrefix": ["git", "status"]},
            "createdAt": "2026-01-01T00:00:00+00:00", "expiresAt": "2026-01-01T01:00:00.000000",
        })
    }
    fn read(value: Value) -> DndPolicy {
        serde_json::from_value(value).unwrap()
    }

    #[track_caller]
    fn check(changes: &[(&str, Value)], expected: Result<(), DndError>) {
        let mut value = policy();
        for (key, new) in changes {
            value[*key] = new.clone();
        }
        assert_eq!(read(value).validate(NOW), expected, "{changes:?}");
    }

    #[test]
    fn a_policy_is_checked_before_it_stands() {
        check(&[], Ok(()));
        check(&[("sessionId", Value::Null)], Ok(()));
        check(&[("requestId", json!(""))], Err(DndError::Field { field: "requestId" }));
        check(&[("enforcerId", json!("e".repeat(1025)))], Err(DndError::Field { field: "enforcerId" }));
        check(&[("sessionId", json!(""))], Err(DndError::Field { field: "sessionId" }));
        check(&[("actionSelector", Value::Null)], Err(DndError::Selector));
        check(&[("actionSelector", json!({}))], Err(DndError::Selector));
        check(&[("objectType", json!("airlock.dnd.workspace"))], Err(DndError::Selector));
        check(&[("objectType", json!("airlock.dnd.workspace")), ("actionSelector", Value::Null)], Ok(()));
        check(&[("selectorHash", json!("x"))], Err(DndError::SelectorHash));
        let hash = selector_hash(read(policy()).action_selector.as_ref().unwrap()).unwrap();
        check(&[("selectorHash", json!(hash))], Ok(()));
        check(&[("expiresAt", json!("2026-01-01T00:00:00Z"))], Err(DndError::Expiry));
        check(&[("expiresAt", json!("2026-01-02T00:01:00Z"))], Ok(()));
        check(&[("expiresAt", json!("2026-01-02T00:01:00.001Z"))], Err(DndError::Expiry));
    }

    #[test]
    fn what_lacks_a_member_or_says_an_unknown_word_is_no_policy() {
        for key in ["requestId", "objectType", "workspaceId", "enforcerId", "policyMode", "expiresAt"] {
            let mut value = policy();
            value.as_object_mut().unwrap().remove(key);
            assert!(serde_json::from_value::<DndPolicy>(value).is_err(), "{key}");
        }
        for (key, word) in [("policyMode", "approve"), ("objectType", "airlock.dnd"), ("expiresAt", "soon")] {
            let mut value = policy();
            value[key] = json!(word);
            assert!(serde_json::from_value::<DndPolicy>(value).is_err(), "{key}");
        }
    }

    #[test]
    fn it_travels_under_the_protocols_names() {
        let text = serde_json::to_string(&read(policy())).unwrap();
        assert_eq!(
            text,
            r#"{"requestId":"dnd-1","objectType":"airlock.dnd.action","workspaceId":"w","enforcerId":"e","policyMode":"approve_all","actionSelector":{"argvPrefix":["git","status"]},"createdAt":"2026-01-01T00:00:00.000Z","expiresAt":"2026-01-01T01:00:00.000Z"}"#
        );
        assert_eq!(serde_json::from_str::<DndPolicy>(&text).unwrap(), read(policy()));
    }

    #[test]
    fn it_stands_for_its_own_and_until_its_end() {
        let mut policy = read(policy());
        let query = DndQuery { enforcer_id: "e", workspace_id: "w", session_id: Some("s") };
        assert!(policy.applies_to(&query, NOW));
        assert!(policy.applies_to(&DndQuery { session_id: None, ..query }, NOW));
        assert!(!policy.applies_to(&DndQuery { enforcer_id: "E", ..query }, NOW));
        assert!(!policy.applies_to(&DndQuery { workspace_id: "w ", ..query }, NOW));
        assert!(!policy.applies_to(&query, policy.expires_at));
        policy.session_id = Some("s".to_owned());
        assert!(policy.applies_to(&query, NOW));
        assert!(!policy.applies_to(&DndQuery { session_id: None, ..query }, NOW));
        assert!(!policy.applies_to(&DndQuery { session_id: Some("t"), ..query }, NOW));
    }
}

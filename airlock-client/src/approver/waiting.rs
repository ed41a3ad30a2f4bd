//! What waits for an approver, as the gateway hands it over: its form is checked, nothing in it is believed.

use std::collections::BTreeMap;

use airlock_core::Timestamp;
use airlock_core::approval::{ArtifactHash, RequestId};
use airlock_core::crypto::Ciphertext;
use airlock_proto::gateway::{ApprovalRequestEnvelope, ShapeError};
use serde::Deserialize;
use serde_json::Value;

use super::inert::Inert;

/// One request that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub(super) request_id: RequestId,
    pub(super) artifact_hash: ArtifactHash,
    pub(super) ciphertext: Option<Ciphertext>,
    pub(super) pairing_nonce: Option<String>,
    pub(super) approver_id: Option<String>,
    msg_id: Option<String>,
    claimed: Claimed,
}

/// What is said of a request in clear. Nothing binds it to what was sealed: show it as unverified, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Who asks.
    pub enforcer: Inert,
    /// What it is called.
    pub label: Option<Inert>,
    /// Through which app.
    pub app: Option<Inert>,
    /// What kind of thing.
    pub artifact_type: Inert,
    /// When the gateway got it.
    pub created_at: Option<Timestamp>,
    /// Until when it can be decided.
    pub expires_at: Option<Timestamp>,
    /// How it stands.
    pub state: Inert,
    /// Yes or no, where it was decided.
    pub decision: Option<Inert>,
    /// Whatever else the enforcer said beside it.
    pub metadata: Vec<(Inert, Inert)>,
}

impl Waiting {
    /// The enforcer's name for it.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }
    /// What a decision will be about.
    pub fn artifact_hash(&self) -> &ArtifactHash {
        &self.artifact_hash
    }
    /// What is said of it in clear.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }
    /// The message that brought it, to be acknowledged.
    pub fn msg_id(&self) -> Option<&str> {
        self.msg_id.as_deref()
    }
    /// Which pairing it names.
    pub fn pairing_nonce(&self) -> Option<&str> {
        self.pairing_nonce.as_deref()
    }
}

impl TryFrom<ApprovalRequestEnvelope> for Waiting {
    type Error = ShapeError;
    fn try_from(sent: ApprovalRequestEnvelope) -> Result<Self, ShapeError> {
        let time = |text: Option<String>| text.as_deref().and_then(Timestamp::parse_lenient);
        let inert = |text: Option<String>| text.as_deref().map(Inert::line);
        let body = sent.body;
        let metadata: BTreeMap<String, String> = body.metadata;
        Ok(Self {
            request_id: sent
                .request_id
                .parse()
                .map_err(|_| ShapeError::new("requestId", "1-128 letters, digits and . _ : ~ -"))?,
            artifact_hash: body.artifact_hash.parse().map_err(|_| {
                ShapeError::new("body.artifactHash", "1-256 bytes without control characters")
            })?,
            ciphertext: body.ciphertext,
            pairing_nonce: body.pairing_nonce,
            approver_id: sent.recipient.and_then(|recipient| recipient.approver_id),
            msg_id: sent.msg_id,
            claimed: Claimed {
                enforcer: Inert::line(&body.enforcer_id),
                label: inert(body.enforcer_label),
                app: inert(body.app_name),
                artifact_type: Inert::line(&body.artifact_type),
                created_at: time(sent.created_at),
                expires_at: time(sent.expires_at),
                state: Inert::line(&body.state),
                decision: inert(body.decision),
                metadata: metadata.iter().map(|(k, v)| (Inert::line(k), Inert::line(v))).collect(),
            },
        })
    }
}

/// A page of the inbox.
#[derive(Clone, Debug, Default)]
pub struct InboxPage {
    /// Newest first.
    pub waiting: Vec<Waiting>,
    /// Items of another form than ours, which this approver cannot show.
    pub unreadable: usize,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl InboxPage {
    /// Reads a page: one odd item does not hide the others.
    ///
    /// # Errors
    /// When it is no page.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Sent {
            body: Body,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            items: Vec<Value>,
            #[serde(default)]
            next_cursor: Option<String>,
        }
        let Sent { body } = serde_json::from_slice(bytes)?;
        let mut page = Self { next: body.next_cursor.filter(|c| !c.is_empty()), ..Self::default() };
        for item in body.items {
            let sent = serde_json::from_value::<ApprovalRequestEnvelope>(item).ok();
            match sent.and_then(|sent| Waiting::try_from(sent).ok()) {
                Some(waiting) => page.waiting.push(waiting),
                None => page.unreadable += 1,
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(request_id: &str) -> Value {
        json!({"msgId": "m", "msgType": "approval.request", "requestId": request_id, "recipient": {"approverId": "apr_1"},
            "expiresAt": "2026-01-01T00:10:00Z",
            "body": {"artifactType": "command-approval", "artifactHash": "h", "enforcerId": "e\u{1b}", "state": "PendingApproval",
                "ciphertext": {"alg": "none", "data": "planted"}, "metadata": {"repoName": "a\u{202e}"}, "pairingNonce": "pn"}})
    }

    #[test]
    fn one_odd_item_hides_no_other_and_what_is_claimed_is_inert() {
        let page = json!({"msgType": "inbox.page", "body": {"items": [item("req-1"), item("../x"), {"msgType": 7}, item("req-2")],
            "nextCursor": null}});
        let page = InboxPage::read(page.to_string().as_bytes()).unwrap();
        assert_eq!((page.waiting.len(), page.unreadable, page.next), (2, 2, None));
        let one = &page.waiting[0];
        assert_eq!((one.request_id().as_str(), one.artifact_hash().as_str()), ("req-1", "h"));
        assert_eq!((one.msg_id(), one.pairing_nonce()), (Some("m"), Some("pn")));
        assert_eq!(one.claimed().enforcer.as_str(), r"e\u{1b}");
        assert_eq!(one.claimed().metadata[0].1.as_str(), r"a\u{202e}");
        assert!(!format!("{one:?}").contains("planted"));
        assert!(InboxPage::read(b"{}").is_err() && InboxPage::read(b"<html>").is_err());
        let more = InboxPage::read(br#"{"body":{"items":[],"nextCursor":"c"}}"#).unwrap();
        assert_eq!(more.next.as_deref(), Some("c"));
    }
}

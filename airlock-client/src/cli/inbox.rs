//! `airlock-approve inbox`.

use serde_json::{Value, json};

use super::desk::Desk;
use super::error::CliError;
use super::request::left;
use crate::approver::{Approver, HashCheck, Waiting};

const COLUMNS: &[&str] = &["request_id", "type", "enforcer", "left", "check"];

pub(super) async fn inbox(desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let inbox = approver.inbox().await?;
    let items: Vec<Value> = inbox.waiting.iter().map(|waiting| told(waiting, &approver, desk)).collect();
    desk.output.list(&items, COLUMNS);
    if inbox.unreadable > 0 {
        desk.output.say(&format!("{} more have a form that this program does not know", inbox.unreadable));
    }
    if inbox.next.is_some() {
        desk.output.say("there are more, older ones");
    }
    Ok(())
}

/// What was decrypted is there in JSON, as text: whatever the agent wrote.
pub(super) fn told(waiting: &Waiting, approver: &Approver, desk: &Desk) -> Value {
    let claimed = waiting.claimed();
    let text = |said: &Option<crate::approver::Inert>| said.as_ref().map(|said| said.as_str().to_owned());
    let opened = approver.open(waiting);
    let check = match &opened {
        Ok(opened) if opened.hash_check() == HashCheck::Verified => "verified",
        Ok(_) => "not verifiable",
        Err(_) => "not opened",
    };
    json!({
        "request_id": waiting.request_id(),
        "type": claimed.artifact_type.as_str(),
        "enforcer": claimed.enforcer.as_str(),
        "label": text(&claimed.label),
        "app": text(&claimed.app),
        "created_at": claimed.created_at,
        "expires_at": claimed.expires_at,
        "left": claimed.expires_at.map(|end| left(desk.now(), end)),
        "pairing": waiting.pairing_nonce(),
        "artifact_hash": waiting.artifact_hash().as_str(),
        "check": check,
        "asked": opened.ok().map(|opened| String::from_utf8_lossy(opened.expose()).into_owned()),
    })
}

//! `airlock-approve pair`, `pairings`, `unpair`.

use std::time::Duration;

use airlock_core::Timestamp;
use serde_json::json;

use super::desk::Desk;
use super::error::CliError;
use super::person::is_yes;
use crate::approver::{Approver, Invitation, InvitationError};
use crate::error::ClientError;

/// Between two looks whether somebody took up a code.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const COLUMNS: &[&str] = &["nonce", "enforcer", "label", "workspace", "paired_at"];

pub(super) async fn by_their_code(code: &str, desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let invitation = approver.resolve(code).await?;
    agree(&invitation, &approver, desk).await
}

pub(super) async fn by_own_code(label: Option<&str>, desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let made = approver.pre_generate(label).await?;
    desk.output.say(&format!("Give this code to the agent: {}", made.pairing_code));
    desk.output.say(&format!("It holds until {}; waiting for somebody to take it up.", made.expires_at));
    let ends_at = Timestamp::parse_lenient(&made.expires_at);
    let invitation = loop {
        match approver.resolve(&made.pairing_code).await {
            Ok(invitation) => break invitation,
            Err(ClientError::Invitation(InvitationError::NotClaimed)) => {}
            Err(error) if error.is_passing() => {}
            Err(error) => return Err(error.into()),
        }
        if ends_at.is_some_and(|end| desk.now() > end) {
            return Err(CliError::NotDone("nobody took the code up"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    if invitation.nonce() != made.pairing_nonce {
        return Err(CliError::NotDone(
            "the gateway shows another pairing under this code; nothing was agreed to",
        ));
    }
    agree(&invitation, &approver, desk).await
}

async fn agree(invitation: &Invitation, approver: &Approver, desk: &mut Desk) -> Result<(), CliError> {
    let output = desk.output;
    output.say("Wants to pair; what it says of itself, verified by nobody:");
    for (what, text) in invitation.claimed() {
        output.say(&super::request::barred(&format!("{what}: {text}")));
    }
    output.say(&format!("The agent's key: {}", invitation.enforcer_key()));
    output.say(&format!("Your fingerprint: {}", approver.fingerprint()));
    let said = desk.person().ask("Pair? y, or n (the agent is told so); anything else leaves it open").await;
    match said.as_deref() {
        Some(word) if is_yes(word) => {}
        Some("n" | "N" | "no") => {
            approver.refuse(invitation).await?;
            return Err(CliError::NotDone("not paired"));
        }
        _ => return Err(CliError::NotDone("not paired; nothing was sent")),
    }
    approver.accept(invitation).await?;
    output.say(&format!("Paired. The agent must show the same fingerprint: {}", approver.fingerprint()));
    output.say(
        "If it shows another one, somebody stands between you: run `airlock-approve unpair` with this nonce.",
    );
    output.value("nonce", invitation.nonce());
    Ok(())
}

pub(super) fn list(desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver_offline()?;
    let pairings = approver.with_keys(|keys| {
        let told = keys.pairings().map(|(nonce, paired)| {
            json!({
                "nonce": nonce,
                "enforcer": paired.enforcer_id(),
                "label": paired.label(),
                "workspace": paired.workspace(),
                "paired_at": paired.paired_at(),
            })
        });
        told.collect::<Vec<_>>()
    });
    desk.output.list(&pairings, COLUMNS);
    desk.output.say(&format!("Your fingerprint: {}", approver.fingerprint()));
    Ok(())
}

pub(super) async fn unpair(nonce: &str, desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    approver.revoke(nonce).await?;
    desk.output.value("unpaired", nonce);
    Ok(())
}

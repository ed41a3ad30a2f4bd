//! `airlock-approve watch`: each request as it comes, until the person leaves.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::approval::RequestId;

use super::decide::{approval, send, shown};
use super::desk::Desk;
use super::error::CliError;
use super::menu::{Menu, Said};
use super::request::left;
use crate::approver::{Approver, Choice, InboxPage, LOOK_EVERY, Live, Waiting};

/// Times before the end at which an open question says how long it still is.
const REMINDERS: [Duration; 3] = [Duration::from_secs(120), Duration::from_secs(60), Duration::from_secs(15)];

/// What ended a question.
enum Heard {
    Said(Said),
    /// The request is over without us.
    Gone,
    /// Ctrl-C, or nobody types any more.
    Left,
}

/// Ctrl-C, heard once.
type Leaving = Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;

pub(super) async fn watch(desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    // From now on: what is typed while nothing is asked answers nothing.
    desk.person();
    let mut leaving: Leaving = Box::pin(tokio::signal::ctrl_c());
    desk.output
        .say(&format!("Waiting for requests; Ctrl-C leaves. Your fingerprint: {}", approver.fingerprint()));
    // Those that were skipped are not asked about twice.
    let mut passed: BTreeSet<RequestId> = BTreeSet::new();
    let mut is_away = false;
    let mut live = approver.live();
    loop {
        let looked = tokio::select! {
            looked = approver.inbox() => looked,
            _ = &mut leaving => return left_now(desk),
        };
        let inbox = match looked {
            Ok(inbox) => {
                is_away = false;
                inbox
            }
            Err(error) if error.is_passing() => {
                if !is_away {
                    desk.output.say(&format!("{error}; trying again"));
                }
                is_away = true;
                InboxPage::default()
            }
            Err(error) => return Err(error.into()),
        };
        // The oldest first: it expires first.
        match inbox.waiting.iter().rev().find(|waiting| !passed.contains(waiting.request_id())) {
            Some(waiting) => {
                if !answer(waiting, &approver, &mut live, desk, &mut leaving).await? {
                    return left_now(desk);
                }
                passed.insert(waiting.request_id().clone());
            }
            // A script that has said all leaves once nothing waits.
            None if desk.person().is_gone() => return left_now(desk),
            None => tokio::select! {
                // A look that failed is made again, whatever the gateway tells.
                () = tokio::time::sleep(LOOK_EVERY), if is_away => {}
                () = live.changed(), if !is_away => {}
                _ = &mut leaving => return left_now(desk),
            },
        }
    }
}

fn left_now(desk: &Desk) -> Result<(), CliError> {
    desk.output.say("\nLeft; what waits goes on waiting.");
    Ok(())
}

/// Shows one request and sends what the person says; false when they leave.
async fn answer(
    waiting: &Waiting,
    approver: &Approver,
    live: &mut Live,
    desk: &mut Desk,
    leaving: &mut Leaving,
) -> Result<bool, CliError> {
    let (opened, menu) = shown(waiting, approver, desk);
    let said = match hear(&menu, waiting, approver, live, desk, leaving).await? {
        Heard::Left => return Ok(false),
        Heard::Gone => {
            desk.output.say("\n   It is over: answered elsewhere, withdrawn, or expired.");
            return Ok(true);
        }
        Heard::Said(said) => said,
    };
    let choice = match (said, opened.as_ref()) {
        (Said::Approve, Ok(opened)) => approval(opened),
        (Said::Reject, _) => Choice::Reject(waiting),
        _ => {
            desk.output.say("   Skipped; `airlock-approve inbox` lists it.");
            return Ok(true);
        }
    };
    let reason = tokio::select! {
        reason = desk.person().ask("Reason, for the agent to read; Enter for none") => reason,
        _ = leaving => return Ok(false),
    };
    let Some(reason) = reason else { return Ok(false) };
    match send(choice, waiting.request_id().as_str(), Some(&reason), approver, desk).await {
        // Of this one request; the next may go well.
        Err(error @ CliError::NotDone(_)) => desk.output.say(&format!("   {error}")),
        Err(CliError::Client(error)) if error.refusal().is_some() => {
            desk.output.say(&format!("   Not sent: {error}"));
        }
        other => other?,
    }
    Ok(true)
}

/// Waits for an answer that means something, as long as the request waits for one.
async fn hear(
    menu: &Menu,
    waiting: &Waiting,
    approver: &Approver,
    live: &mut Live,
    desk: &mut Desk,
    leaving: &mut Leaving,
) -> Result<Heard, CliError> {
    let question = menu.question();
    let end = waiting.claimed().expires_at;
    let left_first = end.map(|end| end.since(desk.now())).unwrap_or_default();
    let mut reminders = REMINDERS.into_iter().filter(|before| left_first > *before).peekable();
    desk.person().put(&question).await;
    loop {
        let remind_in =
            end.zip(reminders.peek()).map(|(end, before)| end.since(desk.now()).saturating_sub(*before));
        tokio::select! {
            typed = desk.person().line() => match typed.map(|typed| menu.read(&typed)) {
                None => return Ok(Heard::Left),
                Some(Said::Unclear) => desk.person().put(&question).await,
                Some(said) => return Ok(Heard::Said(said)),
            },
            () = live.changed() => {
                if is_gone(waiting, approver, desk.now()).await? {
                    return Ok(Heard::Gone);
                }
            }
            () = tokio::time::sleep(remind_in.unwrap_or_default()), if remind_in.is_some() => {
                reminders.next();
                let end = end.unwrap_or_default();
                desk.output.say(&format!("\n   {} left", left(desk.now(), end)));
                desk.output.prompt();
            }
            _ = &mut *leaving => return Ok(Heard::Left),
        }
    }
}

/// A gateway that is away for a moment ends nothing.
async fn is_gone(waiting: &Waiting, approver: &Approver, now: Timestamp) -> Result<bool, CliError> {
    match approver.inbox().await {
        Ok(inbox) => Ok(!inbox.waiting.iter().any(|other| other.request_id() == waiting.request_id())),
        Err(error) if error.is_passing() => Ok(waiting.claimed().expires_at.is_some_and(|end| now > end)),
        Err(error) => Err(error.into()),
    }
}

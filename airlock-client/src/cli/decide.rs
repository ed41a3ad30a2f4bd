//! `airlock-approve approve`, `reject`: one request, by its id.

use super::desk::{Desk, find, is_over};
use super::error::CliError;
use super::menu::{Menu, Said, Sight};
use super::request::Page;
use crate::approver::{Approver, Choice, NotOpened, Opened, Waiting};

const PASSED: CliError = CliError::NotDone("not answered; nothing was sent");

/// A request, opened and put on the screen, with the answers to it.
pub(super) fn shown<'a>(
    waiting: &'a Waiting,
    approver: &Approver,
    desk: &Desk,
) -> (Result<Opened<'a>, NotOpened>, Menu) {
    let opened = approver.open(waiting);
    let page = approver.with_keys(|keys| {
        let paired = waiting.pairing_nonce().and_then(|nonce| keys.pairing(nonce));
        Page::of(waiting, opened.as_ref().map_err(|why| *why), paired, desk.now())
    });
    desk.output.say(&page.text);
    let menu = Menu::of(opened.as_ref().ok(), page.left_out);
    (opened, menu)
}

/// What is signed for an approval; where not all was seen, the person said that they know.
pub(super) fn approval<'a>(opened: &'a Opened<'a>) -> Choice<'a> {
    Choice::Approve(opened.verified().unwrap_or_else(|| opened.dangerous_unverified()))
}

/// Sends it, and says so on stdout.
pub(super) async fn send(
    choice: Choice<'_>,
    id: &str,
    reason: Option<&str>,
    approver: &Approver,
    desk: &Desk,
) -> Result<(), CliError> {
    let word = match choice {
        Choice::Approve(_) => "approved",
        Choice::Reject(_) => "rejected",
    };
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    match approver.decide(choice, reason).await {
        Ok(()) => {
            desk.output.say(word);
            desk.output.value(word, id);
            Ok(())
        }
        Err(error) if is_over(&error) => {
            Err(CliError::NotDone("too late: it was answered elsewhere, withdrawn, or has expired"))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn approve(
    id: &str,
    yes: bool,
    reason: Option<&str>,
    desk: &mut Desk,
) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let inbox = approver.inbox().await?;
    let waiting = find(&inbox, id)?;
    let (opened, menu) = shown(waiting, &approver, desk);
    let Ok(opened) = opened else {
        return Err(CliError::NotDone("what does not open cannot be approved; it can be rejected"));
    };
    let said = if yes {
        match menu.sight() {
            Sight::Whole => Said::Approve,
            Sight::Part | Sight::Nothing => {
                return Err(CliError::NotDone("--yes is not enough: not all that will be signed was shown"));
            }
        }
    } else {
        match desk.person().ask(&menu.question()).await {
            Some(typed) => menu.read(&typed),
            None => Said::Pass,
        }
    };
    match said {
        Said::Approve => send(approval(&opened), id, reason, &approver, desk).await,
        Said::Reject => send(Choice::Reject(waiting), id, reason, &approver, desk).await,
        Said::Pass | Said::Unclear => Err(PASSED),
    }
}

pub(super) async fn reject(id: &str, reason: Option<&str>, desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let inbox = approver.inbox().await?;
    let waiting = find(&inbox, id)?;
    send(Choice::Reject(waiting), id, reason, &approver, desk).await
}

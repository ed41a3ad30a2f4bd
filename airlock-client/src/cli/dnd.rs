//! `airlock-approve dnd`: what is decided in advance.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::approval::dnd::DndMode;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::desk::Desk;
use super::error::CliError;
use super::person::is_yes;
use super::request::{barred, left};
use crate::approver::{Approver, ApproverKeys, StandingWish, StandsBy, stands_by};

const COLUMNS: &[&str] = &["id", "says", "enforcer", "workspace", "commands", "left", "signed_by"];

#[derive(Debug, Subcommand)]
pub(super) enum DndCommand {
    /// List what stands
    Show,
    /// Decide in advance, for a time; asks before it signs
    Set(Set),
    /// Take back what was decided in advance
    Off {
        /// Its id, as `dnd show` lists it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All that stands
        #[arg(long)]
        all: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Says {
    /// Yes, without asking
    Approve,
    /// No, without asking
    Deny,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// What is answered
    says: Says,
    /// Whose requests: the pairing's nonce, as `pairings` lists it; may be left out where there is one pairing
    #[arg(long)]
    pairing: Option<String>,
    /// How long: 30m, 2h, 1d; 24 hours at most
    #[arg(long = "for", value_name = "TIME", value_parser = duration, required_unless_present = "until", conflicts_with = "until")]
    duration: Option<Duration>,
    /// Until when, such as 2026-01-01T18:00:00Z; 24 hours ahead at most
    #[arg(long, value_parser = instant)]
    until: Option<Timestamp>,
    /// Only commands that begin with these words; a yes is then for one plain command, without what a shell makes more of
    #[arg(long, value_name = "WORDS")]
    command: Option<String>,
    /// Only this type of request
    #[arg(long = "type", value_name = "TYPE")]
    artifact_type: Option<String>,
    /// Only this session of the agent's
    #[arg(long)]
    session: Option<String>,
    /// Another workspace than the one that the agent paired for
    #[arg(long)]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn dnd(command: DndCommand, desk: &mut Desk) -> Result<(), CliError> {
    match command {
        DndCommand::Show => show(desk).await,
        DndCommand::Set(set) => stand(set, desk).await,
        DndCommand::Off { id: Some(id), .. } => {
            desk.approver().await?.end_standing(&id).await?;
            desk.output.value("off", &id);
            Ok(())
        }
        DndCommand::Off { id: None, .. } => off(desk).await,
    }
}

async fn show(desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let standing = approver.standing().await?;
    let now = desk.now();
    let items =
        approver.with_keys(|keys| standing.iter().map(|one| told(one, keys, now)).collect::<Vec<_>>());
    desk.output.list(&items, COLUMNS);
    Ok(())
}

fn told(signed: &Map<String, Value>, keys: &ApproverKeys, now: Timestamp) -> Value {
    let text = |member: &str| signed.get(member).and_then(Value::as_str);
    let words = signed.get("actionSelector").and_then(|selector| selector["argvPrefix"].as_array());
    let words = words.map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    let end = text("expiresAt").and_then(Timestamp::parse_lenient);
    json!({
        "id": text("requestId"),
        "says": match text("policyMode") { Some("approve_all") => "approve", _ => "deny" },
        "enforcer": text("enforcerId"),
        "workspace": text("workspaceId"),
        "session": text("sessionId"),
        "type": text("targetArtifactType"),
        "commands": words,
        "expires_at": end,
        "left": end.map(|end| left(now, end)),
        "signed_by": match stands_by(signed, keys) {
            StandsBy::These => "this device",
            StandsBy::Others => "another device, or nobody",
            StandsBy::Forged => "NOT this device, though it says so",
        },
    })
}

async fn off(desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    for one in approver.standing().await? {
        let Some(id) = one.get("requestId").and_then(Value::as_str) else { continue };
        approver.end_standing(id).await?;
        desk.output.value("off", id);
    }
    Ok(())
}

async fn stand(set: Set, desk: &mut Desk) -> Result<(), CliError> {
    let approver = desk.approver().await?;
    let wish = set.wish(&approver, desk.now())?;
    let output = desk.output;
    let says = if wish.mode == DndMode::ApproveAll {
        "APPROVES, without asking you,"
    } else {
        "denies, without asking you,"
    };
    output.say(&format!("This {says} for {}:", left(desk.now(), wish.expires_at)));
    let said = [
        ("of the enforcer", Some(&wish.enforcer)),
        ("in the workspace", Some(&wish.workspace)),
        ("in the session", wish.session.as_ref()),
        ("of the type", wish.artifact_type.as_ref()),
        ("commands that begin with", wish.command.as_ref()),
    ];
    for (what, text) in said.into_iter().filter_map(|(what, text)| Some((what, text?))) {
        output.say(&barred(&format!("{what}: {text}")));
    }
    if wish.command.is_none() {
        output.say(if wish.artifact_type.is_some() {
            "Everything of that type."
        } else {
            "Everything that it asks."
        });
    }
    if !set.yes
        && !desk.person().ask("Sign? y, anything else does not").await.is_some_and(|word| is_yes(&word))
    {
        return Err(CliError::NotDone("not signed; nothing was sent"));
    }
    let name = approver.stand(&wish).await?;
    output.say("It stands. `airlock-approve dnd off` with this id takes it back.");
    output.value("id", &name);
    Ok(())
}

impl Set {
    fn wish(&self, approver: &Approver, now: Timestamp) -> Result<StandingWish, CliError> {
        let mode = match self.says {
            Says::Approve => DndMode::ApproveAll,
            Says::Deny => DndMode::DenyAll,
        };
        let until = self.until.or_else(|| Some(now.after(self.duration?)));
        let until = until.ok_or(CliError::Usage("say --for or --until"))?;
        let wish = approver.with_keys(|keys| {
            let mut all = keys.pairings();
            let paired = match (&self.pairing, all.next(), all.next()) {
                (Some(nonce), ..) => keys.pairing(nonce),
                (None, Some((_, only)), None) => Some(only),
                _ => {
                    return Err(CliError::Usage(
                        "say --pairing with a nonce that `airlock-approve pairings` lists",
                    ));
                }
            };
            let paired = paired.ok_or(CliError::Usage("no pairing of this nonce is here"))?;
            let wish = StandingWish::about(paired, mode, until);
            wish.ok_or(CliError::Usage(
                "the agent told no name when it was paired, so nothing can be decided for it",
            ))
        })?;
        Ok(StandingWish {
            workspace: self.workspace.clone().unwrap_or(wish.workspace),
            session: self.session.clone(),
            artifact_type: self.artifact_type.clone(),
            command: self.command.clone(),
            ..wish
        })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a number and s, m, h or d, such as 30m; 24 hours at most".to_owned();
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let s = match &text[at..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..at].parse().map_err(|_| wrong())?;
    let s = count.checked_mul(s).filter(|s| (1..=86_400).contains(s)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(s))
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_lenient(text).ok_or_else(|| "a time such as 2026-01-01T18:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it_and_a_day_at_most() {
        for (text, s) in
            [("90s", 90), ("30m", 1_800), ("5min", 300), ("2h", 7_200), ("24h", 86_400), ("1d", 86_400)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(s)), "{text}");
        }
        for text in
            ["", "1", "h", "0m", "25h", "2d", "-1h", "1.5h", "1 h", "99999999999999999999h", "1w", "١h"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

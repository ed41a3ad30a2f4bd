//! Secrets that came on the command line: taken as documented, with a word on better ways, and off the list of processes.

use std::ffi::{OsStr, OsString};
use std::io::BufRead as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command as Program;

use airlock_core::Secret;

use super::args::{Args, Command, YamlCommand};
use crate::config::Environment;
use crate::error::WorkerError;

/// What the command line gave.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) token: Option<Secret<String>>,
    pub(super) database_url: Option<Secret<String>>,
    /// For the log, once there is one.
    pub(super) warnings: Vec<&'static str>,
}

/// Starts this program again with `***` where secrets stood: every user of the host can read a command line for as long as
/// the process runs, but the environment only this user. Returns when there is nothing to hide, or it cannot be done.
#[expect(clippy::disallowed_methods, reason = "no other process: this one, with another line")]
pub(super) fn hide(args: &mut Args) {
    let [token, database_url] = places(&mut args.command);
    let shown: Vec<(&str, String)> = [(TOKEN, token), (DATABASE_URL, database_url)]
        .into_iter()
        .filter_map(|(name, place)| Some((name, place?.clone()?)))
        .filter(|(_, value)| !matches!(value.as_str(), HIDDEN | "-"))
        .collect();
    if shown.is_empty() {
        return;
    }
    let values: Vec<&str> = shown.iter().map(|(_, value)| value.as_str()).collect();
    let mut line = std::env::args_os();
    let own_name = line.next().unwrap_or_default();
    let Ok(program) = std::env::current_exe() else { return };
    // What cannot be started again goes on as it is: the warning tells of it anyway.
    let _ = Program::new(program)
        .arg0(own_name)
        .args(line.map(|argument| without(&argument, &values)))
        .envs(shown.iter().map(|(name, value)| (*name, value.as_str())))
        .exec();
}

/// An argument that is a secret, or ends in `=secret`, without it.
fn without(argument: &OsStr, secrets: &[&str]) -> OsString {
    let kept = secrets.iter().find_map(|secret| {
        let kept = argument.as_bytes().strip_suffix(secret.as_bytes())?;
        (kept.is_empty() || kept.ends_with(b"=")).then_some(kept)
    });
    match kept {
        Some(kept) => OsString::from_vec([kept, HIDDEN.as_bytes()].concat()),
        None => argument.to_owned(),
    }
}

/// Takes the secrets out of the arguments.
///
/// # Errors
/// When a token was to come from standard input and did not.
pub(super) fn take(args: &mut Args) -> Result<Given, WorkerError> {
    let [token, database_url] = places(&mut args.command).map(|place| place.and_then(Option::take));
    let mut given = Given::default();
    given.token = match token.as_deref() {
        None => None,
        Some("-") => Some(read_line()?),
        Some(_) => {
            given.warnings.push(TOKEN_SEEN);
            token.map(|token| unhidden(token, TOKEN))
        }
    };
    given.database_url = database_url.map(|url| {
        given.warnings.push(DATABASE_URL_SEEN);
        unhidden(url, DATABASE_URL)
    });
    Ok(given)
}

fn unhidden(value: String, name: &str) -> Secret<String> {
    let hidden = || Environment::of_process().take(name).unwrap_or_default().to_owned();
    Secret::new(if value == HIDDEN { hidden() } else { value })
}

/// Where a command's token and database URL are, if it takes them.
fn places(command: &mut Command) -> [Option<&mut Option<String>>; 2] {
    match command {
        Command::Up(up) => [Some(&mut up.token), Some(&mut up.database_url)],
        Command::Register(register) => [Some(&mut register.enrollment_token), None],
        Command::Init(init) => [None, Some(&mut init.database_url)],
        Command::Yaml(YamlCommand::Lint(lint)) => [None, Some(&mut lint.database_url)],
        Command::Yaml(YamlCommand::Preview(preview)) => [None, Some(&mut preview.database_url)],
        _ => [None, None],
    }
}

fn read_line() -> Result<Secret<String>, WorkerError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    match read.map(|_| line.trim()) {
        Ok(token) if !token.is_empty() => Ok(Secret::new(token.to_owned())),
        _ => Err(WorkerError::Missing("no token came on standard input")),
    }
}

/// What stands where a secret was.
const HIDDEN: &str = "***";
/// Where the started program finds it. Not for people: the documented variables would clash with their `_FILE` forms.
const TOKEN: &str = "AIRLOCK_HIDDEN_TOKEN";
const DATABASE_URL: &str = "AIRLOCK_HIDDEN_DATABASE_URL";

const TOKEN_SEEN: &str = "a token on the command line can be seen by every user of this host and stays in shell histories; use AIRLOCK_ENROLLMENT_TOKEN or --token=-";
const DATABASE_URL_SEEN: &str = "--database-url can be seen by every user of this host and stays in shell histories; use DATABASE_URL or AIRLOCK_DATABASE_URL_FILE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_is_taken_out_of_a_line() {
        for (argument, expected) in [
            ("--token=enroll_x", "--token=***"),
            ("enroll_x", "***"),
            ("--enrollment-token=enroll_x", "--enrollment-token=***"),
            ("--cp=https://cp", "--cp=https://cp"),
            ("an_enroll_x", "an_enroll_x"),
            ("up", "up"),
        ] {
            assert_eq!(without(OsStr::new(argument), &["enroll_x"]), expected, "{argument}");
        }
    }
}

//! Secrets that came on the command line: taken as documented, with a word on better ways.

use std::io::BufRead as _;

use airlock_core::Secret;

use super::args::{Args, Command, YamlCommand};
use crate::error::WorkerError;

/// What the command line gave.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) token: Option<Secret<String>>,
    pub(super) database_url: Option<Secret<String>>,
    /// For the log, once there is one.
    pub(super) warnings: Vec<&'static str>,
}

/// Takes the secrets out of the arguments.
///
/// # Errors
/// When a token was to come from standard input and did not.
pub(super) fn take(args: &mut Args) -> Result<Given, WorkerError> {
    let (token, database_url) = match &mut args.command {
        Command::Up(up) => (up.token.take(), up.database_url.take()),
        Command::Register(register) => (register.enrollment_token.take(), None),
        Command::Init(init) => (None, init.database_url.take()),
        Command::Yaml(YamlCommand::Lint(lint)) => (None, lint.database_url.take()),
        Command::Yaml(YamlCommand::Preview(preview)) => (None, preview.database_url.take()),
        _ => (None, None),
    };
    let mut given = Given::default();
    given.token = match token.as_deref() {
        None => None,
        Some("-") => Some(read_line()?),
        Some(_) => {
            given.warnings.push(TOKEN_SEEN);
            token.map(Secret::new)
        }
    };
    given.database_url = database_url.map(|url| {
        given.warnings.push(DATABASE_URL_SEEN);
        Secret::new(url)
    });
    Ok(given)
}

fn read_line() -> Result<Secret<String>, WorkerError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    match read.map(|_| line.trim()) {
        Ok(token) if !token.is_empty() => Ok(Secret::new(token.to_owned())),
        _ => Err(WorkerError::Missing("no token came on standard input")),
    }
}

const TOKEN_SEEN: &str = "a token on the command line is seen by every user of this host; use AIRLOCK_ENROLLMENT_TOKEN or --token=-";
const DATABASE_URL_SEEN: &str =
    "--database-url is seen by every user of this host; use DATABASE_URL or AIRLOCK_DATABASE_URL_FILE";

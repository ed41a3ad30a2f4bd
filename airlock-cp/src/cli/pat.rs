//! `airlock-cp pat …`. Tokens are made by their owners, in the browser.

use clap::Subcommand;
use http::Method;

use super::door::Door;
use super::error::CliError;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum PatCommand {
    /// List the tokens of an organization's members
    List {
        /// The organization's id or slug
        #[arg(long, default_value = "default")]
        org: String,
    },
    /// Take a token back, at once
    Revoke {
        /// The organization's id or slug
        #[arg(long, default_value = "default")]
        org: String,
        /// The token's id: pat_…
        id: String,
    },
}

const COLUMNS: &[&str] = &["id", "user_id", "name", "hint", "expires_at", "last_used_at", "revoked_at"];

pub(super) async fn run(command: PatCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        PatCommand::List { org } => {
            output.list(&door.list_in(Some(&org), "/api/v1/org/pats").await?, COLUMNS);
        }
        PatCommand::Revoke { org, id } => {
            door.call_in(Some(&org), Method::DELETE, &format!("/api/v1/org/pats/{id}"), None).await?;
            output.value("revoked", &id);
        }
    }
    Ok(())
}

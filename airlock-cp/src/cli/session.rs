//! `airlock-cp session …`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::door::Door;
use super::error::CliError;
use super::output::Output;
use super::user::id_of;

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// List the browsers that a person is signed in with
    List {
        /// Their id or e-mail address
        user: String,
    },
    /// End a person's sessions, with every token of theirs; or one session alone
    Revoke {
        /// Their id or e-mail address
        user: String,
        /// End this session only
        #[arg(long)]
        session: Option<String>,
    },
}

pub(super) async fn run(command: SessionCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        SessionCommand::List { user } => {
            let path = format!("/api/v1/admin/users/{}/sessions", id_of(&user, door).await?);
            let sessions = door.list(&path).await?;
            output.list(&sessions, &["id", "ip", "user_agent", "created_at", "last_seen_at", "expires_at"]);
        }
        SessionCommand::Revoke { user, session } => {
            let id = id_of(&user, door).await?;
            let body = json!({"session_id": session});
            let path = format!("/api/v1/admin/users/{id}/sessions/revoke");
            door.call(Method::POST, &path, Some(&body)).await?;
            output.value("revoked", session.as_deref().unwrap_or(&id));
        }
    }
    Ok(())
}

//! `airlock-cp user …`.

use std::io::Read as _;

use airlock_core::Secret;
use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::door::Door;
use super::error::CliError;
use super::output::Output;

const USERS: &str = "/api/v1/admin/users";
const COLUMNS: &[&str] = &["id", "email", "status", "name", "email_verified_at", "last_login_at"];
const PASSWORD_BYTES_MAX: u64 = 1_024;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make a person; prints a link with which they choose a password, once, within a day
    Create {
        /// Their e-mail address; you vouch that it is theirs
        email: String,
        /// What people call them; what stands before the @ when absent
        #[arg(long)]
        name: Option<String>,
        /// Make them an owner: of the organization `default`, unless --org or --new-org says another
        #[arg(long)]
        owner: bool,
        /// The organization that they shall own: its id or slug
        #[arg(long, requires = "owner", conflicts_with = "new_org")]
        org: Option<String>,
        /// Make an organization of this name for them to own
        #[arg(long, requires = "owner", value_name = "NAME")]
        new_org: Option<String>,
        /// Read their password from stdin; prints their id then
        #[arg(long)]
        password_stdin: bool,
    },
    /// List people
    List,
    /// Show a person
    Show {
        /// Their id or e-mail address
        user: String,
    },
    /// Sign a person out everywhere, and refuse them until they are enabled
    Disable {
        /// Their id or e-mail address
        user: String,
    },
    /// Let a disabled person in again
    Enable {
        /// Their id or e-mail address
        user: String,
    },
    /// Delete a person with their sessions, tokens and memberships; their audit rows stay
    Delete {
        /// Their id or e-mail address
        user: String,
        /// Say that you mean it
        #[arg(long)]
        yes: bool,
    },
    /// Invite an address into an organization; prints the link, once
    Invite {
        /// Who is asked
        email: String,
        /// Into which organization: its id or slug
        #[arg(long, default_value = "default")]
        org: String,
        /// As what: owner, admin, approver, member, auditor or billing
        #[arg(long, default_value = "member")]
        role: String,
    },
}

pub(super) async fn run(command: UserCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        UserCommand::Create { email, name, owner, org, new_org, password_stdin } => {
            let owner_of = owner.then(|| org.unwrap_or_else(|| "default".to_owned()));
            let owner_of = owner_of.filter(|_| new_org.is_none());
            let password = if password_stdin { Some(read_password()?) } else { None };
            let body = json!({
                "email": email, "name": name, "owner_of": owner_of, "new_org": new_org,
                "password": password.as_ref().map(|p| p.expose().as_str()),
            });
            let made = door.call(Method::POST, USERS, Some(&body)).await?;
            if made["link"].is_string() {
                output.say("this is the only time the link is shown; it holds for a day");
                output.object(&made, "link");
            } else {
                output.object(&made, "id");
            }
        }
        UserCommand::List => output.list(&door.list(USERS).await?, COLUMNS),
        UserCommand::Show { user } => {
            let path = format!("{USERS}/{}", id_of(&user, door).await?);
            show(door.call(Method::GET, &path, None).await?, COLUMNS, "id", output);
        }
        UserCommand::Disable { user } => set_status(&user, "disabled", door, output).await?,
        UserCommand::Enable { user } => set_status(&user, "active", door, output).await?,
        UserCommand::Delete { user, yes } => {
            if !yes {
                return Err(CliError::Usage(
                    "deleting a person ends all that they have here; say --yes".to_owned(),
                ));
            }
            let id = id_of(&user, door).await?;
            door.call(Method::DELETE, &format!("{USERS}/{id}"), None).await?;
            output.value("deleted", &id);
        }
        UserCommand::Invite { email, org, role } => {
            super::org::invite(&org, &email, &role, door, output).await?
        }
    }
    Ok(())
}

async fn set_status(user: &str, status: &str, door: &Door, output: &Output) -> Result<(), CliError> {
    let path = format!("{USERS}/{}", id_of(user, door).await?);
    let user = door.call(Method::PATCH, &path, Some(&json!({"status": status}))).await?;
    output.object(&user, "status");
    Ok(())
}

/// The id of a person who is named by it or by their address. Addresses do not go into URLs.
pub(super) async fn id_of(user: &str, door: &Door) -> Result<String, CliError> {
    if !user.contains('@') {
        return Ok(user.to_owned());
    }
    let key = |text: &str| text.parse::<crate::mail::EmailAddress>().ok().map(|a| a.key().to_owned());
    let wanted = key(user).ok_or_else(|| CliError::Usage("not an e-mail address".to_owned()))?;
    let all = door.list(USERS).await?;
    let found = all.iter().find(|u| u["email"].as_str().and_then(key).as_ref() == Some(&wanted));
    let id = found.and_then(|u| u["id"].as_str()).map(str::to_owned);
    id.ok_or_else(|| CliError::Refused {
        code: "not_found".to_owned(),
        detail: "no such user".to_owned(),
        status: http::StatusCode::NOT_FOUND,
    })
}

// Not an argument: other people of the machine see those.
fn read_password() -> Result<Secret<String>, CliError> {
    let mut text = String::new();
    let read = std::io::stdin().take(PASSWORD_BYTES_MAX + 2).read_to_string(&mut text);
    read.map_err(|_| CliError::Usage("stdin holds no password".to_owned()))?;
    let text = Secret::new(text);
    Ok(Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned()))
}

/// Shows one object, as a row for people.
pub(super) fn show(object: Value, columns: &[&str], member: &str, output: &Output) {
    if output.is_json() {
        output.object(&object, member);
    } else {
        output.list(&[object], columns);
    }
}

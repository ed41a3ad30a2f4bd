//! `airlock-cp org …`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::door::Door;
use super::error::CliError;
use super::output::Output;
use super::user::{id_of, show};

const ORGS: &str = "/api/v1/admin/orgs";
const ORG: &str = "/api/v1/org";
const COLUMNS: &[&str] = &["id", "slug", "name", "created_at"];

#[derive(Debug, Subcommand)]
pub(super) enum OrgCommand {
    /// Make an organization without members; prints its id
    Create {
        /// What people call it
        name: String,
        /// Its name in URLs; made of the name when absent
        #[arg(long)]
        slug: Option<String>,
    },
    /// List organizations
    List,
    /// Show an organization
    Show {
        /// Its id or slug
        org: String,
    },
    /// Rename an organization
    Rename {
        /// Its id or slug
        org: String,
        /// What people shall call it
        name: String,
    },
    /// Delete an organization that has no tenants; its people and its audit rows stay
    Delete {
        /// Its id or slug
        org: String,
        /// Say that you mean it
        #[arg(long)]
        yes: bool,
    },
    /// List an organization's members
    Members {
        /// Its id or slug
        org: String,
    },
    /// Invite an address; prints the link, once
    Invite {
        /// Into which organization: its id or slug
        org: String,
        /// Who is asked
        email: String,
        /// As what: owner, admin, approver, member, auditor or billing
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// Make a member something else
    Role {
        /// The organization's id or slug
        org: String,
        /// Their id or e-mail address
        user: String,
        /// What they shall be: owner, admin, approver, member, auditor or billing
        role: String,
    },
    /// Remove a member, with the tokens they have in the organization
    Remove {
        /// The organization's id or slug
        org: String,
        /// Their id or e-mail address
        user: String,
    },
}

pub(super) async fn run(command: OrgCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        OrgCommand::Create { name, slug } => {
            let body = json!({"name": name, "slug": slug});
            output.object(&door.call(Method::POST, ORGS, Some(&body)).await?, "id");
        }
        OrgCommand::List => output.list(&door.list(ORGS).await?, COLUMNS),
        OrgCommand::Show { org } => {
            show(door.call_in(Some(&org), Method::GET, ORG, None).await?, COLUMNS, "id", output);
        }
        OrgCommand::Rename { org, name } => {
            let body = json!({"name": name});
            output.object(&door.call_in(Some(&org), Method::PATCH, ORG, Some(&body)).await?, "name");
        }
        OrgCommand::Delete { org, yes } => {
            if !yes {
                return Err(CliError::Usage(
                    "deleting an organization ends what its people have there; say --yes".to_owned(),
                ));
            }
            door.call_in(Some(&org), Method::DELETE, ORG, None).await?;
            output.value("deleted", &org);
        }
        OrgCommand::Members { org } => {
            let members = door.list_in(Some(&org), "/api/v1/org/members").await?;
            output.list(&members, &["user_id", "email", "role", "status", "name", "joined_at"]);
        }
        OrgCommand::Invite { org, email, role } => invite(&org, &email, &role, door, output).await?,
        OrgCommand::Role { org, user, role } => {
            let path = format!("/api/v1/org/members/{}", id_of(&user, door).await?);
            let member = door.call_in(Some(&org), Method::PATCH, &path, Some(&json!({"role": role}))).await?;
            output.object(&member, "role");
        }
        OrgCommand::Remove { org, user } => {
            let id = id_of(&user, door).await?;
            door.call_in(Some(&org), Method::DELETE, &format!("/api/v1/org/members/{id}"), None).await?;
            output.value("removed", &id);
        }
    }
    Ok(())
}

/// Invites an address, and prints the link.
pub(super) async fn invite(
    org: &str,
    email: &str,
    role: &str,
    door: &Door,
    output: &Output,
) -> Result<(), CliError> {
    let body = json!({"email": email, "role": role});
    let made = door.call_in(Some(org), Method::POST, "/api/v1/org/invitations", Some(&body)).await?;
    output.say("this is the only time the link is shown; it holds for seven days");
    output.object(&made, "link");
    Ok(())
}

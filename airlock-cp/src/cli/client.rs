//! `airlock-cp client …`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::door::Door;
use super::error::CliError;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Register a client; prints its id, and its secret, once, when it has one
    Create {
        /// What people are shown
        #[arg(long)]
        name: String,
        /// Where people are sent back to; may be given several times
        #[arg(long = "redirect-uri", value_name = "URI")]
        redirect_uris: Vec<String>,
        /// It can keep a secret
        #[arg(long)]
        confidential: bool,
        /// It may use device codes as well
        #[arg(long)]
        device: bool,
        /// Whose it is; the whole instance's without
        #[arg(long)]
        org: Option<String>,
        /// Its id, instead of one that is chosen for it
        #[arg(long)]
        id: Option<String>,
        /// What its access tokens look like
        #[arg(long, value_parser = ["opaque", "jwt"], default_value = "opaque")]
        token_format: String,
    },
    /// List clients, also those that came by themselves
    List,
    /// Show a client
    Show {
        /// The client's id
        client: String,
    },
    /// Let a client do nothing more, and end all that it was granted
    Block {
        /// The client's id
        client: String,
    },
    /// Let a client in again; people are asked anew
    Unblock {
        /// The client's id
        client: String,
    },
    /// Delete a client and end all that it was granted
    Delete {
        /// The client's id
        client: String,
        /// Without it nothing is deleted
        #[arg(long)]
        yes: bool,
    },
}

const ALL: &str = "/api/v1/admin/clients";
const COLUMNS: &[&str] = &["client_id", "kind", "name", "status", "org_id", "created_at", "last_used_at"];

pub(super) async fn run(command: ClientCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        ClientCommand::Create { name, redirect_uris, confidential, device, org, id, token_format } => {
            let mut body = json!({
                "name": name, "redirect_uris": redirect_uris, "confidential": confidential, "token_format": token_format,
            });
            if device {
                let mut grants = vec!["refresh_token", "urn:ietf:params:oauth:grant-type:device_code"];
                if !redirect_uris.is_empty() {
                    grants.push("authorization_code");
                }
                body["grant_types"] = json!(grants);
            }
            if let Some(org) = org {
                body["org_id"] = json!(org);
            }
            if let Some(id) = id {
                body["client_id"] = json!(id);
            }
            let client = door.call(Method::POST, ALL, Some(&body)).await?;
            output.object(&client, "client_id");
            if !output.is_json()
                && let Some(secret) = client["client_secret"].as_str()
            {
                output.say("this is the only time the secret is shown");
                output.line(secret);
            }
        }
        ClientCommand::List => output.list(&door.list(ALL).await?, COLUMNS),
        ClientCommand::Show { client } => {
            let client = door.call(Method::GET, &one(&client), None).await?;
            if output.is_json() {
                output.object(&client, "client_id");
            } else {
                output.list(&[client], COLUMNS);
            }
        }
        ClientCommand::Block { client } => status(door, output, &client, "blocked").await?,
        ClientCommand::Unblock { client } => status(door, output, &client, "active").await?,
        ClientCommand::Delete { client, yes } => {
            if !yes {
                return Err(CliError::Usage(
                    "deleting a client ends all that it was granted; say --yes".to_owned(),
                ));
            }
            door.call(Method::DELETE, &one(&client), None).await?;
            output.value("deleted", &client);
        }
    }
    Ok(())
}

async fn status(door: &Door, output: &Output, client: &str, status: &str) -> Result<(), CliError> {
    let changed = door.call(Method::PATCH, &one(client), Some(&json!({"status": status}))).await?;
    output.object(&changed, "status");
    Ok(())
}

// The id of a metadata document is an address, with slashes in it.
fn one(client: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(client.as_bytes()).collect();
    format!("{ALL}/{encoded}")
}

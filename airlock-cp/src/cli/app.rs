//! `airlock-cp app …`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::door::Door;
use super::error::CliError;
use super::output::Output;
use crate::apps::AppRate;

#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    /// Register an app; prints its client id, and its secret, once
    Create {
        #[command(flatten)]
        of: Of,
        /// Agent, Desktop, VsCodeExtension, Web or Mobile
        #[arg(long)]
        kind: String,
        /// What people call it
        #[arg(long)]
        name: String,
        /// What it does
        #[arg(long)]
        description: Option<String>,
        /// Of Web and Mobile apps: where their pages are, with commas between
        #[arg(long)]
        origins: Option<String>,
        /// Of Web and Mobile apps: where codes may be sent, exactly, with commas between
        #[arg(long)]
        redirects: Option<String>,
    },
    /// List an organization's apps
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Give an app another secret; prints it, once. The old one is dead at once
    Rotate {
        #[command(flatten)]
        of: Of,
        /// The app's id: ABC-1234567
        id: String,
    },
    /// Say how often an app's people may ask the gateway, all together
    Rate {
        #[command(flatten)]
        of: Of,
        /// The app's id: ABC-1234567
        id: String,
        /// Requests a minute; `unlimited`; or `default`, which is AIRLOCK_CP_APPROVALS_APP_RATE
        requests: AppRate,
    },
    /// End an app for ever, with every token that people gave it
    Revoke {
        #[command(flatten)]
        of: Of,
        /// The app's id: ABC-1234567
        id: String,
    },
}

/// In which organization.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The organization's id or slug
    #[arg(long, default_value = "default")]
    org: String,
}

const APPS: &str = "/api/v1/org/apps";
const COLUMNS: &[&str] =
    &["app_id", "client_id", "kind", "name", "status", "requests_per_minute", "owner_id", "created_at"];

pub(super) async fn run(command: AppCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        AppCommand::Create { of, kind, name, description, origins, redirects } => {
            let mut body = Map::new();
            body.insert("kind".to_owned(), Value::from(kind));
            body.insert("name".to_owned(), Value::from(name));
            body.insert("description".to_owned(), Value::from(description));
            for (member, text) in [("allowed_origins", origins), ("redirect_uris", redirects)] {
                if let Some(text) = text {
                    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                    body.insert(member.to_owned(), json!(parts.collect::<Vec<_>>()));
                }
            }
            let made = door.call_in(Some(&of.org), Method::POST, APPS, Some(&Value::from(body))).await?;
            tell(&made, output);
        }
        AppCommand::List { of } => output.list(&door.list_in(Some(&of.org), APPS).await?, COLUMNS),
        AppCommand::Rotate { of, id } => {
            let path = format!("{APPS}/{id}/rotate-secret");
            tell(&door.call_in(Some(&of.org), Method::POST, &path, None).await?, output);
        }
        AppCommand::Rate { of, id, requests } => {
            let (path, body) = (format!("{APPS}/{id}"), json!({"requests_per_minute": requests}));
            let changed = door.call_in(Some(&of.org), Method::PATCH, &path, Some(&body)).await?;
            output.object(&changed, "requests_per_minute");
        }
        AppCommand::Revoke { of, id } => {
            let path = format!("{APPS}/{id}/revoke");
            output.object(&door.call_in(Some(&of.org), Method::POST, &path, None).await?, "status");
        }
    }
    Ok(())
}

/// The client id on the first line; the secret, where there is one, on the second.
fn tell(app: &Value, output: &Output) {
    output.object(app, "client_id");
    if !app["client_secret"].is_null() {
        output.say("this is the only time the secret is shown");
        if !output.is_json() {
            output.object(app, "client_secret");
        }
    }
}

//! `airlock-cp api-key …`.

use airlock_core::runtime::SystemHost;
use airlock_core::{Host, Timestamp};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::door::Door;
use super::error::CliError;
use super::output::Output;
use super::span::Span;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key; prints its text, once
    Create {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// What people call it
        #[arg(long)]
        name: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// List a tenant's keys
    List {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
    },
    /// Take a key back, at once
    Revoke {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The key's public part: 8 characters
        kid: String,
    },
    /// Make a successor of the same reach; prints its text, once. The old key ends after the overlap
    Rotate {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The key's public part: 8 characters
        kid: String,
        /// How long the old key stays good
        #[arg(long, default_value = "7d")]
        overlap: Span,
    },
    /// Change how far a key reaches
    Scope {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The key's public part: 8 characters
        kid: String,
        #[command(flatten)]
        reach: Reach,
    },
}

/// How far a key reaches. What is not given is not limited, or stays.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// Snapshot ids, or prefixes ending in *, with commas between; `all`
    #[arg(long)]
    snapshots: Option<String>,
    /// Names of tools with commas between; `all`
    #[arg(long)]
    tools: Option<String>,
    /// When it ends: 30d, or 2026-12-31T00:00:00Z; `never`
    #[arg(long)]
    expires: Option<String>,
    /// Most rows an answer may have; `none`
    #[arg(long)]
    max_rows: Option<String>,
    /// Calls a minute, 0 for no limit; `default`
    #[arg(long)]
    rate: Option<String>,
}

impl Reach {
    fn body(&self, now: Timestamp) -> Result<Map<String, Value>, CliError> {
        let mut body = Map::new();
        let list = |text: &str| match text {
            "all" => Value::Null,
            _ => text.split(',').map(str::trim).filter(|p| !p.is_empty()).collect(),
        };
        let number = |flag: &str, none: &str, text: &str| match text.parse::<u32>() {
            _ if text == none => Ok(Value::Null),
            Ok(n) => Ok(Value::from(n)),
            Err(_) => Err(CliError::Usage(format!("--{flag}: a number, or `{none}`"))),
        };
        if let Some(text) = &self.snapshots {
            body.insert("allowed_snapshots".to_owned(), list(text));
        }
        if let Some(text) = &self.tools {
            body.insert("tools".to_owned(), list(text));
        }
        if let Some(text) = &self.max_rows {
            body.insert("max_rows".to_owned(), number("max-rows", "none", text)?);
        }
        if let Some(text) = &self.rate {
            body.insert("rate_limit".to_owned(), number("rate", "default", text)?);
        }
        if let Some(text) = &self.expires {
            let at = match (text.as_str(), text.parse::<Span>(), text.parse::<Timestamp>()) {
                ("never", ..) => Value::Null,
                (_, Ok(Span(span)), _) => json!(now.after(span)),
                (_, _, Ok(at)) => json!(at),
                _ => {
                    return Err(CliError::Usage(
                        "--expires: 30d, 2026-12-31T00:00:00Z, or `never`".to_owned(),
                    ));
                }
            };
            body.insert("expires_at".to_owned(), at);
        }
        Ok(body)
    }
}

const COLUMNS: &[&str] = &["kid", "name", "status", "created_at", "last_used_at", "expires_at"];

pub(super) async fn run(command: KeyCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    let keys = |tenant: &str| format!("/api/v1/tenants/{tenant}/api-keys");
    let now = SystemHost::new().now();
    match command {
        KeyCommand::Create { tenant, name, reach } => {
            let mut body = reach.body(now)?;
            body.insert("name".to_owned(), Value::from(name));
            let key = door.call(Method::POST, &keys(&tenant), Some(&Value::from(body))).await?;
            output.say("this is the only time the key is shown");
            output.object(&key, "api_key");
        }
        KeyCommand::List { tenant } => output.list(&door.list(&keys(&tenant)).await?, COLUMNS),
        KeyCommand::Revoke { tenant, kid } => {
            let path = format!("{}/{kid}/revoke", keys(&tenant));
            output.object(&door.call(Method::POST, &path, None).await?, "status");
        }
        KeyCommand::Rotate { tenant, kid, overlap } => {
            let path = format!("{}/{kid}/rotate", keys(&tenant));
            let body = json!({"overlap_s": overlap.0.as_secs()});
            let key = door.call(Method::POST, &path, Some(&body)).await?;
            output.say("this is the only time the key is shown");
            output.object(&key, "api_key");
        }
        KeyCommand::Scope { tenant, kid, reach } => {
            let body = reach.body(now)?;
            if body.is_empty() {
                return Err(CliError::Usage("nothing to change is given".to_owned()));
            }
            let path = format!("{}/{kid}", keys(&tenant));
            let key = door.call(Method::PATCH, &path, Some(&Value::from(body))).await?;
            output.object(&key, "kid");
        }
    }
    Ok(())
}

//! `airlock-cp grant …`.

use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value};

use super::door::Door;
use super::error::CliError;
use super::output::Output;
use crate::authz::Role;

#[derive(Debug, Subcommand)]
pub(super) enum GrantCommand {
    /// Set what a role reaches of a tenant. Without a grant it reads the schema, and no snapshot
    Set {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// owner, admin, approver, member or auditor
        #[arg(long)]
        role: String,
        /// Snapshot ids, or prefixes ending in *, with commas between; `all`; `none`
        #[arg(long)]
        snapshots: String,
        /// Names of tools with commas between; `all`
        #[arg(long, default_value = "all")]
        tools: String,
        /// Most rows an answer may have
        #[arg(long)]
        max_rows: Option<u32>,
    },
    /// List what roles reach of a tenant
    List {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
    },
    /// Take back what a role reaches; the schema is left
    Remove {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// owner, admin, approver, member or auditor
        #[arg(long)]
        role: String,
    },
}

const COLUMNS: &[&str] = &["role", "allowed_snapshots", "tools", "max_rows", "updated_at"];

pub(super) async fn run(command: GrantCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    let grants = |tenant: &str| format!("/api/v1/tenants/{tenant}/grants");
    let grant = |tenant: &str, role: &str| {
        let known = role.parse::<Role>().is_ok();
        let path = format!("{}/{role}", grants(tenant));
        if known { Ok(path) } else { Err(CliError::Usage(format!("--role: {}", words()))) }
    };
    match command {
        GrantCommand::Set { tenant, role, snapshots, tools, max_rows } => {
            let mut body = Map::new();
            body.insert("allowed_snapshots".to_owned(), list(&snapshots));
            body.insert("tools".to_owned(), list(&tools));
            body.insert("max_rows".to_owned(), Value::from(max_rows));
            let set = door.call(Method::PUT, &grant(&tenant, &role)?, Some(&Value::from(body))).await?;
            output.object(&set, "role");
        }
        GrantCommand::List { tenant } => output.list(&door.list(&grants(&tenant)).await?, COLUMNS),
        GrantCommand::Remove { tenant, role } => {
            door.call(Method::DELETE, &grant(&tenant, &role)?, None).await?;
            output.value("removed", &role);
        }
    }
    Ok(())
}

fn words() -> String {
    Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn list(text: &str) -> Value {
    match text {
        "all" => Value::Null,
        "none" => Value::Array(Vec::new()),
        _ => text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect(),
    }
}

//! `airlock-cp tenant …`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::door::Door;
use super::error::CliError;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant; prints its id
    Create {
        /// Its name in the MCP URL: /mcp/<slug>
        slug: String,
        /// Its id; `t_` and the slug when absent
        #[arg(long)]
        id: Option<String>,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
    },
    /// List tenants
    List,
    /// Show a tenant
    Show {
        /// Its id
        tenant: String,
    },
    /// Refuse its agents and workers, or let them in again
    Disable {
        /// Its id
        tenant: String,
        /// Let them in again
        #[arg(long)]
        undo: bool,
    },
    /// Delete a tenant with its keys and workers; its audit rows stay
    Delete {
        /// Its id
        tenant: String,
        /// Say that you mean it
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(command: TenantCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        TenantCommand::Create { slug, id, name } => {
            let body = json!({"slug": slug, "id": id, "name": name});
            let tenant = door.call(Method::POST, "/api/v1/tenants", Some(&body)).await?;
            output.say(&format!("agents ask at /mcp/{slug}"));
            output.object(&tenant, "id");
        }
        TenantCommand::List => {
            output
                .list(&door.list("/api/v1/tenants").await?, &["id", "slug", "status", "name", "created_at"]);
        }
        TenantCommand::Show { tenant } => {
            let tenant = door.call(Method::GET, &format!("/api/v1/tenants/{tenant}"), None).await?;
            if output.is_json() {
                output.object(&tenant, "id");
            } else {
                output.list(&[tenant], &["id", "slug", "status", "name", "created_at"]);
            }
        }
        TenantCommand::Disable { tenant, undo } => {
            let body = json!({"status": if undo { "active" } else { "disabled" }});
            let tenant = door.call(Method::PATCH, &format!("/api/v1/tenants/{tenant}"), Some(&body)).await?;
            output.object(&tenant, "status");
        }
        TenantCommand::Delete { tenant, yes } => {
            if !yes {
                return Err(CliError::Usage(
                    "deleting a tenant ends its agents and workers; say --yes".to_owned(),
                ));
            }
            door.call(Method::DELETE, &format!("/api/v1/tenants/{tenant}"), None).await?;
            output.value("deleted", &tenant);
        }
    }
    Ok(())
}

//! `airlock-cp worker …` and `airlock-cp enrollment …`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::door::Door;
use super::error::CliError;
use super::output::Output;
use super::span::Span;

#[derive(Debug, Subcommand)]
pub(super) enum WorkerCommand {
    /// List a tenant's workers
    List {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
    },
    /// Take a worker back; its tunnel drops at once
    Revoke {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The worker's id
        worker: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum EnrollmentCommand {
    /// Make a single-use token; prints its text, once
    Create {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The id that the worker gets: w_<tenant>_<role>
        #[arg(long)]
        worker_id: String,
        /// How long it may be used; at most 24h
        #[arg(long, default_value = "1h")]
        ttl: Span,
    },
    /// List a tenant's tokens
    List {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
    },
    /// Take an unused token back
    Revoke {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The token's public part: 8 characters
        enrollment: String,
    },
}

pub(super) async fn worker(command: WorkerCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        WorkerCommand::List { tenant } => {
            let workers = door.list(&format!("/api/v1/tenants/{tenant}/workers")).await?;
            output
                .list(&workers, &["id", "status", "version", "hostname", "last_seen_at", "key_fingerprint"]);
        }
        WorkerCommand::Revoke { tenant, worker } => {
            let path = format!("/api/v1/tenants/{tenant}/workers/{worker}/revoke");
            output.object(&door.call(Method::POST, &path, None).await?, "status");
        }
    }
    Ok(())
}

pub(super) async fn enrollment(
    command: EnrollmentCommand,
    door: &Door,
    output: &Output,
) -> Result<(), CliError> {
    let enrollments = |tenant: &str| format!("/api/v1/tenants/{tenant}/enrollments");
    match command {
        EnrollmentCommand::Create { tenant, worker_id, ttl } => {
            let body = json!({"worker_id": worker_id, "ttl_s": ttl.0.as_secs()});
            let token = door.call(Method::POST, &enrollments(&tenant), Some(&body)).await?;
            output.say(&format!("good once, until {}", token["expires_at"].as_str().unwrap_or("-")));
            output.object(&token, "enrollment_token");
        }
        EnrollmentCommand::List { tenant } => {
            let tokens = door.list(&enrollments(&tenant)).await?;
            output.list(&tokens, &["id", "worker_id", "status", "expires_at", "used_at"]);
        }
        EnrollmentCommand::Revoke { tenant, enrollment } => {
            door.call(Method::DELETE, &format!("{}/{enrollment}", enrollments(&tenant)), None).await?;
            output.value("revoked", &enrollment);
        }
    }
    Ok(())
}

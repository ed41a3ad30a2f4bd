//! `airlock up` and `airlock run`: the worker in the foreground, until Ctrl-C or SIGTERM.

use std::process::ExitCode;
use std::sync::Arc;

use airlock_core::Host;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::Up;
use super::init;
use crate::config::Settings;
use crate::control_plane_block;
use crate::error::WorkerError;
use crate::isolate::ChildCommand;
use crate::register::register;
use crate::worker::Worker;

/// Whatever is missing first: a configuration, an identity. Then the worker.
pub(super) async fn up(settings: &Settings, up: &Up, host: Arc<dyn Host>) -> Result<ExitCode, WorkerError> {
    if !settings.config_path.exists() {
        init::write(settings, &up.root, &settings.config_path, false).await?;
    }
    run(settings, host).await
}

/// Registers when a token is given and there is no identity yet; then the worker.
pub(super) async fn run(settings: &Settings, host: Arc<dyn Host>) -> Result<ExitCode, WorkerError> {
    match (is_registered(settings)?, &settings.enrollment_token) {
        (true, Some(_)) => tracing::info!("registered already; the enrollment token is not used"),
        (false, Some(_)) => drop(register(settings, None, &*host).await?),
        (_, None) => {}
    }
    let shutdown = CancellationToken::new();
    let system = |error| WorkerError::System { doing: "starting", error };
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).map_err(system)?, signal(SignalKind::terminate()).map_err(system)?);
    let command = ChildCommand::this_program().map_err(system)?;
    let worker = tokio::select! {
        worker = Worker::prepare(settings, command, host) => worker?,
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
    };
    let running = worker.run(shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        result = &mut running => return result.map(|()| ExitCode::SUCCESS),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: running calls may finish; once more to stop at once");
    shutdown.cancel();
    tokio::select! {
        result = &mut running => result.map(|()| ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}

/// Whether the configuration names a control plane's key, and we have ours.
fn is_registered(settings: &Settings) -> Result<bool, WorkerError> {
    let yaml = settings.policy_text()?;
    let key_path = control_plane_block::field(&yaml, "key_path");
    let has_key = settings.worker_key_path(key_path.as_deref()).exists();
    Ok(has_key && control_plane_block::field(&yaml, "cp_public_key").is_some())
}

//! `airlock register --rotate`: a new key for the worker, asked for with the one that it has.

use std::path::{Path, PathBuf};

use airlock_core::Host;
use airlock_core::crypto::PrivateKey;
use airlock_core::id::{TenantId, WorkerId};
use airlock_proto::rotate::{PATH, RotateRequest, RotateResponse};

use crate::config::Settings;
use crate::control_plane_block;
use crate::door::Door;
use crate::enroll::EnrollFailure;
use crate::error::WorkerError;
use crate::identity;

/// Gives the worker of `airlock.yaml` a new key. Interrupted at any place it can be run again: the next key lies beside
/// the present one until the control plane has taken it.
///
/// # Errors
/// When the worker is not registered, the control plane refuses, or the key cannot be written.
pub async fn rotate(settings: &Settings, host: &dyn Host) -> Result<(), WorkerError> {
    let yaml = settings.policy_text()?;
    let field = |name| control_plane_block::field(&yaml, name).ok_or(NOT_REGISTERED);
    let tenant: TenantId = field("tenant_id")?.parse().map_err(|_| NOT_REGISTERED)?;
    let worker: WorkerId = field("worker_id")?.parse().map_err(|_| NOT_REGISTERED)?;
    let mut door = Door::new(&field("url")?)?;
    door.ca_file = field("ca_file").ok().map(PathBuf::from).or_else(|| settings.ssl_cert_file.clone());
    door.proxy = settings.proxy_for(field("proxy").ok().as_deref())?;

    let path = settings.worker_key_path(field("key_path").ok().as_deref());
    let next_path = beside(&path);
    let (present, next) = (identity::load(&path)?, identity::load_or_create(&next_path, host)?);
    let request = RotateRequest::signed(&tenant, &worker, &present, &next, host.now());
    ask(&door, &request, &next).await?;
    let written = std::fs::rename(&next_path, &path);
    written.map_err(|e| WorkerError::Write { path, kind: e.kind() })?;
    tracing::info!(
        "rotated: worker={worker} key={}; restart the worker, its old key is refused from now on",
        next.public().fingerprint()
    );
    Ok(())
}

async fn ask(door: &Door, request: &RotateRequest, next: &PrivateKey) -> Result<(), EnrollFailure> {
    let body = serde_json::to_vec(request).map_err(|_| EnrollFailure::Answer)?;
    let (status, body) = door.post(PATH, body).await?;
    match status.as_u16() {
        200 => {}
        401 => return Err(EnrollFailure::NotAuthenticated),
        422 => return Err(EnrollFailure::Clock),
        other => return Err(EnrollFailure::Status(other)),
    }
    let answer: RotateResponse = serde_json::from_slice(&body).map_err(|_| EnrollFailure::Answer)?;
    let is_ours = answer.key_fingerprint == next.public().fingerprint();
    if is_ours { Ok(()) } else { Err(EnrollFailure::Answer) }
}

/// Where the next key waits.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

const NOT_REGISTERED: WorkerError =
    WorkerError::Missing("this worker is not registered yet: use `airlock register` with a token");

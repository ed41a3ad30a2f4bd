//! Registration: a key of our own, an identity for it, and the block in `airlock.yaml` that says so.

use airlock_core::Host;

use crate::config::Settings;
use crate::control_plane_block::{self, Block};
use crate::door::Door;
use crate::enroll::Enrollment;
use crate::error::WorkerError;
use crate::identity;

/// Enrolls with the control plane that `settings` name and writes the block. Everything that can be checked is checked
/// before the token is used up. `cp_fingerprint`: the only control plane to accept, when it is known.
///
/// # Errors
/// When there is no enrollment, or the block cannot be written; then the error says what to write by hand.
pub async fn register(
    settings: &Settings,
    cp_fingerprint: Option<String>,
    host: &dyn Host,
) -> Result<Block, WorkerError> {
    let token = settings.enrollment_token.clone();
    let token =
        token.ok_or(WorkerError::Missing("no token: give AIRLOCK_ENROLLMENT_TOKEN or --enrollment-token"))?;
    let cp_url = settings.cp_url.as_deref();
    let cp_url = cp_url.ok_or(WorkerError::Missing("no control plane: give AIRLOCK_CP_URL or --cp-url"))?;

    let yaml = settings.policy_text()?;
    let mut door = Door::new(cp_url)?;
    door.ca_file = settings.ssl_cert_file.clone();
    door.proxy = settings.proxy_for(control_plane_block::field(&yaml, "proxy").as_deref())?;
    let mut enrollment = Enrollment::new(door, token);
    enrollment.cp_fingerprint = cp_fingerprint;
    // With any values, to see before enrolling that the block can be written.
    let trial = Block {
        url: cp_url.to_owned(),
        tenant_id: "t".into(),
        worker_id: "w".into(),
        cp_public_key: "k".into(),
    };
    put(settings, &trial, &yaml)?;
    let key = identity::load_or_create(&settings.worker_key_path(key_path(&yaml).as_deref()), host)?;

    let answer = enrollment.enroll(&key).await?;
    let block = Block {
        url: answer.tunnel_url,
        tenant_id: answer.tenant_id.to_string(),
        worker_id: answer.worker_id.to_string(),
        cp_public_key: answer.cp_public_key,
    };
    let text = put(settings, &block, &yaml)?;
    control_plane_block::write(&settings.config_path, &text).map_err(|error| WorkerError::Block {
        path: settings.config_path.clone(),
        error,
        block: block.text(),
    })?;
    tracing::info!(
        "registered: tenant={} worker={} key={}",
        block.tenant_id,
        block.worker_id,
        key.public().fingerprint()
    );
    Ok(block)
}

fn put(settings: &Settings, block: &Block, yaml: &str) -> Result<String, WorkerError> {
    block.put(yaml).map_err(|error| WorkerError::Block {
        path: settings.config_path.clone(),
        error,
        block: block.text(),
    })
}

/// `control_plane.key_path`, from a file that need not be a whole policy yet.
fn key_path(yaml: &str) -> Option<String> {
    control_plane_block::field(yaml, "key_path")
}

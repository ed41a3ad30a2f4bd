//! `airlock doctor`: what a worker needs, tried one by one.

use std::process::ExitCode;

use airlock_core::policy::Policy;

use crate::cache::Place;
use crate::config::Settings;
use crate::error::WorkerError;
use crate::isolate::{ChildCommand, ChildRunner, IsolateConfig, State};
use crate::open_source::OpenSource;
use crate::{identity, worker};

/// Tries everything and says how each went; fails when one did.
pub(super) async fn doctor(settings: &Settings) -> Result<ExitCode, WorkerError> {
    let mut all_well = true;
    let mut tell = |what: &str, result: Result<String, String>| match result {
        Ok(note) => println!("ok    {what}: {note}"),
        Err(why) => {
            all_well = false;
            println!("FAIL  {what}: {why}");
        }
    };
    let policy = match settings.policy_text() {
        Ok(yaml) => {
            Policy::parse(&yaml).map_err(|f| format!("{} problems; see `airlock yaml lint`", f.len()))
        }
        Err(error) => Err(error.to_string()),
    };
    let path = settings.config_path.display();
    tell(
        "configuration",
        policy.as_ref().map(|p| format!("{path}, {} tables", p.tables.len())).map_err(Clone::clone),
    );
    if let Ok(policy) = &policy {
        tell("database", database(settings, policy).await);
        let dir = worker::data_dir(settings, policy);
        let place = Place::open(&dir, policy.storage.allow_disk).map(|_| dir.display().to_string());
        tell("data_dir", place.map_err(|e| e.to_string()));
        let key_path = policy.control_plane.as_ref().map(|cp| cp.key_path.clone());
        match key_path {
            None => tell("control plane", Err("not registered; see `airlock register`".to_owned())),
            Some(key_path) => {
                let key = identity::load(&settings.worker_key_path(key_path.as_deref()));
                tell("worker key", key.map(|k| k.public().fingerprint()).map_err(|e| e.to_string()));
            }
        }
    }
    tell("query children", children().await);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn database(settings: &Settings, policy: &Policy) -> Result<String, String> {
    let url = settings.database_url.as_ref().ok_or("DATABASE_URL is not set")?;
    let source = OpenSource::for_policy(policy).open(url).await.map_err(|e| e.to_string())?;
    let catalog = source.catalog().await.map_err(|e| e.to_string())?;
    Ok(format!("{}, {} tables", catalog.server_version.unwrap_or_default(), catalog.tables.len()))
}

/// What confines a child, as it says itself and as it finds on trying.
async fn children() -> Result<String, String> {
    let command = ChildCommand::this_program().map_err(|e| e.to_string())?;
    let mut config = IsolateConfig::new(command, CHILD_BYTES);
    config.children = 1;
    let runner = ChildRunner::start(config).await.map_err(|e| e.to_string())?;
    let doors = runner.try_doors().await.map_err(|e| e.to_string())?;
    let open: Vec<String> =
        doors.iter().filter(|(_, shut)| !shut).map(|(door, _)| format!("{door:?}")).collect();
    if !open.is_empty() {
        return Err(format!("not shut: {}", open.join(", ")));
    }
    let off: Vec<String> =
        runner.measures().iter().filter(|(_, s)| *s != State::On).map(|(m, s)| format!("{m} {s}")).collect();
    Ok(if off.is_empty() {
        "every door shut".to_owned()
    } else {
        format!("every door shut; {}", off.join(", "))
    })
}

/// Enough to start.
const CHILD_BYTES: u64 = 512 * 1024 * 1024;

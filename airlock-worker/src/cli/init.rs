//! `airlock init`: a first `airlock.yaml` from the database's schema.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use airlock_core::policy::{self, Findings, Policy};
use airlock_core::snapshot::Catalog;

use super::args::{Init, Root};
use crate::config::Settings;
use crate::control_plane_block;
use crate::error::WorkerError;
use crate::open_source::OpenSource;

/// Writes the file, or prints it or the grants.
pub(super) async fn init(settings: &Settings, init: &Init) -> Result<ExitCode, WorkerError> {
    if init.print_grants {
        print!("{}", grants(settings, init).await?);
        return Ok(ExitCode::SUCCESS);
    }
    match init.output.as_deref() {
        Some(path) if path == Path::new("-") => print!("{}", infer(settings, &init.root).await?.0),
        output => write(settings, &init.root, output.unwrap_or(&settings.config_path), init.force).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the inferred policy to `path`; one that exists only when `force`d.
pub(super) async fn write(
    settings: &Settings,
    root: &Root,
    path: &Path,
    force: bool,
) -> Result<(), WorkerError> {
    let failed = |kind| WorkerError::Write { path: path.to_owned(), kind };
    if path.exists() && !force {
        return Err(WorkerError::Exists { path: path.to_owned() });
    }
    let (text, _) = infer(settings, root).await?;
    if path.exists() {
        control_plane_block::write(path, &text).map_err(|_| failed(std::io::ErrorKind::PermissionDenied))?;
    } else {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|e| failed(e.kind()))?;
    }
    tracing::info!("wrote {}: read its comments before you trust it", path.display());
    Ok(())
}

/// For the policy that is there, or else for the one that would be inferred.
async fn grants(settings: &Settings, init: &Init) -> Result<String, WorkerError> {
    let (yaml, catalog) = match settings.config_path.exists() {
        true => (settings.policy_text()?, catalog(settings).await?),
        false => infer(settings, &init.root).await?,
    };
    let wrong = |findings: Findings| wrong(settings, findings.locate(&yaml));
    let policy = Policy::parse(&yaml).map_err(wrong)?;
    policy::grants(&policy, &catalog, &init.role).map_err(wrong)
}

async fn infer(settings: &Settings, root: &Root) -> Result<(String, Catalog), WorkerError> {
    let catalog = catalog(settings).await?;
    // SQLite's only schema has another name.
    let is_sqlite = settings.database_url.as_ref().is_some_and(|url| url.expose().starts_with("sqlite:"));
    let schema = if is_sqlite { "main" } else { "public" };
    let text = policy::infer(&catalog, &root.root_table, &root.root_filter_col, schema)
        .map_err(|findings| WorkerError::Infer { findings })?;
    Ok((text, catalog))
}

async fn catalog(settings: &Settings) -> Result<Catalog, WorkerError> {
    let url = settings.database_url.as_ref();
    let url = url.ok_or(WorkerError::Missing("no source: set DATABASE_URL or AIRLOCK_DATABASE_URL_FILE"))?;
    Ok(OpenSource::to_look().open(url).await?.catalog().await?)
}

fn wrong(settings: &Settings, findings: Findings) -> WorkerError {
    WorkerError::Policy { path: settings.config_path.clone(), findings }
}

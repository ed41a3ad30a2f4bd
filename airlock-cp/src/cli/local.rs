//! The store itself: opened, migrated, copied.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use airlock_core::Host;
use airlock_core::runtime::SystemHost;

use super::error::CliError;
use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::store::Store;
use crate::tenants::api_key;

/// Opens the store that the configuration names.
pub(super) async fn store(config: &Config) -> Result<Store, CliError> {
    if let Some(url) = &config.database_url {
        return Ok(Store::postgres(url.expose()).await?);
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data_dir);
    made.map_err(|e| {
        CliError::Usage(format!("AIRLOCK_CP_DATA_DIR: {}: {}", config.data_dir.display(), e.kind()))
    })?;
    let file = config.sqlite_file();
    // A store that appears where none was expected is how a forgotten variable shows.
    if !file.exists() {
        match tracing::dispatcher::has_been_set() {
            true => tracing::info!(file = %file.display(), "making a new store"),
            false => Output::new(false).say(&format!("making a new store: {}", file.display())),
        }
    }
    Ok(Store::sqlite(&file).await?)
}

/// A control plane over the store, in this process.
pub(super) async fn open(config: Config) -> Result<App, CliError> {
    let store = store(&config).await?;
    Ok(App::new(config, store, Arc::new(SystemHost::new())).await?)
}

pub(super) async fn migrate(config: &Config, output: &Output) -> Result<(), CliError> {
    let store = store(config).await?;
    let (before, now) = store.migrate().await?;
    store.close().await;
    output.say(&format!("schema version {before} -> {now}"));
    output.value("schema_version", &now.to_string());
    Ok(())
}

pub(super) async fn backup(config: &Config, file: &Path, output: &Output) -> Result<(), CliError> {
    let store = store(config).await?;
    store.backup(file).await?;
    store.close().await;
    output.value("backup", &file.display().to_string());
    Ok(())
}

/// A token of 256 random bits.
pub(super) fn operator_token() -> String {
    let host: &dyn Host = &SystemHost::new();
    api_key::secret_part(host).as_str().to_owned()
}

//! `airlock-cp serve`.

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::error::CliError;
use super::local;
use super::output::Output;
use crate::config::Config;
use crate::passage::Passage;
use crate::serve::{DRAIN_MAX, serve as listen};

/// Runs until SIGTERM or SIGINT, then drains.
pub(super) async fn serve(config: Config, output: &Output) -> Result<(), CliError> {
    if config.operator_token.is_none() {
        let needed = "AIRLOCK_CP_OPERATOR_TOKEN: needed to serve; `airlock-cp token generate` makes one";
        return Err(CliError::Usage(needed.to_owned()));
    }
    let filter = EnvFilter::try_new(&config.log);
    let filter = filter.map_err(|_| CliError::Usage("AIRLOCK_CP_LOG: not a filter".to_owned()))?;
    let logging =
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    if logging.is_err() {
        output.say("logging is set up already; going on with that");
    }
    for name in &config.ignored {
        tracing::warn!(variable = %name, "this variable means nothing to this program");
    }
    let wait = |kind| signal(kind).map_err(|_| CliError::Unavailable("signals cannot be awaited".to_owned()));
    let (mut term, mut interrupt) = (wait(SignalKind::terminate())?, wait(SignalKind::interrupt())?);

    let app = local::open(config).await?;
    let passage = Passage::new(&app);
    let served = match passage.router() {
        Ok(router) => listen(&app, router).await,
        Err(error) => Err(error),
    };
    let listening = match served {
        Ok(listening) => listening,
        Err(error) => {
            passage.shut_down(DRAIN_MAX).await;
            return Err(error.into());
        }
    };
    tracing::info!(address = %listening.address, metrics = ?listening.metrics, store = ?app.store().dialect(),
        url = %app.config().public_url, "listening");
    output.value("address", &listening.address.to_string());
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    passage.shut_down(DRAIN_MAX).await;
    tracing::info!("stopped");
    Ok(())
}

//! `airlock-cp serve`.

use airlock_core::runtime::may_be_written;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::error::CliError;
use super::local;
use super::output::Output;
use crate::config::Config;
use crate::passage::Passage;
use crate::serve::{DRAIN_MAX, Listeners, serve_on};

/// Runs until SIGTERM or SIGINT, then drains.
pub(super) async fn serve(mut config: Config, output: &Output) -> Result<(), CliError> {
    if config.operator_token.is_none() {
        let needed = "AIRLOCK_CP_OPERATOR_TOKEN: needed to serve; `airlock-cp token generate` makes one";
        return Err(CliError::Usage(needed.to_owned()));
    }
    let filter = EnvFilter::try_new(&config.log);
    let filter = filter.map_err(|_| CliError::Usage("AIRLOCK_CP_LOG: not a filter".to_owned()))?;
    let logging = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    if logging.finish().with(filter_fn(may_be_written)).try_init().is_err() {
        output.say("logging is set up already; going on with that");
    }
    for name in &config.ignored {
        tracing::warn!(variable = %name, "this variable means nothing to this program");
    }
    let wait = |kind| signal(kind).map_err(|_| CliError::Unavailable("signals cannot be awaited".to_owned()));
    let (mut term, mut interrupt) = (wait(SignalKind::terminate())?, wait(SignalKind::interrupt())?);

    let listeners = Listeners::bind(&mut config).await?;
    let app = local::open(config).await?;
    let passage = Passage::new(&app);
    let served = passage.router().and_then(|router| serve_on(&app, listeners, router));
    let listening = match served {
        Ok(listening) => listening,
        Err(error) => {
            passage.shut_down(DRAIN_MAX).await;
            return Err(error.into());
        }
    };
    let metrics = listening.metrics.map_or_else(|| "off".to_owned(), |address| address.to_string());
    tracing::info!(address = %listening.address, %metrics, store = ?app.store().dialect(),
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

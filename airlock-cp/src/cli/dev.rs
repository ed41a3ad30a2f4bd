//! `airlock-cp dev`.

use tracing_subscriber::EnvFilter;

use super::error::CliError;
use crate::dev::{self, DevOptions};

/// Runs the demo on stdout, until Ctrl-C.
pub(super) async fn dev(verbose: bool) -> Result<(), CliError> {
    #[expect(clippy::disallowed_methods, reason = "a switch of `make demo`, which passes no arguments")]
    let once = std::env::var_os("DEMO_ONCE").is_some_and(|v| v == "1");
    let filter = EnvFilter::new(if verbose { "info" } else { "error" });
    // Set up already is no harm: then it is somebody else's log.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let options = DevOptions { once, verbose };
    dev::run(&options, &mut std::io::stdout(), stop).await.map_err(|e| CliError::Unavailable(e.to_string()))
}

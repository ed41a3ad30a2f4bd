//! Log lines: `INFO: tunnel up: tenant=… worker=…`, or one JSON object each.

use std::fmt;

use airlock_core::runtime::may_be_written;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::{Global, LogFormat};
use crate::error::WorkerError;

/// Begins logging on standard error.
///
/// # Errors
/// When the level is none.
pub(super) fn start(global: &Global, from_env: Option<&str>) -> Result<(), WorkerError> {
    let levels = global.log_level.as_deref().or(from_env).unwrap_or("info");
    let filter = EnvFilter::try_new(levels).map_err(|_| {
        WorkerError::Missing("--log-level or AIRLOCK_LOG is no level; use info, or airlock_worker=debug,info")
    })?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // Someone in this process was first: an embedder's own set-up stays.
    let _ = match global.log_format {
        LogFormat::Text => builder.event_format(Lines).finish().with(filter_fn(may_be_written)).try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).finish().with(filter_fn(may_be_written)).try_init()
        }
    };
    Ok(())
}

/// `LEVEL: message key=value`.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write!(to, "{}: ", event.metadata().level())?;
        ctx.field_format().format_fields(to.by_ref(), event)?;
        writeln!(to)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bound_values_are_not_written_however_much_is_asked_for() {
        let sink = Sink::default();
        let to = sink.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let subscriber = subscriber.event_format(Lines).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber.with(filter_fn(may_be_written)), || {
            tracing::debug!(target: "tokio_postgres::query", "executing statement s0 with parameters: [alice]");
            tracing::info!(target: "tokio_postgres::connection", "NOTICE: alice");
            tracing::warn!(target: "tokio_postgres", "slow");
            tracing::trace!("ours");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "WARN: slow\nTRACE: ours\n");
    }

    #[test]
    fn a_line_is_level_message_and_fields() {
        let sink = Sink::default();
        let to = sink.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).event_format(Lines);
        let subscriber = subscriber.with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("metrics listening on :9090/metrics");
            tracing::warn!(kind = "x", "strange");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "INFO: metrics listening on :9090/metrics\nWARN: strange kind=\"x\"\n");
    }
}

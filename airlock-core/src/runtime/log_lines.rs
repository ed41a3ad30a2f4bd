//! Which log lines may be written at all, whatever level a person asks for.

use tracing::{Level, Metadata};

/// Whether a line of this origin may be written. Warnings may; below them only our own crates and those foreign ones that
/// were read and name no values. `tokio_postgres`, for one, writes bound values at `debug` and the server's notices, which
/// may quote rows, at `info`.
///
/// A filter beside the one that people set: theirs can only say less.
pub fn may_be_written(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::WARN || is_discreet(line.target())
}

fn is_discreet(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    name == "airlock" || name.starts_with("airlock_") || DISCREET.contains(&name)
}

/// Read at every level (h2 0.4, hyper 1, tonic 0.14, tower 0.5): sizes, kinds, states, addresses; no header's value, no body.
const DISCREET: [&str; 5] = ["h2", "hyper", "hyper_util", "tonic", "tower"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &str, discreet: bool) {
        assert_eq!(is_discreet(target), discreet, "{target}");
    }

    #[test]
    fn only_those_who_name_no_values_may_go_into_detail() {
        for target in [
            "airlock",
            "airlock_worker::tunnel",
            "airlock_cp",
            "h2::codec::framed_read",
            "hyper_util::client",
        ] {
            check(target, true);
        }
        for target in [
            "tokio_postgres::query",
            "tokio_postgres",
            "rustls::server::hs",
            "sqlx::query",
            "airlockx",
            "h2x",
            "",
        ] {
            check(target, false);
        }
    }
}

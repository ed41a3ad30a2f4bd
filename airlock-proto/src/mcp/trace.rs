//! Which trace a request belongs to, by the client's word: a header of ours, or W3C trace context.

use airlock_core::id::TraceId;
use http::HeaderMap;

use super::header;
use super::params::{Meta, text};

/// The trace that the client names: `Airlock-Trace-Id`, else `traceparent`, else `_meta.traceparent`.
///
/// What is no trace id is passed over: a trace is a help to its sender, no reason to refuse.
pub fn named(headers: &HeaderMap, meta: Option<&Meta<'_>>) -> Option<TraceId> {
    let header = |name| header::sole(headers, name).ok().flatten();
    header(header::TRACE_ID)
        .and_then(|id| id.parse().ok())
        .or_else(|| header(header::TRACEPARENT).and_then(from_traceparent))
        .or_else(|| from_traceparent(&text(meta?.traceparent?)?))
}

/// The trace id inside a `traceparent`.
///
/// Source: W3C Trace Context, 3.2.
fn from_traceparent(value: &str) -> Option<TraceId> {
    let mut parts = value.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let valid = hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && !zero(trace)
        && hex(parent, 16)
        && !zero(parent)
        && hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    valid.then(|| trace.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], meta: Option<&str>, expected: Option<&str>) {
        let map: HeaderMap = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        let json = meta.map(|value| format!(r#"{{"traceparent":{value}}}"#));
        let meta = json.as_deref().map(|json| serde_json::from_str(json).unwrap());
        assert_eq!(named(&map, meta.as_ref()).as_ref().map(TraceId::as_str), expected);
    }

    #[test]
    fn the_nearest_word_counts() {
        let quoted = format!("\"{PARENT}\"");
        check(&[], None, None);
        check(&[("airlock-trace-id", "tr_mine")], None, Some("tr_mine"));
        check(&[("airlock-trace-id", "tr_mine"), ("traceparent", PARENT)], Some(&quoted), Some("tr_mine"));
        check(&[("traceparent", PARENT)], None, Some(TRACE));
        check(&[], Some(&quoted), Some(TRACE));
        check(&[("airlock-trace-id", "not valid!")], Some(&quoted), Some(TRACE));
    }

    #[test]
    fn what_is_no_traceparent_is_passed_over() {
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f35-00f067aa0ba902b7-01",
            "",
        ] {
            check(&[("traceparent", bad)], None, None);
        }
        check(
            &[("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")],
            None,
            Some(TRACE),
        );
        check(&[], Some("7"), None);
    }
}

//! Times as the published SDKs write them: with an offset, with `Z`, or with nothing, which is UTC.

use airlock_core::Timestamp;

const TEXT_BYTES_MAX: usize = 40;

/// Reads `2026-11-22T01:57:18.932956+00:00`, `…Z`, and the same without an offset. Digits past the millisecond are
/// dropped. `None` for any other text.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX || !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let end = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    let offset_ms = offset_ms(zone)?;
    let at: Timestamp = format!("{date}T{clock}Z").parse().ok()?;
    Some(Timestamp::from_millis(at.as_millis().checked_sub(offset_ms)?))
}

fn offset_ms(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'Z' | b'z') => return (zone.len() == 1).then_some(0),
        Some(b'+') => 1,
        Some(_) => -1,
    };
    let two = |digits: &[u8]| match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(i64::from((tens - b'0') * 10 + (ones - b'0'))),
        _ => None,
    };
    let (hours, minutes) = match zone.as_bytes() {
        [_, hours @ ..] if hours.len() == 2 => (two(hours)?, 0),
        [_, h, h2, m, m2] => (two(&[*h, *h2])?, two(&[*m, *m2])?),
        [_, h, h2, b':', m, m2] => (two(&[*h, *h2])?, two(&[*m, *m2])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(parse_time(text).map(|t| t.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn any_offset_or_none_is_read() {
        check("2026-11-22T01:57:18.932956+00:00", Some("2026-11-22T01:57:18.932Z"));
        check("2026-11-22T01:57:18.932956", Some("2026-11-22T01:57:18.932Z"));
        check("2026-11-22T01:57:18Z", Some("2026-11-22T01:57:18.000Z"));
        check("2026-11-22t01:57:18.1z", Some("2026-11-22T01:57:18.100Z"));
        check("2026-11-22 01:57:18", Some("2026-11-22T01:57:18.000Z"));
        check("2026-11-22T01:57:18.123456789+03:00", Some("2026-11-21T22:57:18.123Z"));
        check("2026-11-22T01:57:18-0530", Some("2026-11-22T07:27:18.000Z"));
        check("2026-11-22T01:57:18+02", Some("2026-11-21T23:57:18.000Z"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T01:57",
            "2026-13-22T01:57:18Z",
            "2026-11-22T25:57:18Z",
            "2026-11-22T01:57:18+24:00",
            "2026-11-22T01:57:18+1",
            "2026-11-22T01:57:18+:0000",
            "2026-11-22T01:57:18ZZ",
            "2026-11-22T01:57:18.Z",
            "２026-11-22T01:57:18Z",
            "1732240638",
            &format!("2026-11-22T01:57:18.{}Z", "1".repeat(40)),
        ] {
            check(bad, None);
        }
    }
}

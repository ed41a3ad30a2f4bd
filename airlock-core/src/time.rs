//! Instants as milliseconds since the Unix epoch, UTC: arithmetic on given instants, never a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A wall-clock instant, UTC, in whole milliseconds. Printed as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    /// This instant moved into the future; stays at the largest instant rather than overflow.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
    /// This instant moved into the past; stays at the smallest instant rather than overflow.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
    /// Time from `earlier` to this instant; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Timestamp {
    /// Reads what the approvals gateway's clients send: RFC 3339 with any offset and any number of digits of the second, `T`, `t`
    /// or a space in the middle, and a time without an offset, which is UTC.
    pub fn parse_lenient(text: &str) -> Option<Self> {
        let (local, offset_ms) = split_offset(text)?;
        // What is left is the strict form without its `Z`, perhaps with another separator.
        let date = local.get(..10)?;
        let time = local.get(10..)?.strip_prefix(['T', 't', ' '])?;
        let utc: Self = format!("{date}T{time}Z").parse().ok()?;
        Some(Self(utc.0 - offset_ms))
    }
}

fn split_offset(text: &str) -> Option<(&str, i64)> {
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    // A date has two `-` itself; an offset stands behind the time.
    let Some(at) = text.rfind(['+', '-']).filter(|&at| at > 10) else { return Some((text, 0)) };
    let (hours, minutes) = text[at + 1..].split_once(':')?;
    let two = |digits: &str| {
        let valid = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours).filter(|&h| h < 24)?, two(minutes).filter(|&m| m < 60)?);
    let sign = if text.as_bytes()[at] == b'-' { -1 } else { 1 };
    Some((&text[..at], sign * (hours * 60 + minutes) * 60_000))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms_of_day) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (y, m, d) = civil_from_days(days);
        let s = ms_of_day / 1000;
        write!(
            f,
            "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}.{:03}Z",
            s / 3600,
            s / 60 % 60,
            s % 60,
            ms_of_day % 1000
        )
    }
}

/// The text is no RFC 3339 instant in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time in UTC, such as 2026-01-02T03:04:05.678Z")]
pub struct NotATimestamp;

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; digits past the millisecond are dropped.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let b = text.as_bytes();
        let sep = |at: usize, c: u8| b.get(at) == Some(&c);
        if b.len() < 20 || !(sep(4, b'-') && sep(7, b'-') && sep(10, b'T') && sep(13, b':') && sep(16, b':'))
        {
            return Err(NotATimestamp);
        }
        let num = |from: usize, to: usize| -> Result<i64, NotATimestamp> {
            b[from..to].iter().try_fold(0i64, |n, c| match c {
                b'0'..=b'9' => Ok(n * 10 + i64::from(c - b'0')),
                _ => Err(NotATimestamp),
            })
        };
        let (y, mo, d) = (num(0, 4)?, num(5, 7)?, num(8, 10)?);
        let (h, mi, s) = (num(11, 13)?, num(14, 16)?, num(17, 19)?);
        let ms = match &b[19..] {
            b"Z" => 0,
            [b'.', digits @ .., b'Z'] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                (0..3).fold(0i64, |n, i| n * 10 + digits.get(i).map_or(0, |c| i64::from(c - b'0')))
            }
            _ => return Err(NotATimestamp),
        };
        let days = days_from_civil(y, mo, d);
        if civil_from_days(days) != (y, mo, d) || h > 23 || mi > 59 || s > 59 {
            return Err(NotATimestamp);
        }
        Ok(Self(days * 86_400_000 + ((h * 60 + mi) * 60 + s) * 1000 + ms))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

// Days to date and back: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(m <= 2), m, doy - (153 * mp + 2) / 5 + 1)
}

fn days_from_civil(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_rfc_3339() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(ms)));
        }
        assert_eq!("2026-01-02T03:04:05Z".parse(), Ok(Timestamp::from_millis(1_767_323_045_000)));
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for bad in [
            "",
            "2026-01-02",
            "2026-02-30T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:05+01:00",
            "2026-01-02T03:04:05.Z",
            "２026-01-02T03:04:05Z",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(NotATimestamp), "{bad}");
        }
    }

    #[test]
    fn times_of_the_gateways_clients_are_read() {
        for (text, utc) in [
            ("2026-11-22T01:57:18.932956+00:00", "2026-11-22T01:57:18.932Z"),
            ("2026-11-22T01:57:18.932956", "2026-11-22T01:57:18.932Z"),
            ("2026-11-22 01:57:18", "2026-11-22T01:57:18.000Z"),
            ("2026-11-22t01:57:18z", "2026-11-22T01:57:18.000Z"),
            ("2026-11-22T01:57:18.5+05:30", "2026-11-21T20:27:18.500Z"),
            ("2026-11-22T23:57:18.123456789-01:00", "2026-11-23T00:57:18.123Z"),
        ] {
            assert_eq!(Timestamp::parse_lenient(text).map(|t| t.to_string()).as_deref(), Some(utc), "{text}");
        }
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T01:57",
            "2026-11-22T01:57:18+0530",
            "2026-11-22T01:57:18+5:30",
            "2026-11-22T01:57:18+24:00",
            "2026-11-22T01:57:18+00:60",
            "2026-11-22T01:57:18Z+00:00",
            "2026-11-22T01:57:18ZZ",
            "2026-11-22_01:57:18Z",
            "2026-11-22Té1:57:18Z",
            "1795312638",
            "2026-02-30T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse_lenient(text), None, "{text}");
        }
    }
}

//! Spans of time as people write them: `90s`, `15m`, `1h`, `30d`.

use std::str::FromStr;
use std::time::Duration;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl FromStr for Span {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "a number with s, m, h or d, such as 90s or 1h";
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or(RULE)?;
        let number: u64 = text[..at].parse().map_err(|_| RULE)?;
        let unit = match &text[at..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(RULE),
        };
        number.checked_mul(unit).map(|s| Self(Duration::from_secs(s))).ok_or(RULE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        assert_eq!("90s".parse(), Ok(Span(Duration::from_secs(90))));
        assert_eq!("1h".parse(), Ok(Span(Duration::from_secs(3_600))));
        assert_eq!("30d".parse(), Ok(Span(Duration::from_secs(2_592_000))));
        for bad in ["", "1", "h", "1w", "-1h", "1.5h", "99999999999999999999d", "999999999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}

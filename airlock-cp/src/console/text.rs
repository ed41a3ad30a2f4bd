//! How texts of others and moments are written on a page.

use std::time::Duration;

use airlock_core::Timestamp;

/// A moment, both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// From now: `3 minutes ago`, `in 6 days`.
    pub relative: String,
    /// In UTC, to the minute.
    pub absolute: String,
    /// For machines.
    pub iso: String,
}

impl When {
    /// A moment as seen from `now`.
    pub fn of(at: Timestamp, now: Timestamp) -> Self {
        let iso = at.to_string();
        let absolute =
            iso.get(..16).map_or_else(|| iso.clone(), |text| format!("{} UTC", text.replace('T', " ")));
        let past = now.as_millis() >= at.as_millis();
        let far = Duration::from_millis(now.as_millis().abs_diff(at.as_millis())).as_secs();
        let relative = match (span(far), past) {
            (None, true) => "just now".to_owned(),
            (None, false) => "in a moment".to_owned(),
            (Some(span), true) => format!("{span} ago"),
            (Some(span), false) => format!("in {span}"),
        };
        Self { relative, absolute, iso }
    }
}

fn span(seconds: u64) -> Option<String> {
    const UNITS: [(u64, &str); 5] =
        [(365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= *unit)?;
    let n = seconds / unit;
    Some(if n == 1 { format!("1 {name}") } else { format!("{n} {name}s") })
}

/// What may be shown of a text of others: without what reorders, hides or breaks lines, and not endless.
pub(crate) fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !hides(*c)).take(LENGTH_MAX + 1).collect();
    match kept.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &kept[..end]),
        None => kept,
    }
}

// Controls, marks of direction and order, and characters of no width: they make one name look like another.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

const LENGTH_MAX: usize = 300;

/// Askama's name for functions that templates call.
#[expect(unreachable_pub, reason = "the macro writes a public method")]
pub(crate) mod filters {
    use std::fmt::Display;

    /// [`super::plain`], for templates. What it gives is escaped like any other text.
    #[askama::filter_fn]
    pub(crate) fn plain(text: impl Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::plain(&text.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now() {
        #[track_caller]
        fn check(at_s: i64, expected: &str) {
            let now = Timestamp::from_millis(1_800_000_000_000);
            let when = When::of(Timestamp::from_millis(now.as_millis() + at_s * 1_000), now);
            assert_eq!(when.relative, expected);
        }
        check(0, "just now");
        check(-59, "just now");
        check(30, "in a moment");
        check(-60, "1 minute ago");
        check(-7_300, "2 hours ago");
        check(6 * 86_400 + 5, "in 6 days");
        check(-400 * 86_400, "1 year ago");
        let when = When::of(Timestamp::from_millis(1_800_000_000_000), Timestamp::from_millis(0));
        assert_eq!(
            (when.absolute.as_str(), when.iso.get(..19)),
            ("2027-01-15 08:00 UTC", Some("2027-01-15T08:00:00"))
        );
    }

    #[test]
    fn a_name_cannot_hide_or_turn_around() {
        assert_eq!(plain("Claude"), "Claude");
        assert_eq!(plain("a\u{202e}b\u{2066}c\u{200b}d\r\ne\u{feff}"), "abcde");
        assert_eq!(plain("名前 Ünïcode"), "名前 Ünïcode");
        assert_eq!(plain(&"é".repeat(5_000)).chars().count(), 301);
    }
}

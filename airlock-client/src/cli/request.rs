//! One request as it stands on the screen. What others wrote is behind a bar, in lines too short to wrap: none of it passes for a line
//! of ours.

use airlock_core::Timestamp;

use crate::approver::{HashCheck, Inert, NotOpened, Opened, PairedEnforcer, Shown, Waiting};

/// Characters of one request that are put on the screen.
pub(super) const SHOWN_CHARS_MAX: usize = 20_000;
/// Places of a line, bar included: a terminal of 80 columns does not wrap it.
const LINE_PLACES: usize = 76;

/// A request, and how much of it can be seen.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) text: String,
    /// Characters that were left out.
    pub(super) left_out: usize,
}

impl Page {
    pub(super) fn of(
        waiting: &Waiting,
        opened: Result<&Opened<'_>, NotOpened>,
        paired: Option<&PairedEnforcer>,
        now: Timestamp,
    ) -> Self {
        let claimed = waiting.claimed();
        let mut text = format!("\n== Request {}", waiting.request_id());
        if let Some(end) = claimed.expires_at {
            text.push_str(&format!("\n   until {end}: {} left", left(now, end)));
        }
        if let Some(paired) = paired {
            text.push_str(&format!("\n   Paired {}; it called itself:", paired.paired_at()));
            let named = [
                ("enforcer", paired.enforcer_id()),
                ("label", paired.label()),
                ("workspace", paired.workspace()),
            ];
            for (what, named) in named.into_iter().filter_map(|(what, named)| Some((what, named?))) {
                put(&mut text, &format!("{what}: {}", Inert::line(named)));
            }
        }
        text.push_str("\n   Said beside it, verified by nobody:");
        put(&mut text, &format!("type: {}", claimed.artifact_type));
        put(&mut text, &format!("enforcer: {}", claimed.enforcer));
        for (what, said) in [("label", &claimed.label), ("app", &claimed.app)] {
            if let Some(said) = said {
                put(&mut text, &format!("{what}: {said}"));
            }
        }
        for (name, value) in &claimed.metadata {
            put(&mut text, &format!("{name}: {value}"));
        }
        let left_out = match opened {
            Err(why) => {
                text.push_str(&format!("\n   !! {why}"));
                0
            }
            Ok(opened) => asked(&mut text, opened),
        };
        Self { text, left_out }
    }
}

fn asked(text: &mut String, opened: &Opened<'_>) -> usize {
    let Shown { rows, left_out } = opened.shown(SHOWN_CHARS_MAX);
    text.push_str("\n   Asked:");
    // Of members that were cut away whole nothing is left to put on the screen, and there may be many.
    let is_left = |text: &Inert| !text.as_str().is_empty();
    let (kept, gone): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| left_out == 0 || is_left(&row.name) || row.lines.iter().any(is_left));
    for row in kept {
        match row.lines.as_slice() {
            [only] => put(text, &format!("{}: {only}", row.name)),
            lines => {
                put(text, &format!("{}:", row.name));
                lines.iter().for_each(|line| put(text, &format!("    {line}")));
            }
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\n   !! {left_out} characters are not shown"));
        if !gone.is_empty() {
            text.push_str(&format!(", of {} members nothing", gone.len()));
        }
    }
    match opened.hash_check() {
        HashCheck::Verified => {
            text.push_str("\n   The hash that will be signed is that of what is shown: verified")
        }
        HashCheck::NotVerifiable => {
            text.push_str("\n   !! The hash that will be signed is NOT that of what is shown");
        }
    }
    put(text, &opened.waiting().artifact_hash().to_string());
    left_out
}

fn put(text: &mut String, said: &str) {
    text.push('\n');
    text.push_str(&barred(said));
}

/// A text of others behind a bar; where it goes on in the next line, behind another.
pub(super) fn barred(said: &str) -> String {
    let mut out = String::from("   | ");
    let mut places = out.len();
    for c in Inert::line(said).as_str().chars() {
        // Whatever is not ASCII may be two places wide.
        let wide = if c.is_ascii() { 1 } else { 2 };
        if places + wide > LINE_PLACES {
            out.push_str("\n   |+");
            places = 5;
        }
        out.push(c);
        places += wide;
    }
    out
}

/// How long it still is.
pub(super) fn left(now: Timestamp, end: Timestamp) -> String {
    let s = end.since(now).as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3_600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_others_is_long_enough_to_wrap_or_begins_like_ours() {
        let spaces = " ".repeat(LINE_PLACES);
        for said in [format!("x{spaces}== Request req-2"), "尺".repeat(200), "a\n== b\r\u{1b}[2J".to_owned()]
        {
            for line in barred(&said).split('\n') {
                assert!(line.starts_with("   | ") || line.starts_with("   |+"), "{line}");
                assert!(line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>() <= LINE_PLACES);
            }
        }
        assert_eq!(barred("a\u{1b}\u{202e}"), r"   | a\u{1b}\u{202e}");
    }

    #[test]
    fn the_time_that_is_left_is_said_as_people_say_it() {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        assert_eq!(left(at(10), at(5)), "0 s");
        assert_eq!(left(at(0), at(59)), "59 s");
        assert_eq!(left(at(0), at(601)), "10 min 1 s");
        assert_eq!(left(at(0), at(86_400)), "24 h 0 min");
    }
}

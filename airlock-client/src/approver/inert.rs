//! Text of others as it may stand on a person's screen: nothing in it moves, hides or imitates anything.

use std::fmt;

/// One line of text in which every character that could steer a terminal, reorder or hide its neighbours, or pass for a space stands
/// as `\u{…}`. Only this module makes one. Letters that look like other letters stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inert(String);

impl Inert {
    /// One line: a line break in it is written out as well.
    pub fn line(text: &str) -> Self {
        Self(text.chars().fold(String::with_capacity(text.len()), push))
    }
    /// Its lines, as `\n` parts them.
    pub fn lines(text: &str) -> Vec<Self> {
        text.split('\n').map(Self::line).collect()
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Inert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn push(mut out: String, c: char) -> String {
    if is_active(c) {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
    out
}

/// Controls, marks of direction, characters of no width or no ink, and every space but one.
fn is_active(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Inert::line(text).as_str(), expected);
    }

    #[test]
    fn what_steers_reorders_or_hides_is_written_out() {
        check("rm -rf build", "rm -rf build");
        check("größe 尺 🚀 <b>&amp;", "größe 尺 🚀 <b>&amp;");
        check("\u{1b}[2J\u{1b}]0;x\u{7}", r"\u{1b}[2J\u{1b}]0;x\u{7}");
        check("a\u{9b}31m\u{7f}", r"a\u{9b}31m\u{7f}");
        check("safe\r\nrm -rf /", r"safe\u{d}\u{a}rm -rf /");
        check("txt.\u{202e}exe\u{2066}\u{2069}", r"txt.\u{202e}exe\u{2066}\u{2069}");
        check("l\u{200b}s\u{feff}\u{ad}\u{2060}\u{e0041}", r"l\u{200b}s\u{feff}\u{ad}\u{2060}\u{e0041}");
        check("rm\u{a0}-r\u{3000}x\u{2003}\t", r"rm\u{a0}-r\u{3000}x\u{2003}\u{9}");
        check("\u{3164}\u{2800}\u{fe0f}\u{2028}", r"\u{3164}\u{2800}\u{fe0f}\u{2028}");
    }

    #[test]
    fn lines_are_kept_apart_and_each_is_inert() {
        let lines = Inert::lines("a\nb\r\n\n\u{1b}c");
        let lines: Vec<&str> = lines.iter().map(Inert::as_str).collect();
        assert_eq!(lines, ["a", r"b\u{d}", "", r"\u{1b}c"]);
    }

    #[test]
    fn no_character_comes_through_that_is_not_plain_ink_or_a_space() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = Inert::line(&c.to_string()).0;
            let kept = text.starts_with(c) && text.chars().count() == 1;
            assert!(!kept || c == ' ' || !(c.is_control() || c.is_whitespace()), "{c:?}");
        }
    }
}

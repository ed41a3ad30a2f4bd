//! Text as a searcher sees it: one plain form, with the way back to the original bytes.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Finding;
use crate::mask::Entity;

/// A text in plain form. Every byte knows which bytes of the original it stands for.
pub(super) struct Folded {
    pub(super) text: String,
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl Folded {
    /// Compatibility decomposition without marks, lower case, decimal digits as ASCII, every dash `-`, every full stop
    /// `.`, runs of white space as one blank, format and control characters left out.
    pub(super) fn new(original: &str) -> Self {
        let mut folded = Self::with_capacity(original.len());
        for (at, c) in original.char_indices() {
            folded.push(c, at, at + c.len_utf8());
        }
        folded
    }

    /// As [`Self::new`] with `%40`, `\u0040` and `&#64;` read as the character they stand for. `None` when the text has
    /// none of them.
    pub(super) fn decoded(original: &str) -> Option<Self> {
        if !original.contains(['%', '\\', '&']) {
            return None;
        }
        let mut folded = Self::with_capacity(original.len());
        let mut found = false;
        let mut at = 0;
        while let Some(c) = original[at..].chars().next() {
            let (c, end) = match escape(&original[at..]) {
                Some((decoded, length)) => {
                    found = true;
                    (decoded, at + length)
                }
                None => (c, at + c.len_utf8()),
            };
            folded.push(c, at, end);
            at = end;
        }
        found.then_some(folded)
    }

    /// The original bytes behind these bytes of the plain form.
    pub(super) fn finding(&self, start: usize, end: usize, entity: Option<Entity>) -> Finding {
        Finding { start: self.starts[start] as usize, end: self.ends[end - 1] as usize, entity }
    }

    fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            starts: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(bytes),
        }
    }

    fn push(&mut self, c: char, start: usize, end: usize) {
        let before = self.text.len();
        plain(c, &mut self.text);
        if self.text.ends_with("  ") {
            self.text.pop();
        }
        // What is left out belongs to the character before it, so that it goes with it.
        if self.text.len() == before {
            let last_start = self.starts.last().copied();
            for (s, e) in self.starts.iter().zip(&mut self.ends).rev() {
                if Some(*s) != last_start {
                    break;
                }
                *e = end as u32;
            }
        }
        self.starts.resize(self.text.len(), start as u32);
        self.ends.resize(self.text.len(), end as u32);
    }
}

/// Writes the plain form of one character, nothing when it does not count.
pub(super) fn plain(c: char, out: &mut String) {
    if c.is_ascii() {
        match c {
            _ if c.is_ascii_whitespace() || c == '\u{b}' => out.push(' '),
            _ if c.is_ascii_control() => {}
            _ => out.push(c.to_ascii_lowercase()),
        }
        return;
    }
    if is_invisible(c) {
        return;
    }
    if let Some(digit) = digit(c) {
        out.push(digit);
        return;
    }
    for d in std::iter::once(c).nfkd() {
        match d {
            _ if is_combining_mark(d) => {}
            _ if d.is_whitespace() => out.push(' '),
            '\u{2010}'..='\u{2015}'
            | '\u{2212}'
            | '\u{2043}'
            | '\u{58a}'
            | '\u{5be}'
            | '\u{1806}'
            | '\u{2e3a}'
            | '\u{2e3b}'
            | '\u{301c}'
            | '\u{30a0}'
            | '\u{30fb}' => out.push('-'),
            '\u{3002}' | '\u{6d4}' | '\u{701}' | '\u{702}' | '\u{a4f8}' | '\u{a60e}' => out.push('.'),
            '\u{2044}' | '\u{2215}' => out.push('/'),
            _ => out.extend(d.to_uppercase().flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c))),
        }
    }
}

/// Format characters (Cf), controls, and letters that show nothing.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}')
}

/// The ASCII digit of a decimal digit of any script.
fn digit(c: char) -> Option<char> {
    let c = c as u32;
    let zero = DIGIT_ZEROS[..DIGIT_ZEROS.partition_point(|zero| *zero <= c)].last()?;
    char::from_digit(c - zero, 10)
}

/// The zero of each run of ten decimal digits (general category Nd), in order. A test compares them with Unicode's.
const DIGIT_ZEROS: [u32; 75] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730,
    0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0,
    0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e5f1, 0x1e950,
];

/// The printable ASCII character that the text begins with in escaped form, and the length of that form.
fn escape(text: &str) -> Option<(char, usize)> {
    let (prefix, radix, digits, suffix) = match text.as_bytes() {
        [b'%', ..] => (1, 16, 2..=2, false),
        [b'\\', b'u' | b'U', ..] => (2, 16, 4..=4, false),
        [b'\\', b'x' | b'X', ..] => (2, 16, 2..=2, false),
        [b'&', b'#', b'x' | b'X', ..] => (3, 16, 1..=6, true),
        [b'&', b'#', ..] => (2, 10, 1..=7, true),
        _ => return None,
    };
    let rest = text.get(prefix..)?;
    let count = rest.bytes().take(*digits.end()).take_while(|b| char::from(*b).is_digit(radix)).count();
    if !digits.contains(&count) {
        return None;
    }
    let length = prefix + count + usize::from(suffix && rest.as_bytes().get(count) == Some(&b';'));
    let c = char::from_u32(u32::from_str_radix(&rest[..count], radix).ok()?)?;
    (c == ' ' || c.is_ascii_graphic() || (radix == 16 && prefix == 2 && !c.is_control()))
        .then_some((c, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(original: &str, expected: &str) {
        assert_eq!(Folded::new(original).text, expected);
    }

    #[test]
    fn disguises_fold_to_plain_text() {
        check("José ÅNGSTRÖM", "jose angstrom");
        check("cafe\u{301}", "cafe");
        check("a\u{200b}b\u{ad}c\u{feff}d\u{2066}", "abcd");
        check("ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "alice@example.com");
        check("٠١٢ ۳۴ ५", "012 34 5");
        check("12–34—56‑78", "12-34-56-78");
        check("a \t\n\u{a0} b", "a b");
        check("Straße ﬁn İı", "strasse fin ii");
        check("𝐚𝟏②", "a12");
    }

    #[test]
    fn escapes_are_read_as_characters() {
        for (original, expected) in [
            ("a%40b.c", "a@b.c"),
            ("a\\u0040b.c", "a@b.c"),
            ("a\\u00e9", "ae"),
            ("a&#64;b.c", "a@b.c"),
            ("a&#x40;b", "a@b"),
            ("100% \\d &c %4", "100% \\d &c %4"),
        ] {
            let folded = Folded::decoded(original);
            if original == expected {
                assert!(folded.is_none(), "{original}");
            } else {
                assert_eq!(folded.unwrap().text, expected);
            }
        }
        assert!(Folded::decoded("plain").is_none());
    }

    #[test]
    fn every_byte_leads_back_to_its_original() {
        let original = "x e\u{301}\u{200b}\u{200b}y";
        let folded = Folded::new(original);
        assert_eq!(folded.text, "x ey");
        let back = |start, end| {
            let f = folded.finding(start, end, None);
            &original[f.start..f.end]
        };
        assert_eq!(back(2, 3), "e\u{301}\u{200b}\u{200b}");
        assert_eq!(back(3, 4), "y");
        assert_eq!(back(0, 4), original);
    }

    #[test]
    fn all_of_unicodes_digits_and_format_characters_are_known() {
        let (digits, formats) =
            (regex::Regex::new(r"^\p{Nd}$").unwrap(), regex::Regex::new(r"^\p{Cf}$").unwrap());
        for c in (0x80..=0x10_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            let folded = Folded::new(&text).text;
            if digits.is_match(&text) {
                assert!(
                    folded.len() == 1 && folded.as_bytes()[0].is_ascii_digit(),
                    "{:x} {folded}",
                    c as u32
                );
            }
            if formats.is_match(&text) {
                assert_eq!(folded, "", "{:x}", c as u32);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn spans_are_ordered_and_on_character_boundaries(original in "\\PC{0,40}") {
            for folded in [Some(Folded::new(&original)), Folded::decoded(&original)].into_iter().flatten() {
                assert_eq!(folded.text.len(), folded.starts.len());
                assert_eq!(folded.text.len(), folded.ends.len());
                for (start, end) in folded.starts.iter().zip(&folded.ends) {
                    assert!(start < end && original.get(*start as usize..*end as usize).is_some());
                }
                assert!(folded.starts.is_sorted() && folded.ends.is_sorted());
            }
        }
    }
}

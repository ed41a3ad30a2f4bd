//! A decrypted payload as rows for a person: a name, and lines of inert text. What does not fit is counted, never dropped in silence.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::inert::Inert;

/// One member of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name; empty where the payload is no object.
    pub name: Inert,
    /// Its value, by lines. A string is shown as its text, anything else as JSON.
    pub lines: Vec<Inert>,
}

/// A payload as rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The rows, by name.
    pub rows: Vec<Row>,
    /// Characters that were left out. Whoever approves did not see them.
    pub left_out: usize,
}

/// A name, and under it each line behind a bar: no line of a value can pass for another row.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        match self.lines.as_slice() {
            [only] => write!(f, " {only}"),
            lines => lines.iter().try_for_each(|line| write!(f, "\n  | {line}")),
        }
    }
}

impl Shown {
    /// The rows of a plaintext, with this many characters of it at most.
    pub(super) fn of(plaintext: &[u8], chars_max: usize) -> Self {
        let mut shown = Self { rows: Vec::new(), left_out: 0 };
        let mut left = chars_max;
        match serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(plaintext) {
            Ok(members) => {
                for (name, value) in members.iter().filter(|(name, _)| *name != EXTENSIONS) {
                    shown.put(name, &text_of(value), &mut left);
                }
            }
            Err(_) => {
                let text = String::from_utf8_lossy(plaintext);
                let value: Result<Box<RawValue>, _> = serde_json::from_str(&text);
                shown.put("", &value.map_or_else(|_| text.clone().into_owned(), |v| text_of(&v)), &mut left);
            }
        }
        shown
    }

    fn put(&mut self, name: &str, text: &str, left: &mut usize) {
        let (name, name_cut) = cut(name, NAME_CHARS_MAX.min(*left));
        *left -= name.chars().count();
        let (text, cut_off) = cut(text, *left);
        *left -= text.chars().count();
        self.left_out += name_cut + cut_off;
        self.rows.push(Row { name: Inert::line(name), lines: Inert::lines(text) });
    }
}

/// A text up to a number of characters, and how many were left out.
fn cut(text: &str, chars_max: usize) -> (&str, usize) {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
        None => (text, 0),
    }
}

/// A value as people read it. Numbers stay as they were written.
fn text_of(value: &RawValue) -> String {
    match serde_json::from_str::<String>(value.get()) {
        Ok(text) => text,
        Err(_) => pretty(value.get()),
    }
}

/// The same JSON with line breaks and indentation.
fn pretty(json: &str) -> String {
    let (mut out, mut depth, mut in_text, mut escaped) = (String::with_capacity(json.len()), 0, false, false);
    let broken = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEPTH_SHOWN_MAX)));
    };
    // White space of JSON. Other controls can stand in its texts as they are, and are shown.
    let mut characters = json.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).peekable();
    while let Some(c) = characters.next() {
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                out.push(c);
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    broken(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                broken(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                broken(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

/// What says how to ask, not what is asked.
const EXTENSIONS: &str = "extensions";
const NAME_CHARS_MAX: usize = 200;
const DEPTH_SHOWN_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(plaintext: &str) -> Vec<String> {
        Shown::of(plaintext.as_bytes(), 10_000).rows.iter().map(Row::to_string).collect()
    }

    #[test]
    fn each_member_is_a_row_and_numbers_stay_as_written() {
        let shown = rows(
            r#"{"z":"text","amount":123456789012345678901234567890,"empty":{},"extensions":{"org.harp.requestedActions":{}},"list":[1,{"a":"b,\"{"}]}"#,
        );
        assert_eq!(
            shown,
            [
                "amount: 123456789012345678901234567890",
                "empty: {}",
                "list:\n  | [\n  |   1,\n  |   {\n  |     \"a\": \"b,\\\"{\"\n  |   }\n  | ]",
                "z: text",
            ]
        );
    }

    #[test]
    fn no_value_passes_for_a_row_and_no_name_breaks_out_of_its_own() {
        let shown = rows(r#"{"a\nb\u001b[1A":"ls\ncommand: harmless"}"#);
        assert_eq!(shown, ["a\\u{a}b\\u{1b}[1A:\n  | ls\n  | command: harmless"]);
    }

    #[test]
    fn controls_inside_a_nested_text_are_shown() {
        assert_eq!(
            rows("{\"a\":[\t\r\n\"b\u{9b}\u{7f}c\"]}"),
            ["a:\n  | [\n  |   \"b\\u{9b}\\u{7f}c\"\n  | ]"]
        );
    }

    #[test]
    fn what_is_no_object_is_one_row() {
        assert_eq!(rows("\"text\""), [": text"]);
        assert_eq!(rows("not json \u{1b}"), [": not json \\u{1b}"]);
        assert_eq!(rows("[1,2]"), [":\n  | [\n  |   1,\n  |   2\n  | ]"]);
        let bytes = Shown::of(&[0xff, b'a', 0x00], 100);
        assert_eq!(bytes.rows[0].to_string(), ": \u{fffd}a\\u{0}");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let long = format!(r#"{{"a":"{}","b":"seen?"}}"#, "x".repeat(1 << 20));
        let shown = Shown::of(long.as_bytes(), 1_000);
        assert_eq!(shown.left_out, (1 << 20) - 999 + 1 + 5);
        assert_eq!(shown.rows.len(), 2);
        assert_eq!(Shown::of(long.as_bytes(), 1 << 21).left_out, 0);
        let name = format!(r#"{{"{}":1}}"#, "n".repeat(1_000));
        assert_eq!(Shown::of(name.as_bytes(), 10_000).left_out, 800);
    }

    #[test]
    fn a_deep_payload_is_shown_in_reasonable_space() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        let shown = rows(&deep);
        assert!(shown[0].len() < 100 * 100, "{}", shown[0].len());
        // Deeper than serde_json goes: text, as it is.
        assert_eq!(rows(&"[".repeat(200_000))[0].len(), 10_002);
    }

    proptest::proptest! {
        #[test]
        fn pretty_json_is_the_same_json(value in "[a-z\"\\\\{}\\[\\],: é]{0,20}", n in 0u32..5) {
            let json = serde_json::json!({"k": [value.clone(), {value.clone(): n}], "e": [[], {}, ""]});
            let again: serde_json::Value = serde_json::from_str(&pretty(&json.to_string())).unwrap();
            proptest::prop_assert_eq!(again, json);
        }
    }
}

//! Reads a JSON text as Python's `json.loads` does, keeping what serde_json loses: all digits of whole numbers.
//!
//! Source: RFC 8259; of equal keys the last stays, but what the others hold must be good as well. Unlike Python it takes no `NaN`,
//! no `Infinity` and no lone surrogate (which has no UTF-8), and nesting and length are bounded.

use std::collections::BTreeMap;

/// Deepest nesting of lists and objects: serde_json's own bound, so that what we read as a value can also be hashed.
pub const PAYLOAD_DEPTH_MAX: usize = 127;
/// Longest text: twice the largest body that the gateway takes.
pub const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most digits of a whole number: as many as Python reads.
const DIGITS_MAX: usize = 4300;

/// Why a text has no canonical form. Says where, never what: payloads are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCanonicalPayload {
    /// No JSON from this byte on.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Byte of the text.
        at: usize,
    },
    /// A number beyond a double's range, or with more digits than Python reads.
    #[error("a number without canonical form at byte {at}")]
    Number {
        /// Byte of the text.
        at: usize,
    },
    /// Half of a surrogate pair, which has no UTF-8.
    #[error("half of a surrogate pair at byte {at}")]
    Surrogate {
        /// Byte of the text.
        at: usize,
    },
    /// Nested deeper than [`PAYLOAD_DEPTH_MAX`].
    #[error("nested deeper than {PAYLOAD_DEPTH_MAX}")]
    Depth,
    /// Longer than [`PAYLOAD_BYTES_MAX`].
    #[error("longer than {PAYLOAD_BYTES_MAX} bytes")]
    Length,
}

/// One JSON value, with whole numbers as they were written.
#[derive(Debug)]
pub(super) enum JsonNode<'a> {
    Null,
    Bool(bool),
    /// Digits, perhaps after `-`; no zeros in front.
    Whole(&'a str),
    /// Finite.
    Double(f64),
    Text(String),
    List(Vec<JsonNode<'a>>),
    Object(BTreeMap<String, JsonNode<'a>>),
}

/// Reads the one value of a text.
pub(super) fn read_json(text: &str) -> Result<JsonNode<'_>, NotCanonicalPayload> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(NotCanonicalPayload::Length);
    }
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(node) } else { Err(reader.syntax()) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<JsonNode<'a>, NotCanonicalPayload> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string().map(JsonNode::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word("null", JsonNode::Null),
            Some(b't') => self.word("true", JsonNode::Bool(true)),
            Some(b'f') => self.word("false", JsonNode::Bool(false)),
            _ => Err(self.syntax()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<JsonNode<'a>, NotCanonicalPayload> {
        let mut members = BTreeMap::new();
        self.open(depth)?;
        if self.takes(b'}') {
            return Ok(JsonNode::Object(members));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            if !self.takes(b':') {
                return Err(self.syntax());
            }
            members.insert(key, self.value(depth)?);
            if self.takes(b'}') {
                return Ok(JsonNode::Object(members));
            }
            if !self.takes(b',') {
                return Err(self.syntax());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<JsonNode<'a>, NotCanonicalPayload> {
        let mut items = Vec::new();
        self.open(depth)?;
        if self.takes(b']') {
            return Ok(JsonNode::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Ok(JsonNode::List(items));
            }
            if !self.takes(b',') {
                return Err(self.syntax());
            }
        }
    }

    // Steps over the bracket.
    fn open(&mut self, depth: usize) -> Result<(), NotCanonicalPayload> {
        self.at += 1;
        if depth > PAYLOAD_DEPTH_MAX { Err(NotCanonicalPayload::Depth) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<JsonNode<'a>, NotCanonicalPayload> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = if self.peek() == Some(b'0') {
            self.at += 1;
            1
        } else {
            self.digits()?
        };
        let mut is_whole = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            is_whole = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            is_whole = false;
        }
        let literal = &self.text[start..self.at];
        let beyond = NotCanonicalPayload::Number { at: start };
        if is_whole {
            return if whole > DIGITS_MAX { Err(beyond) } else { Ok(JsonNode::Whole(literal)) };
        }
        match literal.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(JsonNode::Double(value)),
            _ => Err(beyond),
        }
    }

    // One digit at least.
    fn digits(&mut self) -> Result<usize, NotCanonicalPayload> {
        let count = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.syntax()) } else { Ok(count) }
    }

    fn string(&mut self) -> Result<String, NotCanonicalPayload> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax());
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            // What needs no second look is copied at once. None of the bytes looked for is part of a longer character.
            let plain = self.rest().iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)).count();
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.syntax()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotCanonicalPayload> {
        let start = self.at;
        let kind = self.rest().get(1).copied().ok_or(self.syntax())?;
        self.at += 2;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                let code = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
                    self.at += 2;
                    match self.hex4()? {
                        second @ 0xdc00..0xe000 => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                        _ => first,
                    }
                } else {
                    first
                };
                char::from_u32(code).ok_or(NotCanonicalPayload::Surrogate { at: start })?
            }
            _ => return Err(NotCanonicalPayload::Syntax { at: start }),
        })
    }

    fn hex4(&mut self) -> Result<u32, NotCanonicalPayload> {
        let digits = self.rest().get(..4).ok_or(self.syntax())?;
        let code = digits.iter().try_fold(0, |n, b| Some(n * 16 + char::from(*b).to_digit(16)?));
        let code = code.ok_or(self.syntax())?;
        self.at += 4;
        Ok(code)
    }

    fn word(&mut self, word: &str, node: JsonNode<'a>) -> Result<JsonNode<'a>, NotCanonicalPayload> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(node)
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }
    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    }
    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }
    fn syntax(&self) -> NotCanonicalPayload {
        NotCanonicalPayload::Syntax { at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: NotCanonicalPayload) {
        assert_eq!(read_json(text).err(), Some(expected), "{text}");
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_stops_being_it() {
        use NotCanonicalPayload::Syntax;
        for (text, at) in [
            ("", 0),
            (" ", 1),
            ("nul", 0),
            ("truefalse", 4),
            ("NaN", 0),
            ("Infinity", 0),
            ("-Infinity", 1),
            ("01", 1),
            ("-", 1),
            ("+1", 0),
            ("1.", 2),
            (".5", 0),
            ("1e", 2),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("[", 1),
            ("{\"a\"}", 4),
            ("{a:1}", 1),
            ("{\"a\":1,}", 7),
            ("{,}", 1),
            ("\"a", 2),
            ("\"a\nb\"", 2),
            ("\"\\x41\"", 1),
            ("\"\\u12\"", 3),
            ("\"\\u+123\"", 3),
            ("'a'", 0),
            ("\u{feff}1", 0),
            ("\u{a0}1", 0),
            ("1 /* */", 2),
            ("[1]]", 3),
        ] {
            refused(text, Syntax { at });
        }
    }

    #[test]
    fn numbers_and_surrogates_without_form_are_refused() {
        refused("[1e400]", NotCanonicalPayload::Number { at: 1 });
        refused("-1e400", NotCanonicalPayload::Number { at: 0 });
        refused(&"9".repeat(4301), NotCanonicalPayload::Number { at: 0 });
        assert!(read_json(&format!("-{}", "9".repeat(4300))).is_ok());
        refused(r#""a\ud800""#, NotCanonicalPayload::Surrogate { at: 2 });
        refused(r#""\udc00""#, NotCanonicalPayload::Surrogate { at: 1 });
        refused(r#""\ud800\ud800""#, NotCanonicalPayload::Surrogate { at: 1 });
        refused(r#"{"\ude00\ud83d":1}"#, NotCanonicalPayload::Surrogate { at: 2 });
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read_json(&nested(PAYLOAD_DEPTH_MAX)).is_ok());
        refused(&nested(PAYLOAD_DEPTH_MAX + 1), NotCanonicalPayload::Depth);
        refused(&"[".repeat(1_000_000), NotCanonicalPayload::Depth);
        refused(&r#"{"a":"#.repeat(1_000_000 / 5), NotCanonicalPayload::Depth);
        refused(&" ".repeat(PAYLOAD_BYTES_MAX + 1), NotCanonicalPayload::Length);
    }
}

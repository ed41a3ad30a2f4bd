//! What is printed, and where.

use std::io::Write as _;

use serde_json::Value;

use crate::approver::Inert;

/// Prints. A closed pipe is no error: who reads has read enough. Every line becomes [`Inert`] here at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }
    /// Lines for people.
    pub(super) fn say(&self, text: &str) {
        let mut to = std::io::stderr().lock();
        for line in Inert::lines(text) {
            let _ = writeln!(to, "{line}");
        }
    }
    /// Begins the line on which a person answers.
    pub(super) fn prompt(&self) {
        let mut to = std::io::stderr().lock();
        let _ = write!(to, "> ").and_then(|()| to.flush());
    }
    /// One value that has a name in JSON.
    pub(super) fn value(&self, name: &str, value: &str) {
        if self.json { line(&ascii(&serde_json::json!({ name: value }))) } else { line(value) }
    }
    /// A page of a list: in JSON with where the next one begins.
    pub(super) fn page(&self, items: &[Value], columns: &[&str], next: Option<&str>) {
        if self.json {
            line(&ascii(&serde_json::json!({ "items": items, "next": next })));
        } else {
            self.list(items, columns);
        }
    }
    /// A list: one line an entry, columns with tabs between. JSON has what columns leave out.
    pub(super) fn list(&self, items: &[Value], columns: &[&str]) {
        if self.json {
            line(&ascii(&Value::from(items.to_vec())));
            return;
        }
        self.say(&columns.join("  "));
        for item in items {
            line_of(&columns.iter().map(|column| text(&item[*column])).collect::<Vec<_>>());
        }
    }
}

fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", Inert::line(text));
}

// The tabs are ours; those in a column are written out.
fn line_of(columns: &[Inert]) {
    let mut to = std::io::stdout().lock();
    for (at, column) in columns.iter().enumerate() {
        let _ = write!(to, "{}{column}", if at > 0 { "\t" } else { "" });
    }
    let _ = writeln!(to);
}

fn text(value: &Value) -> Inert {
    match value {
        Value::Null => Inert::line("-"),
        Value::String(text) => Inert::line(text),
        other => Inert::line(&other.to_string()),
    }
}

/// The same JSON in ASCII: nothing in it steers a terminal, and a parser reads what stood there.
fn ascii(value: &Value) -> String {
    value.to_string().chars().fold(String::new(), |mut out, c| {
        match c {
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_ascii_and_says_the_same() {
        let value = json!({"a": "é \u{202e}\u{9b}31m\u{7f}\u{1b} 🚀 \"\\"});
        let text = ascii(&value);
        assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}

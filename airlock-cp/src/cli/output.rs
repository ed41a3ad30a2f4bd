//! What is printed, and where.

use std::io::Write as _;

use serde_json::Value;

/// Prints. A closed pipe is no error: who reads has read enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }
    /// A sentence for people.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    /// A line for machines.
    pub(super) fn line(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    /// Bytes for machines; whether somebody still reads.
    pub(super) fn bytes(&self, bytes: &[u8]) -> bool {
        std::io::stdout().write_all(bytes).is_ok()
    }
    /// One value that has a name in JSON.
    pub(super) fn value(&self, name: &str, value: &str) {
        if self.json { self.line(&serde_json::json!({ name: value }).to_string()) } else { self.line(value) }
    }
    /// An object: whole in JSON, else the one member that scripts want.
    pub(super) fn object(&self, object: &Value, member: &str) {
        if self.json { self.line(&object.to_string()) } else { self.line(&text(&object[member])) }
    }
    /// A list: one line an entry, columns with tabs between.
    pub(super) fn list(&self, items: &[Value], columns: &[&str]) {
        if self.json {
            self.line(&Value::from(items.to_vec()).to_string());
            return;
        }
        self.say(&columns.join("\t"));
        for item in items {
            self.line(&columns.iter().map(|c| text(&item[*c])).collect::<Vec<_>>().join("\t"));
        }
    }
    pub(super) fn is_json(&self) -> bool {
        self.json
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

//! Tables for a terminal.

use serde_json::Value;

/// Most characters of one cell.
const CELL_CHARS_MAX: usize = 46;

/// A cell's text: cut, without line breaks or control characters, so that data cannot draw on the terminal.
pub(super) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= CELL_CHARS_MAX {
        return clean;
    }
    let mut cut: String = clean.chars().take(CELL_CHARS_MAX - 1).collect();
    cut.push('…');
    cut
}

/// Lines of a table with a header, columns as wide as their widest cell.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        rows.iter()
            .filter_map(|r| r.get(at))
            .map(|c| c.chars().count())
            .chain(header.get(at).map(|h| h.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        format!("    {}\n", padded.join("  ").trim_end())
    };
    let mut out = line(header.to_vec());
    out.push_str(&line(widths.iter().map(|w| &RULE[..(*w * '─'.len_utf8()).min(RULE.len())]).collect()));
    for row in rows {
        out.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    out
}

const RULE: &str = "────────────────────────────────────────────────────────────────────────────────";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up_and_cells_cannot_draw() {
        let rows =
            vec![vec!["a".into(), cell(&json!("x\u{1b}[31my\nz"))], vec!["long".into(), cell(&Value::Null)]];
        assert_eq!(
            table(&["k", "v"], &rows),
            "    k     v\n    ────  ─────────\n    a     x [31my z\n    long  NULL\n"
        );
        assert_eq!(cell(&json!("é".repeat(100))).chars().count(), CELL_CHARS_MAX);
    }
}

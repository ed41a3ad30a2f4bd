//! Reads the corpus files. Shared with the tests that send the same statements through the whole passage.

/// Attacks: the reason for which each is refused, and the statement.
pub(crate) const REFUSED: &str = include_str!("refused.sql");

/// Entries of a corpus file: what stands behind `--!`, and the statement below it. `\u{…}` stands for a character.
pub(crate) fn entries(file: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = vec![];
    for line in file.lines() {
        match (line.strip_prefix("--!"), found.last_mut()) {
            (Some(expected), _) => found.push((expected.trim().to_owned(), String::new())),
            (None, Some((_, sql))) => {
                sql.push_str(line);
                sql.push('\n');
            }
            (None, None) => {}
        }
    }
    found.into_iter().map(|(expected, sql)| (expected, unescape(sql.trim()))).collect()
}

fn unescape(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (code, tail) = after.split_once('}').expect("an escape ends with a brace");
        out.push_str(before);
        out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        rest = tail;
    }
    out + rest
}

//! What is refused anywhere in the file: duplicate keys, tags, credentials.

use std::collections::BTreeSet;

use super::node::{Node, Value, short};
use crate::policy::finding::{Finding, LintCode};

/// Looks at every node once.
pub(super) fn scan(root: &Node, out: &mut Vec<Finding>) {
    if root.tagged {
        out.push(tag("", root.line));
    }
    duplicates("", root, out);
    root.walk("", &mut |path, key, node| {
        if node.tagged {
            out.push(tag(path, node.line));
        }
        if let Some(key) = key {
            if key.tagged {
                out.push(tag(path, key.line));
            }
            if names_database_url(&key.name) && !names_columns(path) {
                out.push(
                    Finding::new(LintCode::E101, path, format!("`{}` does not belong in this file", short(&key.name)))
                        .at(key.line)
                        .advise("set DATABASE_URL or AIRLOCK_DATABASE_URL_FILE in the worker's environment"),
                );
            }
        }
        if let Value::Text(text) = &node.value
            && has_password(text)
        {
            out.push(
                Finding::new(LintCode::E101, path, "a URL with credentials does not belong in this file")
                    .at(node.line)
                    .advise("set DATABASE_URL or AIRLOCK_DATABASE_URL_FILE in the worker's environment, and change the password"),
            );
        }
        duplicates(path, node, out);
    });
}

fn tag(path: &str, line: u64) -> Finding {
    Finding::new(LintCode::E100, path, "YAML tags (`!…`) are not supported").at(line)
}

fn duplicates(path: &str, node: &Node, out: &mut Vec<Finding>) {
    let Value::Map(entries) = &node.value else { return };
    let mut seen = BTreeSet::new();
    for (key, _) in entries {
        if !seen.insert(&key.name) {
            out.push(
                Finding::new(LintCode::E100, super::node::join(path, &key.name), "this key stands twice")
                    .at(key.line),
            );
        }
    }
}

/// `database_url` in any spelling.
pub(super) fn names_database_url(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    plain == "databaseurl"
}

/// Below these the keys are names of columns, and a column may be called `database_url`.
fn names_columns(path: &str) -> bool {
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    parent.ends_with(".mask_columns") || parent.ends_with(".column_descriptions")
}

/// Whether the text holds a URL with a password, or is a connection string with one.
fn has_password(text: &str) -> bool {
    let words = || text.split(|c: char| c.is_whitespace() || "'\"`<>()".contains(c));
    words().any(url_has_password) || connection_string_has_password(&words().collect::<Vec<_>>())
}

fn url_has_password(word: &str) -> bool {
    let Some((before, rest)) = word.split_once("://") else { return false };
    let scheme =
        before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).next().unwrap_or(before);
    let postgres = matches!(scheme.to_ascii_lowercase().as_str(), "postgres" | "postgresql");
    // A database's password is often pasted unescaped, `/` and `@` included: any `@` ends the user part there.
    let authority = if postgres { rest } else { rest.split(['/', '?', '#']).next().unwrap_or(rest) };
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let in_user = user.is_some_and(|u| u.split_once(':').is_some_and(|(_, password)| !password.is_empty()));
    let in_query = postgres
        && rest.split_once('?').is_some_and(|(_, query)| {
            query.split('&').any(|p| p.split_once('=').is_some_and(|(k, v)| k == "password" && !v.is_empty()))
        });
    in_user || in_query
}

/// libpq's keyword form: `host=… password=…`.
fn connection_string_has_password(words: &[&str]) -> bool {
    let pairs = || words.iter().filter_map(|w| w.split_once('='));
    pairs().any(|(k, v)| matches!(k, "host" | "hostaddr" | "dbname" | "user") && !v.is_empty())
        && pairs().any(|(k, v)| k == "password" && !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_with_a_password_are_known() {
        for bad in [
            "postgres://u:p@h/d",
            "postgresql://u:p%40@h:5432/d?sslmode=require",
            "POSTGRES://u:p@h",
            "postgres://u@h/d?password=x",
            "postgres:///d?host=/run&password=x",
            "postgres://u:p/w@h/d",
            "mysql://root:root@db/x",
            "https://me:token@cp.example.com",
            "host=db user=u password=x",
        ] {
            assert!(has_password(bad), "{bad}");
        }
        for good in [
            "postgres://u@h/d",
            "https://cp.example.com",
            "https://cp.example.com:8443/a@b",
            "SELECT 1",
            "amount: refunds are negative",
            "SELECT * FROM t WHERE password = 'x' AND user = 'y'",
        ] {
            assert!(!has_password(good), "{good}");
        }
    }
}

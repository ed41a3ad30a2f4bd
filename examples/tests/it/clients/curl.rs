//! The lines of the documentation, by the `curl` of this machine.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::passage::database::Database;
use crate::passage::stack::Stack;

/// The README's example asks by e-mail address.
const POLICY: &str = "
root_table: users
root_filter_col: email
tables:
  - {name: users, mask_columns: {email: email, ssn: null, name: hash}}
  - {name: orders, parent: users, fk: user_id}
";

/// As the specification has it.
const ONE_LINE: &str = r#"curl $CP/mcp/acme -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'"#;

/// Runs a line as a reader would paste it.
#[expect(clippy::disallowed_methods, reason = "the line is for a shell")]
fn paste(line: &str, key: &str, cp: &str) -> Value {
    let mut shell = Command::new("sh");
    let out = shell
        .args(["-c", line])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("KEY", key), ("CP", cp)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|_| panic!("{line}: {:?}", String::from_utf8_lossy(&out.stdout)))
}

/// The README's curl commands, each with its continuation lines.
fn readme() -> Vec<String> {
    let readme = include_str!("../../../../README.md");
    let mut lines = readme.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.by_ref().find(|line| line.starts_with("curl ")) {
        let mut command = line.to_owned();
        // A quote that is open, or a backslash, and the next line belongs to it.
        while command.matches('\'').count() % 2 == 1 || command.ends_with('\\') {
            command.push('\n');
            command.push_str(lines.next().unwrap());
        }
        found.push(command);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_as_documented_lists_and_asks() {
    let Some(database) = Database::new().await else { return };
    database.execute("CREATE UNIQUE INDEX ON users (email)").await;
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let _worker = stack.worker("t_acme", "w_acme_curl", POLICY, &database.reader_url());
    let key = stack.key("t_acme", &[]);

    let [list, ask] = readme().try_into().expect("the README has two");
    let here = |line: &str| line.replace("http://127.0.0.1:8080", "$CP");
    for line in [ONE_LINE, &here(&list)] {
        let answer = paste(line, &key, &stack.url);
        let tools = answer["result"]["tools"].as_array().unwrap();
        let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        assert_eq!((names, &answer["id"]), (vec!["execute_sql", "get_schema", "null_rates"], &json!(1)));
    }
    let answer = paste(&here(&ask), &key, &stack.url);
    let rows = &answer["result"]["structuredContent"]["rows"];
    assert_eq!((rows.as_array().map(Vec::len), &rows[0][1]), (Some(1), &json!("u_1")), "{answer}");

    let refused = paste(ONE_LINE, "ak_live_aaaaaaaa_bad", &stack.url);
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32003), &Value::Null), "{refused}");
}

#[test]
fn the_readme_is_read_with_its_continuation_lines() {
    let lines = readme();
    assert!(lines.iter().all(|line| line.contains("-d '{") && line.ends_with("}'")), "{lines:?}");
}

//! What the demo shows: a question answered, the masks beside what the source holds, an attack refused, the audit rows.

use std::time::Instant;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::sample::SUBJECT;
use super::show::{cell, table};
use super::{DevError, Running, SLUG, Telling};
use crate::audit::{AuditFilter, Scope};

const QUESTION: &str = "SELECT m.category, count(*) AS payments, sum(t.amount) AS spent \
     FROM transactions t JOIN merchants m ON m.id = t.merchant_id GROUP BY m.category ORDER BY spent DESC LIMIT 5";
const PERSON: &str = "SELECT full_name, email, phone, ssn, dob, street, zip FROM users";
const TICKETS: &str = "SELECT body FROM tickets ORDER BY id";
const ATTACK: &str = "SELECT * FROM read_csv_auto('https://collector.example/x.csv')";

pub(super) async fn tell(running: &Running, tell: &mut Telling<'_>) -> Result<(), DevError> {
    let agent = running.agent()?;

    tell.step("question");
    let begun = Instant::now();
    let answer = agent.sql(SUBJECT, QUESTION).await?;
    tell.done(&format!(
        "\"What does {SUBJECT} spend on?\"  ({} ms, snapshot exported on the way)",
        begun.elapsed().as_millis()
    ));
    tell.line(&format!("\n    {QUESTION}\n"));
    tell.line(&rows(&answer));

    tell.step("masks");
    tell.done("what the agent sees, beside what the source holds");
    let seen = agent.sql(SUBJECT, PERSON).await?;
    let mut source = SqliteConnection::connect_with(
        &SqliteConnectOptions::new().filename(running.database()).read_only(true),
    )
    .await?;
    let held = source_row(&mut source, &format!("{PERSON} WHERE external_id = ?")).await?;
    let lines: Vec<Vec<String>> = names(&seen)
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let mask = seen["columns"][at]["mask"].as_str().unwrap_or("clear").to_owned();
            vec![name, mask, cell(&seen["rows"][0][at]), held.get(at).cloned().unwrap_or_default()]
        })
        .collect();
    tell.line("");
    tell.line(&table(&["column", "mask", "the agent sees", "the source holds"], &lines));
    let seen = agent.sql(SUBJECT, TICKETS).await?;
    tell.line("    and the subject's tickets, scrubbed of what they repeat:\n");
    for row in seen["rows"].as_array().into_iter().flatten() {
        tell.line(&format!("    · {}", wrapped(row[0].as_str().unwrap_or_default())));
    }
    source.close().await?;

    tell.step("attack");
    let refused = agent.call("execute_sql", json!({"snapshot_id": SUBJECT, "sql": ATTACK})).await?;
    let error = &refused["structuredContent"]["error"];
    tell.done("the agent believes the first ticket and obeys it");
    tell.line(&format!("\n    {ATTACK}\n"));
    tell.line(&format!(
        "    refused: {} / {}\n    {}\n",
        error["class"].as_str().unwrap_or("?"),
        error["detail"].as_str().unwrap_or("?"),
        error["message"].as_str().unwrap_or_default()
    ));
    audit(running, tell).await
}

async fn audit(running: &Running, tell: &mut Telling<'_>) -> Result<(), DevError> {
    let scope = Scope { org: crate::tenants::default_org(), tenant: running.tenant.clone() };
    let filter = AuditFilter { action: Some("mcp.tools.call".into()), ..AuditFilter::default() };
    let page = running.passage.app().audit_log().list(&scope, &filter, None, 10).await?;
    let lines: Vec<Vec<String>> = page
        .items
        .iter()
        .rev()
        .map(|row| {
            let row = serde_json::to_value(row).unwrap_or_default();
            ["seq", "tool", "snapshot_id", "outcome", "error_class", "rows", "latency_ms", "hash"]
                .map(|name| match &row[name] {
                    Value::Null => "-".into(),
                    Value::String(hash) if name == "hash" => hash.chars().take(12).collect(),
                    other => cell(other),
                })
                .to_vec()
        })
        .collect();
    tell.line("    Every call left a row in a hash chain; none holds SQL or a value:\n");
    tell.line(&table(&["seq", "tool", "snapshot", "outcome", "error", "rows", "ms", "hash"], &lines));
    Ok(())
}

/// What to do next, and the addresses.
pub(super) fn invite(running: &Running, tell: &mut Telling<'_>) {
    let Running { url, key, .. } = running;
    tell.line(&format!(
        "  Ask yourself (any id from u_1 to u_400):\n\n    curl {url}/mcp/{SLUG} -H \"Authorization: Bearer {key}\" \\\n      \
         -H \"Content-Type: application/json\" -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":\
         {{\"name\":\"execute_sql\",\n      \"arguments\":{{\"snapshot_id\":\"u_7\",\"sql\":\"SELECT * FROM users\",\"format\":\"markdown\"}}}}}}'\n\n  \
         MCP endpoint  {url}/mcp/{SLUG}\n  Health        {url}/readyz\n  Files         {}\n\n  Ctrl-C ends it and removes everything.",
        running.folder.path.display()
    ));
}

fn names(answer: &Value) -> Vec<String> {
    answer["columns"].as_array().into_iter().flatten().map(|c| cell(&c["name"])).collect()
}

fn rows(answer: &Value) -> String {
    let header = names(answer);
    let rows: Vec<Vec<String>> = answer["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row.as_array().into_iter().flatten().map(cell).collect())
        .collect();
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}

/// The operator's own look at the source: no agent can do this.
async fn source_row(source: &mut SqliteConnection, sql: &str) -> Result<Vec<String>, DevError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).bind(SUBJECT).fetch_one(source).await?;
    (0..row.columns().len()).map(|at| Ok(cell(&Value::from(row.try_get::<Option<String>, _>(at)?)))).collect()
}

fn wrapped(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut out = String::new();
    let mut width = 0;
    for word in clean.split(' ') {
        if width + word.chars().count() > 100 {
            out.push_str("\n      ");
            width = 0;
        }
        out.push_str(word);
        out.push(' ');
        width += word.chars().count() + 1;
    }
    out.trim_end().to_owned()
}

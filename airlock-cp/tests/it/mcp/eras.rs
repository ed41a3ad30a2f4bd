//! Both eras on one URL.

use super::harness::*;
use serde_json::json;

const MODERN_META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"cursor","version":"1.2"}}"#;

fn modern(method: &str, rest: &str) -> String {
    ask(method, &format!("{{{rest}{MODERN_META}}}"))
}

fn headers<'a>(method: &'a str, name: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    if !name.is_empty() {
        headers.push(("mcp-name", name));
    }
    headers
}

#[tokio::test]
async fn the_documented_curl_lists_the_tools() {
    let got = endpoint().post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, &[]).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("content-type"), "application/json");
    let tools: Vec<_> =
        got.json()["result"]["tools"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
    assert_eq!(tools, ["execute_sql", "get_schema", "null_rates"]);
    assert!(!got.headers.contains_key("mcp-session-id"));
    assert!(got.header("airlock-trace-id").starts_with("tr_"));
}

#[tokio::test]
async fn a_handshake_client_is_served_without_a_session() {
    let e = endpoint();
    let hello = e.post(ask("initialize", r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}"#), &[]).await;
    assert_eq!(hello.json()["result"]["protocolVersion"], "2025-11-25");
    assert!(!hello.headers.contains_key("mcp-session-id"));
    let version = ("mcp-protocol-version", "2025-11-25");
    // A session id that we are sent means nothing.
    let session = ("mcp-session-id", "from-another-server");
    let ready =
        e.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &[version, session]).await;
    assert_eq!((ready.status.as_u16(), ready.body.len()), (202, 0));
    assert_eq!(e.post(ask("ping", "{}"), &[version, session]).await.json()["result"], json!({}));
    let got = e.post(query(), &[version, session]).await;
    assert_eq!(got.body, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{RESULT}}}"#));
    assert_eq!(e.calls()[0].revision.as_str(), "2025-11-25");
}

#[tokio::test]
async fn a_stateless_client_is_served_on_the_same_url() {
    let e = endpoint();
    let found = e.post(modern("server/discover", ""), &headers("server/discover", "")).await;
    assert_eq!(found.json()["result"]["supportedVersions"][0], "2026-07-28");
    let list = e.post(modern("tools/list", ""), &headers("tools/list", "")).await;
    assert_eq!(list.json()["result"]["resultType"], "complete");
    assert_eq!(list.json()["result"]["cacheScope"], "private");
    let call =
        modern("tools/call", r#""name":"execute_sql","arguments":{"sql":"select 1","snapshot_id":"u_42"},"#);
    let got = e.post(call, &headers("tools/call", "execute_sql")).await;
    assert_eq!(got.status, 200);
    assert_eq!(e.calls()[0].revision.as_str(), "2026-07-28");
    let row = e.audit.rows().pop().unwrap();
    assert_eq!(row.context.protocol.as_deref(), Some("2026-07-28"));
    assert_eq!(row.context.client_name.as_deref(), Some("cursor"));
    assert_eq!(row.context.client_version.as_deref(), Some("1.2"));
}

#[tokio::test]
async fn a_call_whose_headers_lie_is_not_made() {
    let e = endpoint();
    let call =
        modern("tools/call", r#""name":"execute_sql","arguments":{"sql":"select 1","snapshot_id":"u_42"},"#);
    for wrong in
        [headers("tools/list", "execute_sql"), headers("tools/call", "get_schema"), headers("tools/call", "")]
    {
        let got = e.post(call.clone(), &wrong).await;
        assert_eq!(got.verdict(), (400, -32020));
        assert_eq!(got.json()["id"], 1);
    }
    let got = e.post(call.clone(), &[("mcp-method", "tools/call"), ("mcp-name", "execute_sql")]).await;
    assert_eq!(got.verdict(), (400, -32020));
    let got =
        e.post(call.replace("2026-07-28", "2099-01-01"), &[("mcp-protocol-version", "2099-01-01")]).await;
    assert_eq!(got.verdict(), (400, -32022));
    assert_eq!(got.json()["error"]["data"]["requested"], "2099-01-01");
    assert!(e.calls().is_empty());
}

#[tokio::test]
async fn statuses_follow_the_era() {
    let e = endpoint();
    assert_eq!(e.post(modern("ping", ""), &headers("ping", "")).await.verdict(), (404, -32601));
    assert_eq!(e.post(modern("nonsense", ""), &headers("nonsense", "")).await.verdict(), (404, -32601));
    assert_eq!(e.post(ask("nonsense", "{}"), &[]).await.verdict(), (200, -32601));
    assert_eq!(
        e.post(ask("tools/list", "{}"), &[("mcp-protocol-version", "1999-01-01")]).await.verdict(),
        (400, -32600)
    );
    assert_eq!(e.post(ask("tools/list", "[]"), &[]).await.verdict(), (400, -32602));
    let told = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(e.post(told, &[("mcp-protocol-version", "2026-07-28")]).await.verdict(), (400, -32600));
    assert_eq!(e.post(told, &[]).await.verdict(), (202, 0));
}

#[tokio::test]
async fn an_answer_takes_the_form_that_is_accepted() {
    let e = endpoint();
    for json in ["-", "*/*", "application/json", "application/json, text/event-stream"] {
        assert_eq!(
            e.post(query(), &[("accept", json)]).await.header("content-type"),
            "application/json",
            "{json}"
        );
    }
    let got = e.post(query(), &[("accept", "text/event-stream")]).await;
    assert_eq!(got.header("content-type"), "text/event-stream");
    assert_eq!(
        got.body,
        format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{RESULT}}}\n\n")
    );
    assert_eq!(e.post(query(), &[("accept", "text/html")]).await.status, 406);
}

#[tokio::test]
async fn the_schema_is_a_resource() {
    let e = answering(|call| {
        assert_eq!(call.tool.as_str(), "get_schema");
        Box::pin(async { Ok(rendered(r#"{"content":[],"structuredContent":{"root_table":"users"}}"#)) })
    });
    let got = e.post(ask("resources/read", r#"{"uri":"airlock://schema"}"#), &[]).await;
    assert_eq!(
        got.json()["result"],
        json!({"contents": [{"uri": "airlock://schema", "mimeType": "application/json", "text": "{\"root_table\":\"users\"}"}]})
    );
    assert_eq!(e.audit.row().target.tool.as_deref(), Some("get_schema"));
}

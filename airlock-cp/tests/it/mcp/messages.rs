//! Messages as such: ids, batches, bounds.

use super::harness::*;

#[tokio::test]
async fn ids_come_back_as_they_were_sent() {
    let e = endpoint();
    for id in ["1", "1.0", "-5", "18446744073709551616", "\"a\\u0041\"", "1e2"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(e.post(body, &[]).await.body, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
    }
    for id in ["null", "1.5", "[]", "true"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(e.post(body, &[]).await.verdict(), (400, -32600), "{id}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_its_failures_stand_alone() {
    let e = endpoint();
    let body = format!(
        r#"[{}, {{"jsonrpc":"2.0","method":"notifications/initialized"}}, 7, {{"jsonrpc":"2.0","id":"b","method":"nonsense"}}, {}]"#,
        query(),
        ask("initialize", "{}").replace("\"id\":1", "\"id\":3"),
    );
    let got = e.post(body, &[]).await;
    assert_eq!(got.status, 200);
    let answers = got.json();
    let seen: Vec<_> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["id"].to_string(), a["error"]["code"].as_i64().unwrap_or(0)))
        .collect();
    assert_eq!(
        seen,
        [("1".into(), 0), ("null".into(), -32600), ("\"b\"".into(), -32601), ("3".into(), -32600)]
    );
    assert_eq!(e.calls().len(), 1);

    let told = r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#;
    assert_eq!(e.post(told, &[]).await.verdict(), (202, 0));
}

#[tokio::test]
async fn batches_belong_to_one_revision_and_are_bounded() {
    let e = endpoint();
    let of = |n: usize| format!("[{}]", vec![ask("ping", "{}"); n].join(","));
    assert_eq!(e.post(of(20), &[]).await.json().as_array().unwrap().len(), 20);
    assert_eq!(e.post(of(20), &[("mcp-protocol-version", "2025-03-26")]).await.status, 200);
    for later in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        assert_eq!(
            e.post(of(1), &[("mcp-protocol-version", later)]).await.verdict(),
            (400, -32600),
            "{later}"
        );
    }
    assert_eq!(e.post(of(21), &[]).await.verdict(), (400, -32600));
    assert_eq!(e.post(of(10_000), &[]).await.verdict(), (400, -32600));
    assert_eq!(e.post("[]", &[]).await.verdict(), (400, -32600));
}

#[tokio::test]
async fn bodies_are_bounded_and_json() {
    let e = endpoint();
    assert_eq!(e.post("{", &[]).await.verdict(), (400, -32700));
    assert_eq!(e.post("", &[]).await.verdict(), (400, -32700));
    assert_eq!(e.post("[".repeat(10_000), &[]).await.verdict(), (400, -32600));
    let padded = |len: usize| {
        let message = ask("ping", "{}");
        format!("{}{message}", " ".repeat(len - message.len()))
    };
    assert_eq!(e.post(padded(1 << 20), &[]).await.verdict(), (200, 0));
    let got = e.post(padded((1 << 20) + 1), &[]).await;
    assert_eq!((got.status.as_u16(), got.header("connection")), (413, "close"));
    // The length that a client states is believed when it is too large.
    assert_eq!(e.post("{}", &[("content-length", "1048577")]).await.status, 413);
    for bad in ["text/plain", "-", "application/x-www-form-urlencoded"] {
        assert_eq!(e.post(ask("ping", "{}"), &[("content-type", bad)]).await.status, 415, "{bad}");
    }
    assert_eq!(
        e.post(ask("ping", "{}"), &[("content-type", "application/json; charset=utf-8")]).await.status,
        200
    );
}

#[tokio::test]
async fn arguments_nested_deeply_are_refused_before_anyone_recurses() {
    let e = endpoint();
    let deep = format!(r#"{{"sql":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(e.post(call("execute_sql", &deep), &[]).await.verdict(), (400, -32600));
    assert!(e.calls().is_empty());
}

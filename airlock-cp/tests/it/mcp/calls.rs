//! Tool calls: scopes, binding, traces, forms of answers, the client that goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::harness::*;
use airlock_core::plane::{ContentType, Outcome, Rendered};
use airlock_core::{CallError, Code};
use tower::ServiceExt as _;

#[tokio::test]
async fn a_calls_result_is_framed_and_not_touched() {
    let e = endpoint();
    let got = e.post(query(), &[]).await;
    assert_eq!(got.body, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{RESULT}}}"#));
    let calls = e.calls();
    assert_eq!(calls[0].arguments.get(), r#"{"snapshot_id":"u_42","sql":"select 1"}"#);
    assert_eq!(calls[0].accept, ContentType::McpResult);
    assert!(calls[0].budget <= Duration::from_secs(60));
}

#[tokio::test]
async fn failures_take_the_surface_of_their_code() {
    let e = answering(|_| {
        Box::pin(async { Err(CallError::new(Code::WorkerUnavailable, "no worker is connected")) })
    });
    let got = e.post(query(), &[]).await;
    assert_eq!(got.verdict(), (200, -32001));
    assert_eq!(got.json()["error"]["data"]["error_class"], "worker_unavailable");
    assert_eq!(got.json()["error"]["data"]["retryable"], true);

    let e = answering(|_| Box::pin(async { Err(CallError::new(Code::QueryTimeout, "too slow")) }));
    let got = e.post(query(), &[]).await;
    assert_eq!(got.json()["result"]["isError"], true);
    assert_eq!(got.json()["result"]["structuredContent"]["error"]["class"], "query_timeout");
    assert_eq!(e.audit.row().error_class.as_deref(), Some("query_timeout"));
}

#[tokio::test]
async fn a_key_reaches_its_snapshots_only() {
    let key = format!("Bearer {SOME}");
    let key = [("authorization", key.as_str())];
    let e = endpoint();
    for (arguments, verdict) in [
        (r#"{"snapshot_id":"u_42","sql":"select 1"}"#, 0),
        (r#"{"subject":"u_57","sql":"select 1"}"#, 0),
        (r#"{"snapshot_id":"u_43","sql":"select 1"}"#, -32005),
        (r#"{"subject":"u_43","sql":"select 1"}"#, -32005),
        (r#"{"snapshot_id":"U_42","sql":"select 1"}"#, -32005),
    ] {
        assert_eq!(
            e.post(call("execute_sql", arguments), &key).await.verdict(),
            (200, verdict),
            "{arguments}"
        );
    }
    assert_eq!(e.post(call("get_schema", "{}"), &key).await.verdict(), (200, 0));
    assert_eq!(e.calls().len(), 3);
    let denied: Vec<_> = e.audit.rows().into_iter().filter(|row| row.outcome == Outcome::Denied).collect();
    assert_eq!(denied.len(), 3);
    assert_eq!(denied[0].error_class.as_deref(), Some("scope_denied"));
    assert_eq!(denied[0].target.snapshot_id.as_deref(), Some("u_43"));
}

#[tokio::test]
async fn a_snapshot_named_in_two_ways_reaches_no_plane() {
    let key = format!("Bearer {SOME}");
    let e = endpoint();
    for arguments in [
        r#"{"snapshot_id":"u_42","snapshot_id":"u_1","sql":"select 1"}"#,
        r#"{"snapshot_id":"u_42","subject":"u_1","sql":"select 1"}"#,
        r#"{"snapshot_id":["u_1"],"sql":"select 1"}"#,
        "[]",
        "7",
    ] {
        let got = e.post(call("execute_sql", arguments), &[("authorization", &key)]).await;
        assert_eq!(
            got.json()["result"]["structuredContent"]["error"]["class"],
            "invalid_arguments",
            "{arguments}"
        );
    }
    assert!(e.calls().is_empty());
}

#[tokio::test]
async fn a_hidden_tool_cannot_be_told_from_none() {
    let e = endpoint();
    let key = format!("Bearer {SOME}");
    let key = [("authorization", key.as_str())];
    let list = e.post(ask("tools/list", "{}"), &key).await;
    assert_eq!(list.json()["result"]["tools"].as_array().unwrap().len(), 2);
    let hidden = e.post(call("null_rates", r#"{"snapshot_id":"u_42"}"#), &key).await;
    let absent = e.post(call("drop_table", r#"{"snapshot_id":"u_42"}"#), &key).await;
    assert_eq!(hidden.verdict(), (200, -32602));
    assert_eq!(hidden.body, absent.body);
    assert!(e.calls().is_empty());
    let rows = e.audit.rows();
    assert_eq!((rows[1].outcome, rows[1].error_class.as_deref()), (Outcome::Denied, Some("scope_denied")));
    assert_eq!((rows[2].outcome, rows[2].error_class.as_deref()), (Outcome::Error, Some("tool_not_found")));
}

#[tokio::test]
async fn a_snapshot_can_be_bound_outside_the_model() {
    let e = endpoint();
    let sql = call("execute_sql", r#"{"sql":"select 1"}"#);
    let meta = |id: &str| {
        sql.replace(r#""params":{"#, &format!(r#""params":{{"_meta":{{"ai.airlock/snapshot":"{id}"}},"#))
    };
    assert_eq!(e.post(sql.clone(), &[("airlock-snapshot", "u_42")]).await.verdict(), (200, 0));
    assert_eq!(e.send(post("/mcp/acme/s/u_42", sql.clone(), &[])).await.verdict(), (200, 0));
    assert_eq!(e.post(meta("u_42"), &[]).await.verdict(), (200, 0));
    assert_eq!(e.send(post("/mcp/acme/s/a%2Fb", sql.clone(), &[])).await.verdict(), (200, 0));
    let bound: Vec<_> =
        e.calls().iter().map(|call| call.bound.clone().unwrap().expose().to_owned()).collect();
    assert_eq!(bound, ["u_42", "u_42", "u_42", "a/b"]);

    // What is bound may be repeated, never changed; and two bindings must agree.
    let e = endpoint();
    assert_eq!(e.post(query(), &[("airlock-snapshot", "u_42")]).await.verdict(), (200, 0));
    assert_eq!(e.post(query(), &[("airlock-snapshot", "u_43")]).await.verdict(), (200, -32005));
    assert_eq!(e.send(post("/mcp/acme/s/u_42", meta("u_43"), &[])).await.verdict(), (200, -32005));
    assert_eq!(e.calls().len(), 1);

    let list = e.send(post("/mcp/acme/s/u_42", ask("tools/list", "{}"), &[])).await;
    for tool in list.json()["result"]["tools"].as_array().unwrap() {
        assert!(tool["inputSchema"]["properties"].get("snapshot_id").is_none());
    }
}

#[tokio::test]
async fn a_bound_snapshot_is_within_scope_or_refused() {
    let e = endpoint();
    let key = format!("Bearer {SOME}");
    let body = call("get_schema", "{}");
    let got = e.send(post("/mcp/acme/s/u_43", body.clone(), &[("authorization", &key)])).await;
    assert_eq!(got.verdict(), (200, -32005));
    assert_eq!(e.send(post("/mcp/acme/s/u_42", body, &[("authorization", &key)])).await.verdict(), (200, 0));
}

#[tokio::test]
async fn a_trace_is_taken_over_or_made_and_comes_back() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let in_meta =
        query().replace(r#""params":{"#, &format!(r#""params":{{"_meta":{{"traceparent":"{PARENT}"}},"#));
    let e = endpoint();
    for (body, headers, expected) in [
        (query(), vec![("airlock-trace-id", "tr_chat_7")], "tr_chat_7"),
        (query(), vec![("traceparent", PARENT)], TRACE),
        (in_meta.clone(), vec![], TRACE),
        (in_meta, vec![("airlock-trace-id", "tr_chat_7")], "tr_chat_7"),
    ] {
        let got = e.post(body, &headers).await;
        assert_eq!(got.header("airlock-trace-id"), expected);
        assert_eq!(e.calls().last().unwrap().trace.as_str(), expected);
        assert_eq!(e.audit.rows().last().unwrap().trace_id.as_ref().unwrap().as_str(), expected);
    }
    let got = e.post(query(), &[("airlock-trace-id", "not a trace"), ("traceparent", "nor this")]).await;
    assert!(got.header("airlock-trace-id").starts_with("tr_"));
    assert_eq!(got.header("airlock-trace-id"), e.calls().last().unwrap().trace.as_str());
}

#[tokio::test]
async fn arrow_goes_out_as_it_came() {
    const ARROW: (&str, &str) = ("accept", "application/vnd.apache.arrow.stream");
    let e = answering(|call| {
        Box::pin(async move {
            let mut answer =
                rendered(if call.accept == ContentType::ArrowStream { "ARROW1\0\0" } else { RESULT });
            answer.content_type = call.accept;
            Ok(answer)
        })
    });
    let got = e.post(query(), &[ARROW]).await;
    assert_eq!(
        (got.header("content-type"), &got.body[..]),
        ("application/vnd.apache.arrow.stream", &b"ARROW1\0\0"[..])
    );
    // In a batch there is no place for raw rows.
    let got = e.post(format!("[{}]", query()), &[ARROW]).await;
    assert_eq!(got.body, format!(r#"[{{"jsonrpc":"2.0","id":1,"result":{RESULT}}}]"#));
    // Other tools have no rows, and errors are JSON in any case.
    assert_eq!(e.post(call("get_schema", "{}"), &[ARROW]).await.header("content-type"), "application/json");
    assert_eq!(e.post(call("nonsense", "{}"), &[ARROW]).await.verdict(), (200, -32602));

    let e = answering(|_| {
        Box::pin(async { Ok(Rendered { content_type: ContentType::ArrowStream, ..rendered("unasked") }) })
    });
    assert_eq!(e.post(query(), &[]).await.verdict(), (200, -32000));
}

#[tokio::test]
async fn a_call_without_an_answer_ends_when_its_time_is_over() {
    let e = patient(Duration::from_millis(1), |_| Box::pin(std::future::pending()));
    let got = e.post(query(), &[]).await;
    assert_eq!(got.json()["result"]["structuredContent"]["error"]["class"], "query_timeout");
    assert_eq!(e.audit.row().error_class.as_deref(), Some("query_timeout"));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call_and_leaves_a_row() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let (reached, mut was_reached) = tokio::sync::mpsc::unbounded_channel();
    let mark = dropped.clone();
    let e = answering(move |_| {
        let (guard, reached) = (Dropped(mark.clone()), reached.clone());
        Box::pin(async move {
            let _guard = guard;
            reached.send(()).unwrap();
            std::future::pending().await
        })
    });
    let asking = e.tasks.spawn(e.router.clone().oneshot(post("/mcp/acme", query(), &[])));
    was_reached.recv().await.unwrap();
    asking.abort();
    e.tasks.close();
    e.tasks.wait().await;
    assert!(dropped.load(Ordering::SeqCst));
    let row = e.audit.row();
    assert_eq!((row.outcome, row.error_class.as_deref()), (Outcome::Error, Some("cancelled")));
}

#[tokio::test]
async fn a_plane_that_panics_is_an_incident_and_not_the_clients_fault() {
    let e = answering(|_| Box::pin(async { panic!("a bug") }));
    let got = e.post(query(), &[("airlock-trace-id", "tr_x")]).await;
    assert_eq!(got.verdict(), (200, -32000));
    assert_eq!(got.json()["error"]["message"], "internal error, incident tr_x");
    assert_eq!(e.audit.row().error_class.as_deref(), Some("internal"));
}

//! Tool calls through a control plane that is a stub.

use std::time::Duration;

use airlock_client::{Airlock, ClientConfig};
use airlock_core::id::CallId;
use airlock_core::plane::{ContentType, Revision};
use airlock_core::principal::{Actor, ActorKind, Principal, Scope};
use airlock_core::runtime::SystemHost;
use airlock_core::{Code, DataPlane, Outcome, ToolCall};
use serde_json::json;

use crate::stub::{Reply, Stub};

fn call(revision: Revision, subject: Option<&str>) -> ToolCall {
    let actor = Actor { kind: ActorKind::Embedded, id: "me".into(), name: None };
    ToolCall {
        id: CallId::new(&SystemHost::new()),
        tool: "execute_sql".parse().unwrap(),
        arguments: serde_json::value::to_raw_value(&json!({"sql": "SELECT 1"})).unwrap(),
        bound: subject.map(|subject| subject.parse().unwrap()),
        principal: Principal { actor, scope: Scope::EVERYTHING },
        trace: "tr_1".parse().unwrap(),
        budget: Duration::from_secs(5),
        revision,
        accept: ContentType::McpResult,
    }
}

async fn ask(stub: &Stub, call: ToolCall) -> Result<airlock_core::Rendered, airlock_core::CallError> {
    let airlock = Airlock::new(ClientConfig::new(&stub.url).unwrap()).unwrap();
    airlock.data("acme".parse().unwrap(), "ak_live_planted").call(call).await
}

#[tokio::test]
async fn a_call_goes_out_as_its_revision_wants_it() {
    let stub = Stub::always(|| {
        Reply::json(
            200,
            &json!({"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"row_count": 1}}}),
        )
    })
    .await;
    let answer = ask(&stub, call(Revision::V2025_11_25, None)).await.unwrap();
    assert_eq!((answer.head.outcome, answer.head.rows), (Outcome::Ok, 1));
    ask(&stub, call(Revision::V2026_07_28, Some("é/../1@x"))).await.unwrap();
    let seen = stub.seen();
    assert_eq!(seen[0].line(), "POST /mcp/acme");
    assert_eq!(seen[0].header("authorization"), Some("Bearer ak_live_planted"));
    assert_eq!(seen[0].header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(seen[0].header("airlock-trace-id"), Some("tr_1"));
    assert_eq!(seen[0].json()["params"], json!({"name": "execute_sql", "arguments": {"sql": "SELECT 1"}}));
    assert_eq!(seen[0].header("mcp-method"), None);
    assert_eq!(seen[1].line(), "POST /mcp/acme/s/%C3%A9%2F..%2F1%40x");
    assert_eq!(seen[1].header("mcp-method"), Some("tools/call"));
    assert_eq!(seen[1].header("mcp-name"), Some("execute_sql"));
    let meta = &seen[1].json()["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
}

#[tokio::test]
async fn a_call_is_not_made_twice_and_its_failure_has_a_code() {
    for reply in [|| Reply::HangUp, || Reply::Cut, || Reply::text(503, "busy")] {
        let stub = Stub::always(reply).await;
        let error = ask(&stub, call(Revision::V2025_11_25, None)).await.unwrap_err();
        assert_eq!((error.code, stub.seen().len()), (Code::GatewayUnavailable, 1));
        assert!(!format!("{error:?}").contains("planted"));
    }
}

use std::collections::BTreeSet;

use rmcp::model::{
    CompleteResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    ReadResourceResult,
};
use serde::de::DeserializeOwned;

use super::*;

fn catalog() -> Catalog {
    let tool = |name: &str, properties: Value| {
        json!({
            "name": name, "title": "T", "description": "d",
            "inputSchema": {"type": "object", "properties": properties},
            "outputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true},
        })
    };
    let sql = json!({"sql": {"type": "string"}});
    let with_id = json!({"sql": {"type": "string"}, "snapshot_id": {"type": "string"}});
    Catalog::new(
        vec![tool("execute_sql", with_id), tool("get_schema", json!({})), json!({"name": "not a name"})],
        vec![tool("execute_sql", sql), tool("get_schema", json!({}))],
        "Ask get_schema first.",
    )
}

fn only(names: &[&str]) -> ToolScope {
    ToolScope::Only(names.iter().map(|name| name.parse().unwrap()).collect::<BTreeSet<_>>())
}

fn ask(scope: &ToolScope, bound: bool, revision: Revision, method: &str, params: &str) -> Answer {
    let params = serde_json::from_str(params).unwrap();
    catalog().answer(View { scope, bound, revision }, method, &params)
}

#[track_caller]
fn value(answer: Answer) -> Value {
    match answer {
        Answer::Result(bytes) | Answer::Tools(bytes) => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn code(answer: Answer) -> (u16, i32) {
    match answer {
        Answer::Error(reject) => (reject.status, reject.error.code.0),
        other => panic!("{other:?}"),
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

const MODERN: Revision = Revision::V2026_07_28;
const LEGACY: Revision = Revision::V2025_11_25;

#[test]
fn each_revision_is_answered_in_its_own_shape() {
    for revision in Revision::ALL {
        let list = value(ask(&ToolScope::All, false, revision, "tools/list", "{}"));
        assert_eq!(names(&list), ["execute_sql", "get_schema"]);
        assert_eq!(list.get("resultType").is_some(), revision.is_modern(), "{revision}");
        assert_eq!(list.get("ttlMs").is_some(), revision.is_modern(), "{revision}");
        assert_eq!(list.get("_meta").is_some(), revision.is_modern(), "{revision}");
        assert_eq!(
            list["tools"][0].get("outputSchema").is_some(),
            revision != Revision::V2025_03_26,
            "{revision}"
        );
        assert_eq!(list.get("nextCursor"), None);
    }
}

#[test]
fn a_handshake_says_what_was_agreed_and_discovery_what_there_is() {
    let hello = value(ask(&ToolScope::All, false, LEGACY, "initialize", "{}"));
    assert_eq!(hello["protocolVersion"], "2025-11-25");
    assert_eq!(hello["serverInfo"]["name"], "airlock");
    assert_eq!(hello["instructions"], "Ask get_schema first.");
    assert_eq!(
        hello["capabilities"],
        json!({"tools": {}, "resources": {}, "prompts": {}, "completions": {}, "logging": {}})
    );

    let found = value(ask(&ToolScope::All, false, MODERN, "server/discover", "{}"));
    assert_eq!(found["supportedVersions"], json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]));
    assert_eq!(
        found["capabilities"],
        json!({"tools": {}, "resources": {}, "prompts": {}, "completions": {}})
    );
    assert_eq!((&found["resultType"], &found["cacheScope"]), (&json!("complete"), &json!("private")));
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "airlock");
}

#[test]
fn a_method_belongs_to_its_era() {
    for (method, legacy, modern) in [
        ("ping", true, false),
        ("logging/setLevel", true, false),
        ("initialize", true, false),
        ("server/discover", false, true),
        ("resources/list", true, true),
        ("resources/templates/list", true, true),
        ("prompts/list", true, true),
        ("completion/complete", true, true),
        ("subscriptions/listen", false, false),
        ("resources/subscribe", false, false),
        ("tasks/list", false, false),
        ("nonsense", false, false),
    ] {
        for (revision, has, not_found) in [(LEGACY, legacy, (200, -32601)), (MODERN, modern, (404, -32601))] {
            let answer = ask(&ToolScope::All, false, revision, method, "{}");
            if has {
                value(answer);
            } else {
                assert_eq!(code(answer), not_found, "{method} in {revision}");
            }
        }
    }
}

#[test]
fn a_tool_out_of_reach_is_as_if_it_were_not_there() {
    let scope = only(&["get_schema"]);
    assert_eq!(names(&value(ask(&scope, false, LEGACY, "tools/list", "{}"))), ["get_schema"]);
    let call = |name: &str| match ask(&scope, false, LEGACY, "tools/call", &format!(r#"{{"name":"{name}"}}"#))
    {
        Answer::Refused { hidden, error, .. } => (hidden, error),
        other => panic!("{other:?}"),
    };
    let ((hidden, of_hidden), (absent, of_absent)) = (call("execute_sql"), call("drop_table"));
    assert_eq!((hidden, absent), (true, false));
    assert_eq!(of_hidden, of_absent);
    assert_eq!(of_hidden.code.rpc_code(), -32602);
    assert_eq!(names(&value(ask(&only(&[]), false, LEGACY, "tools/list", "{}"))), [""; 0]);
}

#[test]
fn a_bound_snapshot_takes_its_argument_away() {
    let list = |bound| value(ask(&ToolScope::All, bound, LEGACY, "tools/list", "{}"));
    assert!(list(false)["tools"][0]["inputSchema"]["properties"].get("snapshot_id").is_some());
    assert!(list(true)["tools"][0]["inputSchema"]["properties"].get("snapshot_id").is_none());
}

#[test]
fn a_call_goes_on_with_its_arguments_as_they_were_written() {
    let params = r#"{"name":"execute_sql","arguments":{ "sql" : "select 1.0" }}"#;
    let Answer::Call(call) = ask(&ToolScope::All, false, LEGACY, "tools/call", params) else { panic!() };
    assert_eq!(
        (call.tool.as_str(), call.arguments.get(), call.read_only),
        ("execute_sql", r#"{ "sql" : "select 1.0" }"#, true)
    );
    let Answer::Call(call) = ask(&ToolScope::All, false, LEGACY, "tools/call", r#"{"name":"get_schema"}"#)
    else {
        panic!()
    };
    assert_eq!(call.arguments.get(), "{}");
    assert_eq!(code(ask(&ToolScope::All, false, LEGACY, "tools/call", "{}")), (200, -32602));
    assert_eq!(code(ask(&ToolScope::All, false, LEGACY, "tools/call", r#"{"name":5}"#)), (200, -32602));
}

#[test]
fn the_schema_is_a_resource_while_its_tool_is_in_reach() {
    let read = r#"{"uri":"airlock://schema"}"#;
    let listed = value(ask(&ToolScope::All, false, LEGACY, "resources/list", "{}"));
    assert_eq!(listed["resources"][0]["uri"], SCHEMA_URI);
    assert!(matches!(ask(&ToolScope::All, false, LEGACY, "resources/read", read), Answer::Schema(_)));
    let scope = only(&["execute_sql"]);
    assert_eq!(value(ask(&scope, false, LEGACY, "resources/list", "{}"))["resources"], json!([]));
    assert_eq!(code(ask(&scope, false, LEGACY, "resources/read", read)), (200, -32002));
    assert_eq!(code(ask(&scope, false, MODERN, "resources/read", read)), (200, -32602));
    assert_eq!(
        code(ask(&ToolScope::All, false, MODERN, "resources/read", r#"{"uri":"file:///etc/passwd"}"#)),
        (200, -32602)
    );

    let Answer::Error(reject) =
        ask(&ToolScope::All, false, MODERN, "resources/read", r#"{"uri":"test://x"}"#)
    else {
        panic!()
    };
    assert_eq!(reject.error.data, Some(json!({"uri": "test://x"})));

    let tool_result = br#"{"content":[],"structuredContent":{"root_table": "users", "n": 1.0}}"#;
    let resource = schema_resource(tool_result, MODERN).unwrap();
    let resource: Value = serde_json::from_slice(&resource).unwrap();
    assert_eq!(resource["contents"][0]["text"], r#"{"root_table": "users", "n": 1.0}"#);
    assert_eq!((&resource["ttlMs"], &resource["resultType"]), (&json!(0), &json!("complete")));
    assert!(schema_resource(br#"{"structuredContent":{"error":{}},"isError":true}"#, MODERN).is_none());
    assert!(schema_resource(b"{}", MODERN).is_none());
}

#[test]
fn a_cursor_is_never_ours() {
    for method in ["tools/list", "resources/list", "prompts/list"] {
        for cursor in [r#""x""#, r#""""#] {
            let params = format!(r#"{{"cursor":{cursor}}}"#);
            assert_eq!(
                code(ask(&ToolScope::All, false, MODERN, method, &params)),
                (200, -32602),
                "{method} {cursor}"
            );
        }
    }
}

#[test]
fn rmcp_reads_what_we_write() {
    #[track_caller]
    fn read<T: DeserializeOwned>(method: &str) {
        for revision in [LEGACY, MODERN] {
            let written = value(ask(&ToolScope::All, false, revision, method, "{}"));
            serde_json::from_value::<T>(written).unwrap();
        }
    }
    read::<ListToolsResult>("tools/list");
    read::<ListResourcesResult>("resources/list");
    read::<ListResourceTemplatesResult>("resources/templates/list");
    read::<ListPromptsResult>("prompts/list");
    read::<CompleteResult>("completion/complete");
    let resource = schema_resource(br#"{"structuredContent":{}}"#, MODERN).unwrap();
    serde_json::from_slice::<ReadResourceResult>(&resource).unwrap();
    serde_json::from_value::<InitializeResult>(value(ask(
        &ToolScope::All,
        false,
        LEGACY,
        "initialize",
        "{}",
    )))
    .unwrap();
    serde_json::from_value::<DiscoverResult>(value(ask(
        &ToolScope::All,
        false,
        MODERN,
        "server/discover",
        "{}",
    )))
    .unwrap();
}

//! The MCP endpoint alone, on loopback, without a control plane behind it: what the official conformance suite and real
//! clients are run against.
//!
//! `conformance_server [PORT] [KEY]` serves `http://127.0.0.1:PORT/mcp/acme` and prints that URL. Without KEY it lets anyone in,
//! because the suite cannot send one. Behind it are the three data tools over one made-up customer, and the suite's own tools.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use airlock_core::audit::MemoryAudit;
use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_core::plane::{ContentType, Head, Rendered, ToolCall};
use airlock_core::principal::{Actor, ActorKind, Principal, Scope};
use airlock_core::runtime::SystemHost;
use airlock_core::tool::{self, ToolResult};
use airlock_core::{CallError, Code};
use airlock_cp::mcp::{Door, DoorError, McpConfig, McpDeps, Planes, Reach, Visitor, router};
use airlock_proto::mcp::Catalog;
use async_trait::async_trait;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().map_or(Ok(0), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let app = router(McpDeps {
        door: Arc::new(OneKey(args.next())),
        planes: Arc::new(Fixtures),
        audit: Arc::new(MemoryAudit::new()),
        host: Arc::new(SystemHost::new()),
        tasks: Arc::new(tokio_util::task::TaskTracker::new()),
        catalog: catalog(),
        config: McpConfig::for_listener(address, None, &[])?,
    });
    say(&format!("http://{address}/mcp/acme"));
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the URL is the program's answer")]
fn say(url: &str) {
    println!("{url}");
}

/// Lets in whoever shows the key, or anyone when there is none.
struct OneKey(Option<String>);

#[async_trait]
impl Door for OneKey {
    async fn enter(&self, _: &str, bearer: Option<&str>, _: IpAddr) -> Result<Visitor, DoorError> {
        if self.0.is_some() && self.0.as_deref() != bearer {
            return Err(DoorError::Unauthorized { revoked: false, of: None });
        }
        let actor = Actor { kind: ActorKind::ApiKey, id: "fixture".into(), name: None };
        Ok(Visitor {
            org: "default".parse().expect("a valid id"),
            tenant: "t_acme".parse().expect("a valid id"),
            principal: Principal { actor, scope: Scope::EVERYTHING },
            reach: Reach::Call,
        })
    }
}

fn catalog() -> Catalog {
    let mut tools = tool::definitions(false);
    for name in [
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_error_handling",
    ] {
        tools.push(json!({
            "name": name,
            "description": "A tool of the conformance suite.",
            "inputSchema": { "type": "object", "properties": {} },
            "annotations": { "readOnlyHint": true },
        }));
    }
    tools.push(json!({
        "name": "json_schema_2020_12_tool",
        "description": "A tool whose schema must arrive as it is.",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": { "address": { "$anchor": "addressDef", "type": "object", "properties": { "street": { "type": "string" }, "city": { "type": "string" } } } },
            "properties": {
                "name": { "type": "string" },
                "address": { "$ref": "#/$defs/address" },
                "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                "phone": { "type": "string" },
                "email": { "type": "string" }
            },
            "allOf": [ { "anyOf": [ { "required": ["phone"] }, { "required": ["email"] } ] } ],
            "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
            "then": { "required": ["phone"] },
            "else": { "required": ["email"] },
            "additionalProperties": false
        },
        "annotations": { "readOnlyHint": true },
    }));
    Catalog::new(tools, tool::definitions(true), tool::INSTRUCTIONS)
}

/// One made-up customer, and the suite's own tools.
struct Fixtures;

#[async_trait]
impl Planes for Fixtures {
    async fn call(
        &self,
        _: &TenantId,
        call: ToolCall,
    ) -> (Result<Rendered, CallError>, Option<(WorkerId, SessionId)>) {
        (answer(&call), None)
    }
}

fn answer(call: &ToolCall) -> Result<Rendered, CallError> {
    let body = match call.tool.as_str() {
        tool::GET_SCHEMA => structured(
            call,
            &json!({
                "root_table": "users",
                "tables": [{ "name": "users", "columns": [{ "name": "plan", "type": "text", "mask": null }] }],
            }),
        ),
        tool::EXECUTE_SQL => {
            let (args, subject) = tool::ExecuteSql::parse(call)?;
            subject
                .ok_or_else(|| CallError::new(Code::InvalidArguments, "argument `snapshot_id` is missing"))?;
            if args.sql.contains("pg_read_file") {
                let error = CallError::new(Code::EgressBlocked, "this function is not allowed")
                    .with_detail("function_not_allowed");
                tool::error_result(&error, &call.trace, call.revision)
            } else {
                structured(
                    call,
                    &json!({
                        "columns": [{ "name": "plan", "type": "text", "masked": false }],
                        "rows": [["pro"]],
                        "row_count": 1,
                        "truncated": false,
                    }),
                )
            }
        }
        tool::NULL_RATES => structured(call, &json!({ "tables": [] })),
        name => plain(call, &fixture(name)),
    };
    Ok(Rendered { head: Head::ok(), content_type: ContentType::McpResult, body })
}

fn structured(call: &ToolCall, value: &Value) -> bytes::Bytes {
    ToolResult { text: value.to_string(), structured: value, is_error: false, trace: &call.trace }
        .write(call.revision)
}

fn plain(call: &ToolCall, content: &Value) -> bytes::Bytes {
    let mut result = json!({ "content": content, "isError": call.tool.as_str() == "test_error_handling" });
    if call.revision.is_modern() {
        result["resultType"] = "complete".into();
    }
    result.to_string().into()
}

/// The content that the suite expects of its tools.
fn fixture(name: &str) -> Value {
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
    const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
    let text = |text: &str| json!({ "type": "text", "text": text });
    let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
    match name {
        "test_simple_text" => json!([text("This is a simple text response for testing.")]),
        "test_image_content" => json!([image]),
        "test_audio_content" => json!([{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }]),
        "test_embedded_resource" => json!([{ "type": "resource", "resource": {
            "uri": "test://embedded-resource", "mimeType": "text/plain", "text": "This is an embedded resource content."
        }}]),
        "test_multiple_content_types" => json!([
            text("Multiple content types test:"),
            image,
            { "type": "resource", "resource": {
                "uri": "test://mixed-content-resource", "mimeType": "application/json", "text": "{\"test\":\"data\",\"value\":123}"
            }}
        ]),
        "test_error_handling" => json!([text("This tool intentionally returns an error for testing")]),
        _ => json!([text("ok")]),
    }
}

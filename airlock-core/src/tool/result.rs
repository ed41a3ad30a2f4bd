//! A tool result in the form that the call's protocol revision wants, written once.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::error::{CallError, Retry};
use crate::id::TraceId;
use crate::plane::Revision;

/// What answers, in its own words: shown to people, never a reason to trust.
#[derive(Debug, Serialize)]
pub struct ServerInfo {
    /// The product.
    pub name: &'static str,
    /// The product, for people.
    pub title: &'static str,
    /// The version of the program that wrote the answer.
    pub version: &'static str,
    /// What it is for.
    pub description: &'static str,
}

/// What we call ourselves.
pub const SERVER_INFO: ServerInfo = ServerInfo {
    name: "airlock",
    title: "Airlock",
    version: env!("CARGO_PKG_VERSION"),
    description: "Masked, read-only snapshots of one customer's records",
};

/// The result object of `tools/call`, before it is written.
#[derive(Debug)]
pub struct ToolResult<'a, T: Serialize> {
    /// What a model without structured content reads.
    pub text: String,
    /// What a program reads.
    pub structured: T,
    /// Whether it is a failure that the model can act on.
    pub is_error: bool,
    /// Which trace it belongs to.
    pub trace: &'a TraceId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a, T: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    content: [Content<'a>; 1],
    structured_content: &'a T,
    is_error: bool,
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "ai.airlock/trace_id")]
    trace: &'a TraceId,
    #[serde(rename = "io.modelcontextprotocol/serverInfo", skip_serializing_if = "Option::is_none")]
    server: Option<ServerInfo>,
}

impl<T: Serialize> ToolResult<'_, T> {
    /// The object's bytes for a revision: results of the stateless era carry `resultType` and say who wrote them; no other
    /// does. It is written here, once, because whoever passes the bytes on does not read them.
    pub fn write(&self, revision: Revision) -> Bytes {
        let wire = Wire {
            result_type: revision.is_modern().then_some("complete"),
            content: [Content { kind: "text", text: &self.text }],
            structured_content: &self.structured,
            is_error: self.is_error,
            meta: Meta { trace: self.trace, server: revision.is_modern().then_some(SERVER_INFO) },
        };
        serde_json::to_vec(&wire).expect("results are made of strings, numbers and checked JSON").into()
    }
}

/// The result for a failure that the model can act on.
pub fn error_result(error: &CallError, trace: &TraceId, revision: Revision) -> Bytes {
    let mut text = format!("{}: {}", error.code, error.message);
    if let Some(hint) = &error.hint {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    let structured = json!({"error": {
        "class": error.code.as_str(),
        "code": error.code.rpc_code(),
        "message": error.message,
        "hint": error.hint,
        "retryable": error.code.retry() == Retry::Later,
        "detail": error.detail,
        "limit": error.limit,
    }});
    ToolResult { text, structured, is_error: true, trace }.write(revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn only_the_stateless_era_carries_a_result_type_and_who_wrote_it() {
        let trace: TraceId = "tr_x".parse().unwrap();
        let error =
            CallError::new(Code::EgressBlocked, "no").with_detail("path_relation").with_hint("use a table");
        for revision in Revision::ALL {
            let value: serde_json::Value =
                serde_json::from_slice(&error_result(&error, &trace, revision)).unwrap();
            assert_eq!(value.get("resultType").is_some(), revision.is_modern());
            let server = &value["_meta"]["io.modelcontextprotocol/serverInfo"];
            assert_eq!(server["name"].as_str(), revision.is_modern().then_some("airlock"), "{revision}");
            assert_eq!(value["isError"], true);
            assert_eq!(value["structuredContent"]["error"]["class"], "egress_blocked");
            assert_eq!(value["structuredContent"]["error"]["detail"], "path_relation");
            assert_eq!(value["content"][0]["text"], "egress_blocked: no\nhint: use a table");
            assert_eq!(value["_meta"]["ai.airlock/trace_id"], "tr_x");
        }
    }
}

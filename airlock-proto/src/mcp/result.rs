//! Writes a call's failure: as a JSON-RPC error, or as a tool result when the model can act on it.

use airlock_core::error::{CallError, Code, Retry, Surface};
use airlock_core::id::TraceId;
use airlock_core::plane::Revision;
use airlock_core::tool::{SERVER_INFO, error_result};
use bytes::Bytes;
use rmcp::model::{ErrorCode, ErrorData, Implementation};
use serde_json::{Map, Value};

/// A failure as it goes to the client.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A JSON-RPC error.
    Error(ErrorData),
    /// A tool result with `isError: true`, as JSON.
    Result(Bytes),
}

/// What we call ourselves: the same words as in the tool results that workers write.
pub fn server_info() -> Implementation {
    Implementation::new(SERVER_INFO.name, SERVER_INFO.version)
        .with_title(SERVER_INFO.title)
        .with_description(SERVER_INFO.description)
}

/// The failure of a call, for its client.
pub fn failure(error: &CallError, revision: Revision, trace: &TraceId) -> Failure {
    match error.code.surface() {
        Surface::Protocol => Failure::Error(rpc_error(error)),
        Surface::Tool => Failure::Result(error_result(error, trace, revision)),
    }
}

/// The JSON-RPC error of a failure. Clients read `data.error_class`; the number alone is ambiguous, because drafts of the
/// standard used some of ours.
pub fn rpc_error(error: &CallError) -> ErrorData {
    let mut data = Map::new();
    data.insert("error_class".into(), error.code.as_str().into());
    data.insert("retryable".into(), (error.code.retry() == Retry::Later).into());
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(key.into(), value);
        }
    };
    put("retry_after_ms", error.retry_after_ms.map(Into::into));
    put("limit", error.limit.clone().map(Into::into));
    put("detail", error.detail.clone().map(Into::into));
    put("hint", error.hint.clone().map(Into::into));
    ErrorData::new(ErrorCode(error.code.rpc_code()), error.message.clone(), Some(Value::Object(data)))
}

/// The same result with what every result of the revision carries.
pub fn stamped(mut result: Map<String, Value>, revision: Revision) -> Map<String, Value> {
    if revision.is_modern() {
        result.insert("resultType".into(), "complete".into());
        let info = serde_json::to_value(server_info()).expect("an implementation is plain texts");
        meta(&mut result).insert("io.modelcontextprotocol/serverInfo".into(), info);
    }
    result
}

fn meta(result: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let meta = result.entry("_meta").or_insert_with(|| Value::Object(Map::new()));
    meta.as_object_mut().expect("_meta is an object where we write it")
}

/// A tool that is not there, or that the credential does not reach: the same words for both, so that a hidden tool
/// cannot be told from none.
pub fn tool_not_found() -> CallError {
    CallError::new(Code::ToolNotFound, "unknown tool")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trace() -> TraceId {
        "tr_1".parse().unwrap()
    }

    #[test]
    fn transport_problems_are_errors_with_a_class_and_advice() {
        let error = CallError::new(Code::Busy, "too many calls are waiting")
            .with_retry_after_ms(250)
            .with_detail("queue");
        let Failure::Error(written) = failure(&error, Revision::V2026_07_28, &trace()) else { panic!() };
        assert_eq!(written.code.0, -32009);
        assert_eq!(
            written.data.unwrap(),
            json!({"error_class": "busy", "retryable": true, "retry_after_ms": 250, "detail": "queue"})
        );
    }

    #[test]
    fn what_the_model_can_act_on_is_a_tool_result() {
        let error = CallError::new(Code::SqlError, "no such column").with_hint("call get_schema");
        for revision in Revision::ALL {
            let Failure::Result(bytes) = failure(&error, revision, &trace()) else { panic!("{revision}") };
            let written: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(written["structuredContent"]["error"]["class"], "sql_error");
            assert_eq!(written.get("resultType").is_some(), revision.is_modern());
            assert_eq!(written["_meta"]["ai.airlock/trace_id"], "tr_1");
        }
    }

    #[test]
    fn every_result_of_the_stateless_era_says_who_wrote_it() {
        let key = "io.modelcontextprotocol/serverInfo";
        for revision in Revision::ALL {
            let ours = Value::Object(stamped(Map::new(), revision));
            let error = CallError::new(Code::SqlError, "no such column");
            let Failure::Result(bytes) = failure(&error, revision, &trace()) else { panic!("{revision}") };
            let of_worker: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(ours["_meta"][key], of_worker["_meta"][key], "{revision}");
            assert_eq!(ours["_meta"][key].is_object(), revision.is_modern(), "{revision}");
        }
    }

    #[test]
    fn every_code_has_a_form_that_rmcp_reads() {
        for &code in Code::ALL {
            for revision in Revision::ALL {
                match failure(&CallError::new(code, "m"), revision, &trace()) {
                    Failure::Error(error) => {
                        assert_eq!(error.data.unwrap()["error_class"], code.as_str());
                    }
                    Failure::Result(bytes) => {
                        let read: rmcp::model::CallToolResult = serde_json::from_slice(&bytes).unwrap();
                        assert_eq!(read.is_error, Some(true));
                    }
                }
            }
        }
    }
}

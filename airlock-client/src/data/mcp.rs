//! A core [`DataPlane`] over an MCP endpoint: `POST /mcp/<slug>`, Streamable HTTP without sessions.
//!
//! The result object is handed on as the bytes that the worker wrote; they are looked into for the head only.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::id::TenantSlug;
use airlock_core::plane::ContentType;
use airlock_core::{CallError, Code, DataPlane, Head, Host, Outcome, Rendered, Secret, ToolCall};
use airlock_proto::gateway::paths;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::auth::put_bearer;
use crate::transport::{Request, Response, Transport, TransportError};

static PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");
static TRACE_ID: HeaderName = HeaderName::from_static("airlock-trace-id");
const EVENT_STREAM: &str = "text/event-stream";
/// Time that an answer may take beyond the call's own budget.
const SLACK: Duration = Duration::from_secs(10);

/// Calls tools of one tenant through a control plane.
///
/// ```no_run
/// use airlock_client::{Airlock, ClientConfig};
/// use airlock_core::DataPlane;
/// # async fn demo(call: airlock_core::ToolCall) -> Result<(), Box<dyn std::error::Error>> {
/// let airlock = Airlock::new(ClientConfig::new("https://airlock.example.com")?)?;
/// let plane = airlock.data("acme".parse()?, "ak_live_of_yours");
/// let answer = plane.call(call).await?;
/// println!("{}", String::from_utf8_lossy(&answer.body));
/// # Ok(())
/// # }
/// ```
pub struct McpPlane {
    slug: TenantSlug,
    key: Secret<String>,
    transport: Arc<dyn Transport>,
    host: Arc<dyn Host>,
}

impl McpPlane {
    pub(crate) fn new(
        slug: TenantSlug,
        key: Secret<String>,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
    ) -> Self {
        Self { slug, key, transport, host }
    }

    /// The request of a call, with the subject, where one is bound, in the address and out of the arguments' reach.
    fn request(&self, call: &ToolCall) -> Result<Request, TransportError> {
        let mut target = format!("/mcp/{}", self.slug);
        if let Some(subject) = &call.bound {
            target.push_str("/s/");
            target.push_str(&paths::encoded(subject.expose()));
        }
        let mut params = json!({"name": call.tool, "arguments": call.arguments});
        if call.revision.is_modern() {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": call.revision.as_str(),
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "airlock-client", "version": env!("CARGO_PKG_VERSION")},
            });
        }
        let message = json!({"jsonrpc": "2.0", "id": call.id, "method": "tools/call", "params": params});
        let mut request = Request::new(Method::POST, target)
            .within(call.budget.saturating_add(SLACK))
            .with_body("application/json", message.to_string());
        let accept = match call.accept {
            ContentType::ArrowStream => ContentType::ArrowStream.as_str(),
            _ => "application/json, text/event-stream",
        };
        let text =
            |value: &str| HeaderValue::from_str(value).map_err(|_| TransportError::Unsendable("a name"));
        request.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        request.headers.insert(PROTOCOL_VERSION.clone(), HeaderValue::from_static(call.revision.as_str()));
        request.headers.insert(TRACE_ID.clone(), text(call.trace.as_str())?);
        if call.revision.is_modern() {
            request.headers.insert(METHOD.clone(), HeaderValue::from_static("tools/call"));
            request.headers.insert(NAME.clone(), text(call.tool.as_str())?);
        }
        put_bearer(&mut request, &self.key)?;
        Ok(request)
    }
}

#[async_trait]
impl DataPlane for McpPlane {
    /// A call may do something each time it is made, so it is sent a second time only where nothing was sent before.
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError> {
        let request = self.request(&call).map_err(|error| unreached(&error))?;
        let begun = self.host.monotonic();
        let response = self.transport.send(&request).await.map_err(|error| unreached(&error))?;
        let mut rendered = read(&response)?;
        let elapsed = self.host.monotonic().saturating_sub(begun);
        rendered.head.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Ok(rendered)
    }
}

impl fmt::Debug for McpPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpPlane").field("slug", &self.slug).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    #[serde(default)]
    message: String,
    data: Option<ErrorData>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorData {
    error_class: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    limit: Option<String>,
    retry_after_ms: Option<u64>,
}

/// What of a tool result goes into the head.
#[derive(Deserialize)]
struct Shown {
    #[serde(default, rename = "isError")]
    is_error: bool,
    #[serde(default, rename = "structuredContent")]
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    error: Option<Failure>,
    row_count: Option<u64>,
    truncated: Option<bool>,
    snapshot: Option<Taken>,
}

#[derive(Deserialize)]
struct Failure {
    class: Option<String>,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Taken {
    generation: Option<u64>,
    #[serde(default)]
    cold: bool,
}

fn read(response: &Response) -> Result<Rendered, CallError> {
    if response.status.is_success() && response.content_type() == ContentType::ArrowStream.as_str() {
        let (content_type, body) = (ContentType::ArrowStream, response.body.clone());
        return Ok(Rendered { head: Head::ok(), content_type, body });
    }
    let text: Cow<'_, [u8]> = if response.content_type() == EVENT_STREAM {
        answer_in(&response.body).map_or(Cow::Borrowed(&[]), Cow::Owned)
    } else {
        Cow::Borrowed(&response.body)
    };
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&text) else { return Err(strange(response)) };
    match (message.result, message.error) {
        (Some(result), None) if response.status.is_success() => {
            let body = match &text {
                Cow::Borrowed(_) => response.body.slice_ref(result.get().as_bytes()),
                Cow::Owned(_) => Bytes::copy_from_slice(result.get().as_bytes()),
            };
            Ok(Rendered { head: head(&body), content_type: ContentType::McpResult, body })
        }
        (_, Some(error)) => Err(refused(response, error)),
        _ => Err(strange(response)),
    }
}

/// The message with a result or an error in an event stream; notifications before it are passed over.
///
/// Source: HTML, "Server-sent events", 9.2.6; the events of MCP have no other fields that matter.
fn answer_in(stream: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(stream).ok()?.replace("\r\n", "\n").replace('\r', "\n");
    let event = |event: &str| -> String {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    };
    let is_answer = |json: &String| {
        serde_json::from_str::<Message<'_>>(json).is_ok_and(|m| m.result.is_some() || m.error.is_some())
    };
    text.split("\n\n").map(event).find(is_answer).map(String::into_bytes)
}

fn head(result: &[u8]) -> Head {
    let mut head = Head::ok();
    // Other servers' results may have content of another shape: then nothing is known of it.
    let Ok(shown) = serde_json::from_slice::<Shown>(result) else { return head };
    if shown.is_error {
        head.outcome = Outcome::Error;
    }
    if let Some(content) = shown.content {
        if let Some(failure) = content.error.filter(|_| shown.is_error) {
            (head.error_class, head.detail_code) = (failure.class, failure.detail);
        }
        head.rows = content.row_count.unwrap_or(0);
        head.truncated = content.truncated.unwrap_or(false);
        if let Some(taken) = content.snapshot {
            (head.generation, head.cold) = (taken.generation, taken.cold);
        }
    }
    head
}

fn refused(response: &Response, error: RpcError) -> CallError {
    let data = error.data.unwrap_or_default();
    let code = data.error_class.as_deref().and_then(Code::parse);
    let message: String = error.message.chars().filter(|c| !c.is_control()).take(1_000).collect();
    let waits = response.retry_after().and_then(|wait| u64::try_from(wait.as_millis()).ok());
    CallError {
        code: code.unwrap_or_else(|| by_status(response)),
        detail: data.detail,
        message,
        hint: data.hint,
        retry_after_ms: data.retry_after_ms.or(waits),
        limit: data.limit,
    }
}

fn by_status(response: &Response) -> Code {
    match response.status.as_u16() {
        401 => Code::Unauthorized,
        403 => Code::ScopeDenied,
        404 => Code::NotFound,
        413 => Code::TooLarge,
        429 => Code::RateLimited,
        200..=299 | 400..=499 => Code::InvalidArguments,
        _ => Code::GatewayUnavailable,
    }
}

fn strange(response: &Response) -> CallError {
    let status = response.status.as_u16();
    let code = if response.status.is_success() { Code::GatewayUnavailable } else { by_status(response) };
    CallError::new(code, format!("the control plane answered {status} without a message that is understood"))
}

fn unreached(error: &TransportError) -> CallError {
    let code = match error {
        TransportError::Unsendable(_) | TransportError::NoStreams => Code::InvalidArguments,
        TransportError::TooLarge => Code::LimitExceeded,
        _ => Code::GatewayUnavailable,
    };
    CallError::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::{CONTENT_TYPE, RETRY_AFTER};

    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Response {
        let mut response = Response::new(StatusCode::from_u16(status).unwrap(), body.to_owned());
        response.headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        response
    }

    const RESULT: &str = r#"{"content":[],"structuredContent":{"row_count":2,"truncated":true,"snapshot":{"generation":3,"cold":true}}, "isError":false}"#;

    #[test]
    fn the_workers_bytes_are_handed_on_as_they_are() {
        let json = format!(r#"{{"jsonrpc":"2.0","id":"c_1","result":{RESULT}}}"#);
        let notification = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
        let events =
            format!("event: message\ndata: {notification}\n\nevent: message\r\ndata: {json}\r\n\r\n");
        for response in
            [answer(200, "application/json; charset=utf-8", &json), answer(200, "text/event-stream", &events)]
        {
            let rendered = read(&response).unwrap();
            assert_eq!(rendered.body, RESULT.as_bytes());
            assert_eq!((rendered.head.rows, rendered.head.generation), (2, Some(3)));
            assert!(rendered.head.truncated && rendered.head.cold);
        }
        let arrow = read(&answer(200, ContentType::ArrowStream.as_str(), "ARROW")).unwrap();
        assert_eq!((arrow.content_type, &arrow.body[..]), (ContentType::ArrowStream, &b"ARROW"[..]));
    }

    #[test]
    fn a_failure_that_a_model_can_act_on_is_an_answer() {
        let body = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"structuredContent":{"error":{"class":"sql_error","detail":"d"}}}}"#;
        let head = read(&answer(200, "application/json", body)).unwrap().head;
        assert_eq!((head.outcome, head.error_class.as_deref()), (Outcome::Error, Some("sql_error")));
    }

    #[track_caller]
    fn check(status: u16, content_type: &str, body: &str, expected: Code) {
        let mut response = answer(status, content_type, body);
        response.headers.insert(RETRY_AFTER, "2".parse().unwrap());
        let error = read(&response).unwrap_err();
        assert_eq!(error.code, expected, "{status} {body}");
    }

    #[test]
    fn every_other_answer_is_an_error_with_a_code() {
        let classed = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32009,"message":"m","data":{"error_class":"busy","retry_after_ms":250}}}"#;
        check(200, "application/json", classed, Code::Busy);
        check(401, "application/json", r#"{"error":{"code":-32003,"message":"m"}}"#, Code::Unauthorized);
        check(401, "text/plain", "", Code::Unauthorized);
        check(429, "text/html", "<html>", Code::RateLimited);
        check(502, "text/html", "<html>", Code::GatewayUnavailable);
        check(302, "text/html", "", Code::GatewayUnavailable);
        check(200, "text/html", "<html>", Code::GatewayUnavailable);
        check(200, "application/json", r#"{"jsonrpc":"2.0","id":1}"#, Code::GatewayUnavailable);
        check(200, "text/event-stream", "data: {}\n\n", Code::GatewayUnavailable);
        assert_eq!(read(&answer(200, "application/json", classed)).unwrap_err().retry_after_ms, Some(250));
    }
}

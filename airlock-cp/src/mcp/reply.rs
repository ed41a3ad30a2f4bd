//! Answers as HTTP: status, headers, and a body of chunks that are sent as they are.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use airlock_core::CallError;
use airlock_proto::mcp::lenient::Form;
use airlock_proto::mcp::message::{frame_error, frame_result};
use airlock_proto::mcp::result::rpc_error;
use airlock_proto::mcp::{Id, Malformed, Reject};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use hyper::body::{Frame, SizeHint};

use super::guard::Turned;

/// What to send for one message.
#[derive(Debug)]
pub(super) enum Reply {
    /// A result, framed around bytes that are not read.
    Result([Bytes; 3]),
    /// An error message and its status.
    Error(StatusCode, Bytes),
    /// An error message about scopes, and the challenge to ask for more.
    Challenged(HeaderValue, Bytes),
    /// Rows as they are.
    Arrow(Bytes),
    /// Nothing: the message wanted no answer.
    Accepted,
}

impl Reply {
    pub(super) fn result(id: &Id, result: Bytes) -> Self {
        Self::Result(frame_result(id, result))
    }
    /// A failed call: the request was in order, so the status is 200.
    pub(super) fn failed(id: &Id, error: &CallError) -> Self {
        Self::Error(StatusCode::OK, frame_error(Some(id), &rpc_error(error)))
    }
    /// A call that the token was not given for. In a batch the other answers set the status, and the message alone tells.
    pub(super) fn challenged(id: &Id, challenge: HeaderValue, error: &CallError) -> Self {
        Self::Challenged(challenge, frame_error(Some(id), &rpc_error(error)))
    }
    pub(super) fn rejected(id: Option<&Id>, reject: &Reject) -> Self {
        let status = StatusCode::from_u16(reject.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::Error(status, frame_error(id, &reject.error))
    }
    pub(super) fn malformed(malformed: &Malformed) -> Self {
        Self::Error(StatusCode::BAD_REQUEST, frame_error(malformed.id.as_ref(), &malformed.error))
    }

    /// The chunks of the message; none when it wanted no answer.
    fn chunks(self) -> VecDeque<Bytes> {
        match self {
            Self::Result(parts) => parts.into(),
            Self::Error(_, message) | Self::Challenged(_, message) | Self::Arrow(message) => [message].into(),
            Self::Accepted => VecDeque::new(),
        }
    }

    /// The response to a request with this one message.
    pub(super) fn into_response(self, form: Form) -> Response {
        let status = match &self {
            Self::Accepted => return empty(StatusCode::ACCEPTED),
            Self::Error(status, _) => *status,
            Self::Challenged(challenge, _) => {
                let challenge = challenge.clone();
                let mut response = message(StatusCode::FORBIDDEN, Form::Json, self.chunks());
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                return response;
            }
            Self::Result(_) | Self::Arrow(_) => StatusCode::OK,
        };
        if matches!(self, Self::Arrow(_)) {
            return with(status, "application/vnd.apache.arrow.stream", self.chunks());
        }
        message(status, form, self.chunks())
    }
}

/// The response to a batch: the answers in one array, in order; 202 when nothing in it wanted one.
pub(super) fn batch(replies: Vec<Reply>, form: Form) -> Response {
    let mut chunks = VecDeque::new();
    for reply in replies {
        let of_one = reply.chunks();
        if of_one.is_empty() {
            continue;
        }
        chunks.push_back(Bytes::from_static(if chunks.is_empty() { b"[" } else { b"," }));
        chunks.extend(of_one);
    }
    if chunks.is_empty() {
        return empty(StatusCode::ACCEPTED);
    }
    chunks.push_back(Bytes::from_static(b"]"));
    message(StatusCode::OK, form, chunks)
}

/// A refusal before any message was read.
pub(super) fn refused(status: StatusCode, error: &CallError, challenge: Option<HeaderValue>) -> Response {
    let mut response = message(status, Form::Json, [frame_error(None, &rpc_error(error))].into());
    if let Some(challenge) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(ms) = error.retry_after_ms {
        response.headers_mut().insert(RETRY_AFTER, ms.div_ceil(1000).into());
    }
    response
}

/// A refusal that is about HTTP alone.
pub(super) fn turned(turned: Turned) -> Response {
    with(turned.status, "text/plain; charset=utf-8", [Bytes::from_static(turned.message.as_bytes())].into())
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The answer to a method that the endpoint does not have.
pub(super) fn method_not_allowed() -> Response {
    let mut response = turned(Turned {
        status: StatusCode::METHOD_NOT_ALLOWED,
        why: "method",
        message: "POST a JSON-RPC message here; this endpoint opens no stream",
    });
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, DELETE, OPTIONS"));
    response
}

fn message(status: StatusCode, form: Form, chunks: VecDeque<Bytes>) -> Response {
    match form {
        Form::Json | Form::Arrow => with(status, "application/json", chunks),
        Form::EventStream => {
            let json: Vec<u8> = chunks.into_iter().flatten().collect();
            let mut event = b"event: message\n".to_vec();
            // A line break in JSON stands between tokens only, and an event's data may be split there.
            for line in json.split(|b| *b == b'\n' || *b == b'\r').filter(|line| !line.is_empty()) {
                event.extend_from_slice(b"data: ");
                event.extend_from_slice(line);
                event.push(b'\n');
            }
            event.push(b'\n');
            with(status, "text/event-stream", [event.into()].into())
        }
    }
}

fn with(status: StatusCode, content_type: &'static str, chunks: VecDeque<Bytes>) -> Response {
    let mut response = Response::new(Body::new(Chunks(chunks)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A body of known length in chunks: an answer of megabytes is framed without being copied.
struct Chunks(VecDeque<Bytes>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|chunk| chunk.len() as u64).sum())
    }
}

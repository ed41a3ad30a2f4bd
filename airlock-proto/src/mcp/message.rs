//! JSON-RPC envelopes: a body taken apart, an answer put together. What is inside `params` and `result` stays bytes.

use std::fmt;

use bytes::Bytes;
use rmcp::model::{ErrorCode, ErrorData};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most messages in one batch. A batch is served in order, so a longer one would hold a connection for minutes.
pub const BATCH_MAX: usize = 20;

/// Deepest nesting of a body. What reads it further in recurses; a stack must not be the limit.
pub const DEPTH_MAX: usize = 128;

/// Longest id, as written. It is sent back, so it is bounded.
pub const ID_BYTES_MAX: usize = 1024;

/// A request's id, as the client wrote it: sent back byte for byte, so that no client has to know its own number again
/// by value.
#[derive(Clone)]
pub struct Id(Box<RawValue>);

impl Id {
    /// The id as it stood in the request: a JSON string or an integral JSON number.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// Takes a string or an integral number. `1.0` is integral: some clients' JSON has no other numbers.
    fn parse(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let valid = match text.as_bytes().first()? {
            b'"' => true,
            b'-' | b'0'..=b'9' if text.contains(['.', 'e', 'E']) => {
                text.parse::<f64>().is_ok_and(|n| n.is_finite() && n.fract() == 0.0)
            }
            b'-' | b'0'..=b'9' => true,
            _ => false,
        };
        (valid && text.len() <= ID_BYTES_MAX).then(|| Self(raw.to_owned()))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

/// A message that wants an answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// Under which id the answer goes back.
    pub id: Id,
    /// What is asked.
    pub method: String,
    /// With what.
    pub params: Option<Box<RawValue>>,
}

/// A message that wants none.
#[derive(Clone, Debug)]
pub struct Notification {
    /// What is told.
    pub method: String,
    /// With what.
    pub params: Option<Box<RawValue>>,
}

/// One message of a client.
#[derive(Clone, Debug)]
pub enum Message {
    /// Wants an answer.
    Request(Request),
    /// Wants none.
    Notification(Notification),
    /// Answers a question that we never ask.
    Response,
}

/// Why a body, or one message of a batch, is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The id, when that much could be read.
    pub id: Option<Id>,
    /// What is wrong.
    pub error: ErrorData,
}

impl Malformed {
    fn parse(what: &'static str) -> Self {
        Self { id: None, error: ErrorData::new(ErrorCode::PARSE_ERROR, what, None) }
    }
    fn request(id: Option<Id>, what: &'static str) -> Self {
        Self { id, error: ErrorData::new(ErrorCode::INVALID_REQUEST, what, None) }
    }
}

/// What a body held.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// One message.
    One(Message),
    /// A batch, as 2025-03-26 knows it; 1 to [`BATCH_MAX`] messages, each good or bad for itself.
    Batch(Vec<Result<Message, Malformed>>),
}

/// Takes a body apart.
///
/// # Errors
/// -32700 when it is no JSON; -32600 when it is no message, an empty or too long batch, or nested too deeply.
pub fn parse(body: &[u8]) -> Result<Incoming, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed::parse("the body is not UTF-8"))?;
    if depth(body) > DEPTH_MAX {
        return Err(Malformed::request(None, "the body is nested too deeply"));
    }
    if !text.trim_start().starts_with('[') {
        return parse_one(text).map(Incoming::One);
    }
    let parts: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|_| Malformed::parse("the body is not JSON"))?;
    match parts.len() {
        0 => Err(Malformed::request(None, "the batch is empty")),
        1..=BATCH_MAX => Ok(Incoming::Batch(parts.into_iter().map(|part| parse_one(part.get())).collect())),
        _ => Err(Malformed::request(None, "the batch is too long: at most 20 messages")),
    }
}

fn parse_one(text: &str) -> Result<Message, Malformed> {
    /// Keys that a message may have; two of a kind are refused, others are not looked at.
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default, deserialize_with = "present")]
        jsonrpc: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        id: Option<&'a RawValue>,
        method: Option<String>,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        result: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        error: Option<&'a RawValue>,
    }

    let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() && serde_json::from_str::<&RawValue>(text).is_ok() {
            Malformed::request(None, "the body is not a JSON-RPC message")
        } else {
            Malformed::parse("the body is not JSON")
        }
    })?;
    let id = match wire.id {
        None => None,
        Some(raw) => Some(Id::parse(raw).ok_or_else(|| {
            Malformed::request(None, "the id must be a string or an integer, not too long")
        })?),
    };
    if wire.jsonrpc.is_none_or(|version| version.get() != "\"2.0\"") {
        return Err(Malformed::request(id, "jsonrpc must be \"2.0\""));
    }
    let params = wire.params.map(ToOwned::to_owned);
    match (wire.method, id) {
        (Some(method), Some(id)) => Ok(Message::Request(Request { id, method, params })),
        (Some(method), None) => Ok(Message::Notification(Notification { method, params })),
        (None, _) if wire.result.is_some() || wire.error.is_some() => Ok(Message::Response),
        (None, id) => Err(Malformed::request(id, "the message has no method")),
    }
}

/// A key that is there, even when its value is `null`.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// How deep arrays and objects nest, without recursion. Text that is no JSON gives some number.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The envelope of a result: what goes before and after its bytes, which are not touched.
pub fn frame_result(id: &Id, result: Bytes) -> [Bytes; 3] {
    let before = format!(r#"{{"jsonrpc":"2.0","id":{},"result":"#, id.as_json());
    [before.into(), result, Bytes::from_static(b"}")]
}

/// The message of a failure. Its id is null when none could be read, as JSON-RPC 2.0 has it: MCP would let it be absent, but
/// the Python client (mcp 2.3) then shows its user a stand-in for the error.
pub fn frame_error(id: Option<&Id>, error: &ErrorData) -> Bytes {
    let error = serde_json::to_string(error).expect("an error is a number, a text and a JSON value");
    match id {
        Some(id) => format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, id.as_json()),
        None => format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What became of a body, in one line.
    #[track_caller]
    fn check(body: &str, expected: &str) {
        let got = match parse(body.as_bytes()) {
            Ok(Incoming::One(message)) => one(&Ok(message)),
            Ok(Incoming::Batch(parts)) => parts.iter().map(one).collect::<Vec<_>>().join(", "),
            Err(malformed) => one(&Err(malformed)),
        };
        assert_eq!(got, expected, "{}", &body[..body.len().min(100)]);
    }

    fn one(message: &Result<Message, Malformed>) -> String {
        match message {
            Ok(Message::Request(r)) => format!("request {} {}", r.method, r.id.as_json()),
            Ok(Message::Notification(n)) => format!("notification {}", n.method),
            Ok(Message::Response) => "response".into(),
            Err(m) => match &m.id {
                Some(id) => format!("{} for {}", m.error.code.0, id.as_json()),
                None => m.error.code.0.to_string(),
            },
        }
    }

    fn with_id(id: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)
    }

    #[test]
    fn messages_are_told_apart_by_id_and_method() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, "request tools/list 1");
        check(
            r#" {"jsonrpc":"2.0","method":"notifications/initialized","x":1}"#,
            "notification notifications/initialized",
        );
        check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "response");
        check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#, "response");
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, "request ping 1");
    }

    #[test]
    fn ids_go_back_as_they_were_written() {
        for id in [
            "1",
            "-7",
            "1.0",
            "1e3",
            "9007199254740993",
            "18446744073709551616",
            "123456789012345678901234567890",
            "\"a\"",
            "\"\\u0041\"",
            "\"\"",
        ] {
            check(&with_id(id), &format!("request ping {id}"));
        }
        for id in ["null", "1.5", "true", "{}", "[1]", "1e999", &format!("\"{}\"", "x".repeat(ID_BYTES_MAX))]
        {
            check(&with_id(id), "-32600");
        }
    }

    #[test]
    fn what_is_no_json_and_what_is_no_message_differ() {
        check("", "-32700");
        check("{", "-32700");
        check("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"", "-32700");
        check("nope", "-32700");
        check("\u{feff}{}", "-32700");
        check("5", "-32600");
        check("\"x\"", "-32600");
        check("null", "-32600");
        check("{}", "-32600");
        check(r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, "-32600 for 1");
        check(r#"{"id":"q","method":"a"}"#, "-32600 for \"q\"");
        check(r#"{"jsonrpc":"2.0","id":4}"#, "-32600 for 4");
        check(r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "-32600");
        assert_eq!(one(&Err(parse(b"\xff").unwrap_err())), "-32700");
    }

    #[test]
    fn a_key_given_twice_is_refused_because_readers_differ_on_which_one_counts() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#, "-32600");
        check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}"#, "-32600");
    }

    #[test]
    fn batches_are_bounded_and_their_messages_stand_alone() {
        check("[]", "-32600");
        check(
            r#"[{"jsonrpc":"2.0","id":1,"method":"a"}, 5, {"jsonrpc":"2.0","method":"n"}]"#,
            "request a 1, -32600, notification n",
        );
        let of = |n: usize| format!("[{}]", vec![with_id("1"); n].join(","));
        check(&of(BATCH_MAX), &vec!["request ping 1"; BATCH_MAX].join(", "));
        check(&of(BATCH_MAX + 1), "-32600");
        check(&of(10_000), "-32600");
        check("[1,", "-32700");
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let nested = |n: usize| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{}{}}}"#, "[".repeat(n), "]".repeat(n))
        };
        check(&nested(DEPTH_MAX - 1), "request a 1");
        check(&nested(DEPTH_MAX), "-32600");
        check(&nested(10_000), "-32600");
        check(&"[".repeat(1 << 20), "-32600");
        check(
            &format!(r#"{{"jsonrpc":"2.0","id":"{}\"[","method":"a"}}"#, "[{".repeat(100)),
            &format!("request a \"{}\\\"[\"", "[{".repeat(100)),
        );
    }

    #[test]
    fn a_result_is_framed_without_being_read() {
        let Ok(Incoming::One(Message::Request(request))) = parse(with_id("1.0").as_bytes()) else {
            unreachable!()
        };
        let framed = frame_result(&request.id, Bytes::from_static(b"{ anything }")).concat();
        assert_eq!(framed, br#"{"jsonrpc":"2.0","id":1.0,"result":{ anything }}"#);
        let error = ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "m", None);
        assert_eq!(
            frame_error(Some(&request.id), &error),
            r#"{"jsonrpc":"2.0","id":1.0,"error":{"code":-32601,"message":"m"}}"#
        );
        assert_eq!(
            frame_error(None, &error),
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"m"}}"#
        );
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = parse(&body);
        }
        #[test]
        fn no_json_like_text_panics(body in r#"[\[\]{}":,0-9a-z\\ .-]{0,80}"#) {
            let _ = parse(body.as_bytes());
        }
    }
}

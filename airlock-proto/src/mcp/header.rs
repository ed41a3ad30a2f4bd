//! The protocol's HTTP headers: given once, plain or wrapped in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;

/// Which revision a request speaks.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The body's method, for those between who do not read bodies.
pub const METHOD: &str = "mcp-method";
/// The body's `name`, `uri` or `taskId`, for the same.
pub const NAME: &str = "mcp-name";
/// The trace that a call belongs to: the client's own word for it.
pub const TRACE_ID: &str = "airlock-trace-id";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// A snapshot bound outside the model.
pub const SNAPSHOT: &str = "airlock-snapshot";

/// Why a header has no value to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// It was given twice: those between may read the other one.
    #[error("given more than once")]
    Twice,
    /// It holds what a header may not.
    #[error("not plain text")]
    NotText,
    /// It says base64 and is none.
    #[error("not valid base64")]
    NotBase64,
}

/// The one value of a header, trimmed.
///
/// # Errors
/// When it was given twice or is not visible ASCII.
pub fn sole<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, BadHeader> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadHeader::Twice);
    }
    let text = value.to_str().map_err(|_| BadHeader::NotText)?;
    Ok(Some(text.trim_matches([' ', '\t'])))
}

/// The text that a header value stands for: `=?base64?…?=` is unwrapped, anything else means itself.
///
/// # Errors
/// When it is wrapped and what is inside is no base64 with its padding, or no UTF-8.
///
/// Source: MCP 2026-07-28, Streamable HTTP, value encoding.
pub fn unwrap(value: &str) -> Result<String, BadHeader> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Ok(value.to_owned()),
        Some(inside) => {
            let bytes = BASE64.decode(inside).map_err(|_| BadHeader::NotBase64)?;
            String::from_utf8(bytes).map_err(|_| BadHeader::NotBase64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_values_are_unwrapped_strictly() {
        #[track_caller]
        fn check(value: &str, expected: Result<&str, BadHeader>) {
            assert_eq!(unwrap(value).as_deref(), expected.as_ref().map(|text| &**text), "{value}");
        }
        check("execute_sql", Ok("execute_sql"));
        check("=?base64?w6k=?=", Ok("é"));
        check("=?base64??=", Ok(""));
        check("=?base64?w6k?=", Err(BadHeader::NotBase64));
        check("=?base64?w6k=", Ok("=?base64?w6k="));
        check("w6k=", Ok("w6k="));
        check("=?BASE64?w6k=?=", Ok("=?BASE64?w6k=?="));
        check("=?base64?!!?=", Err(BadHeader::NotBase64));
        check("=?base64?/w==?=", Err(BadHeader::NotBase64));
    }

    #[test]
    fn a_header_given_twice_has_no_value() {
        let mut headers = HeaderMap::new();
        assert_eq!(sole(&headers, METHOD), Ok(None));
        headers.append(METHOD, " ping\t".parse().unwrap());
        assert_eq!(sole(&headers, "Mcp-Method"), Ok(Some("ping")));
        headers.append(METHOD, "ping".parse().unwrap());
        assert_eq!(sole(&headers, METHOD), Err(BadHeader::Twice));
    }
}

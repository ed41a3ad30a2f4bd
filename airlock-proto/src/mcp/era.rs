//! Which revision a message speaks, and whether its headers say the same as its body. Pure: headers and body in, verdict out.
//!
//! | body | header `MCP-Protocol-Version` | verdict |
//! |---|---|---|
//! | `initialize` without a revision in `_meta` | any | a handshake; never 2026-07-28 |
//! | a revision in `_meta` | the same | that revision |
//! | a revision in `_meta` | another, or none | -32020 |
//! | none | 2026-07-28 | -32602: the body must name it as well |
//! | none | an older one we know | that one |
//! | none | unknown | 400 |
//! | none | none | 2025-03-26, as the standard lets a server assume |

use airlock_core::plane::Revision;
use http::HeaderMap;
use rmcp::model::{ErrorCode, ErrorData};
use serde_json::json;

use super::header::{self, BadHeader};
use super::params::{Params, is_object, text};

/// A protocol error and the HTTP status it travels with.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// The status.
    pub status: u16,
    /// The error.
    pub error: ErrorData,
}

impl Reject {
    /// An error that travels with 200: the request was understood as HTTP, and refused as a message.
    pub fn ok(code: ErrorCode, message: &'static str) -> Self {
        Self { status: 200, error: ErrorData::new(code, message, None) }
    }
    /// A request that is wrong before its meaning is looked at.
    pub fn bad(code: ErrorCode, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { status: 400, error: ErrorData::new(code, message, None) }
    }
    /// A method that we do not have: 404 for those who look at the status only, since 2026-07-28.
    pub fn method_not_found(revision: Revision) -> Self {
        let status = if revision.is_modern() { 404 } else { 200 };
        Self { status, error: ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "method not found", None) }
    }
    fn mismatch(what: String) -> Self {
        Self::bad(ErrorCode::HEADER_MISMATCH, what)
    }
    fn unsupported(code: ErrorCode, requested: &str) -> Self {
        let requested: String = requested.chars().filter(|c| !c.is_control()).take(32).collect();
        let data = json!({ "supported": supported(), "requested": requested });
        Self { status: 400, error: ErrorData::new(code, "unsupported protocol version", Some(data)) }
    }
}

/// Whether a message wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does.
    Request,
    /// It does not.
    Notification,
}

/// What 2026-07-28 took away: whoever still sends it has mixed up the eras.
const GONE: [&str; 6] = [
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "notifications/roots/list_changed",
];

/// The dates that we serve, newest first.
pub fn supported() -> [&'static str; 4] {
    Revision::ALL.map(Revision::as_str)
}

/// Decides which revision a message speaks and checks its headers against it.
///
/// # Errors
/// In this order: headers that differ from the body (-32020), a revision we do not serve (-32022), missing `_meta` keys
/// (-32602), a method that the revision does not have (-32601).
pub fn revision(
    headers: &HeaderMap,
    kind: Kind,
    method: &str,
    params: &Params<'_>,
) -> Result<Revision, Reject> {
    let in_meta = params.meta.as_ref().and_then(|meta| meta.protocol_version);
    if method == "initialize" && in_meta.is_none() {
        return Ok(negotiated(params));
    }
    let in_header = header::sole(headers, header::PROTOCOL_VERSION)
        .map_err(|bad| differs("MCP-Protocol-Version", bad))?;
    let stated = match in_meta {
        Some(raw) => Some(text(raw).ok_or_else(|| missing("io.modelcontextprotocol/protocolVersion"))?),
        None => None,
    };
    let revision = match (in_header, stated.as_deref()) {
        // A body that names an older revision needs no header: there, only one of the two was ever required.
        (None, Some(stated)) if stated.parse().is_ok_and(|revision: Revision| !revision.is_modern()) => {
            return stated
                .parse()
                .map_err(|_| Reject::unsupported(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION, stated));
        }
        (header, Some(stated)) if header != Some(stated) => {
            return Err(Reject::mismatch(match header {
                None => "the MCP-Protocol-Version header is missing".into(),
                Some(_) => "the MCP-Protocol-Version header differs from _meta".into(),
            }));
        }
        (_, Some(stated)) => stated
            .parse()
            .map_err(|_| Reject::unsupported(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION, stated))?,
        (Some(header), None) => {
            header.parse().map_err(|_| Reject::unsupported(ErrorCode::INVALID_REQUEST, header))?
        }
        // Only the stateless era has this method, and it asks before anything is agreed.
        (None, None) if method == "server/discover" => Revision::V2026_07_28,
        (None, None) => Revision::V2025_03_26,
    };
    if revision.is_modern() {
        check_modern(headers, kind, method, params)?;
    }
    Ok(revision)
}

/// What a handshake agrees on: the client's revision when it is one of the handshake era, else our newest of that era.
fn negotiated(params: &Params<'_>) -> Revision {
    params
        .protocol_version
        .and_then(text)
        .and_then(|asked| asked.parse().ok())
        .filter(|asked: &Revision| !asked.is_modern())
        .unwrap_or(Revision::V2025_11_25)
}

fn check_modern(headers: &HeaderMap, kind: Kind, method: &str, params: &Params<'_>) -> Result<(), Reject> {
    if kind == Kind::Request {
        let meta = params.meta.as_ref().ok_or_else(|| missing("_meta"))?;
        if meta.protocol_version.is_none() {
            return Err(missing("io.modelcontextprotocol/protocolVersion"));
        }
        if !meta.client_capabilities.is_some_and(is_object) {
            return Err(missing("io.modelcontextprotocol/clientCapabilities"));
        }
    }
    agrees(headers, header::METHOD, "Mcp-Method", Some(method))?;
    if let Some(raw) = params.named_by(method) {
        agrees(headers, header::NAME, "Mcp-Name", text(raw).as_deref())?;
    }
    if GONE.contains(&method) { Err(Reject::method_not_found(Revision::V2026_07_28)) } else { Ok(()) }
}

fn agrees(headers: &HeaderMap, name: &str, shown: &str, body: Option<&str>) -> Result<(), Reject> {
    let value = header::sole(headers, name)
        .map_err(|bad| differs(shown, bad))?
        .ok_or_else(|| Reject::mismatch(format!("the {shown} header is missing")))?;
    let value = header::unwrap(value).map_err(|bad| differs(shown, bad))?;
    if body == Some(value.as_str()) {
        Ok(())
    } else {
        Err(Reject::mismatch(format!("the {shown} header differs from the body")))
    }
}

fn differs(shown: &str, bad: BadHeader) -> Reject {
    Reject::mismatch(format!("the {shown} header is {bad}"))
}

fn missing(key: &str) -> Reject {
    Reject::bad(ErrorCode::INVALID_PARAMS, format!("{key} is missing or malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `version`, `method` and `name` headers; the method; the parameters.
    #[track_caller]
    fn check(headers: [&str; 3], method: &str, params: &str, expected: &str) {
        let names = [header::PROTOCOL_VERSION, header::METHOD, header::NAME];
        let mut map = HeaderMap::new();
        for (name, values) in names.into_iter().zip(headers) {
            for value in values.split('|').filter(|value| !value.is_empty()) {
                map.append(name, value.parse().unwrap());
            }
        }
        let kind = if method.starts_with("notifications/") { Kind::Notification } else { Kind::Request };
        let params: Params<'_> = serde_json::from_str(params).unwrap();
        let got = match revision(&map, kind, method, &params) {
            Ok(revision) => revision.to_string(),
            Err(reject) => format!("{} {}", reject.status, reject.error.code.0),
        };
        assert_eq!(got, expected);
    }

    fn modern(rest: &str) -> String {
        stating("2026-07-28", rest)
    }

    fn stating(version: &str, rest: &str) -> String {
        format!(
            r#"{{{rest}"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}"#
        )
    }

    #[test]
    fn a_handshake_agrees_on_a_revision_of_its_era() {
        for (asked, agreed) in [
            ("2025-03-26", "2025-03-26"),
            ("2025-06-18", "2025-06-18"),
            ("2025-11-25", "2025-11-25"),
            ("2026-07-28", "2025-11-25"),
            ("2024-11-05", "2025-11-25"),
            ("nonsense", "2025-11-25"),
        ] {
            check(["", "", ""], "initialize", &format!(r#"{{"protocolVersion":"{asked}"}}"#), agreed);
        }
        check(["", "", ""], "initialize", "{}", "2025-11-25");
        check(["2024-11-05", "", ""], "initialize", r#"{"protocolVersion":"2024-11-05"}"#, "2025-11-25");
    }

    #[test]
    fn handshake_era_requests_are_known_by_their_header() {
        check(["", "", ""], "tools/list", "{}", "2025-03-26");
        check(["2025-03-26", "", ""], "tools/list", "{}", "2025-03-26");
        check(["2025-06-18", "", ""], "tools/list", "{}", "2025-06-18");
        check([" 2025-11-25 ", "", ""], "tools/list", "{}", "2025-11-25");
        check(["2024-11-05", "", ""], "tools/list", "{}", "400 -32600");
        check(["x", "", ""], "tools/list", "{}", "400 -32600");
        check(["2025-11-25|2025-11-25", "", ""], "tools/list", "{}", "400 -32020");
        check(["2025-11-25", "", ""], "tools/list", &stating("2025-11-25", ""), "2025-11-25");
        check(["", "", ""], "tools/list", &stating("2025-11-25", ""), "2025-11-25");
        check(["2025-06-18", "", ""], "notifications/initialized", "{}", "2025-06-18");
        check(["", "", ""], "notifications/initialized", "{}", "2025-03-26");
    }

    #[test]
    fn stateless_requests_say_the_same_in_headers_and_body() {
        let v = "2026-07-28";
        check([v, "tools/list", ""], "tools/list", &modern(""), v);
        check([v, "tools/call", "execute_sql"], "tools/call", &modern(r#""name":"execute_sql","#), v);
        check(
            [v, "tools/call", "=?base64?ZXhlY3V0ZV9zcWw=?="],
            "tools/call",
            &modern(r#""name":"execute_sql","#),
            v,
        );
        check(
            [v, "resources/read", "airlock://schema"],
            "resources/read",
            &modern(r#""uri":"airlock://schema","#),
            v,
        );
        check([v, "notifications/cancelled", ""], "notifications/cancelled", "{}", v);
        // A name that is missing from the body is the method's own business.
        check([v, "tools/call", ""], "tools/call", &modern(""), v);
    }

    #[test]
    fn headers_that_differ_from_the_body_are_refused() {
        let v = "2026-07-28";
        let m = "400 -32020";
        check(["", "tools/list", ""], "tools/list", &modern(""), m);
        check(["2025-11-25", "tools/list", ""], "tools/list", &modern(""), m);
        check([v, "tools/list", ""], "tools/list", &stating("2025-11-25", ""), m);
        check([v, "", ""], "tools/list", &modern(""), m);
        check([v, "tools/call", ""], "tools/list", &modern(""), m);
        check([v, "Tools/List", ""], "tools/list", &modern(""), m);
        check([v, "tools/list|tools/list", ""], "tools/list", &modern(""), m);
        check([v, "tools/call", ""], "tools/call", &modern(r#""name":"a","#), m);
        check([v, "tools/call", "b"], "tools/call", &modern(r#""name":"a","#), m);
        check([v, "tools/call", "a|a"], "tools/call", &modern(r#""name":"a","#), m);
        check([v, "tools/call", "=?base64?YQ?="], "tools/call", &modern(r#""name":"a","#), m);
        check([v, "tools/call", "5"], "tools/call", &modern(r#""name":5,"#), m);
        check([v, "ping", ""], "notifications/cancelled", "{}", m);
    }

    #[test]
    fn revisions_we_do_not_serve_are_named_back() {
        check(["2099-01-01", "tools/list", ""], "tools/list", &stating("2099-01-01", ""), "400 -32022");
        check(["2099-01-01", "tools/list", ""], "tools/list", &modern(""), "400 -32020");
        let reject = Reject::unsupported(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION, "2099\n-01-01");
        assert_eq!(
            reject.error.data.unwrap(),
            json!({"supported": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"], "requested": "2099-01-01"})
        );
    }

    #[test]
    fn stateless_requests_carry_their_meta() {
        let v = "2026-07-28";
        let m = "400 -32602";
        check([v, "tools/list", ""], "tools/list", "{}", m);
        check([v, "tools/list", ""], "tools/list", r#"{"_meta":{}}"#, m);
        check(["", "", ""], "server/discover", "{}", m);
        check(
            [v, "tools/list", ""],
            "tools/list",
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
            m,
        );
        check(
            [v, "tools/list", ""],
            "tools/list",
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}"#,
            m,
        );
        check(
            [v, "tools/list", ""],
            "tools/list",
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}}"#,
            m,
        );
    }

    #[test]
    fn what_the_stateless_era_took_away_is_not_found() {
        for method in GONE {
            check(["2026-07-28", method, ""], method, &modern(""), "404 -32601");
        }
    }
}

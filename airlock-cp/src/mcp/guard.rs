//! Host and origin: whether a request was meant for us, and whether a web page may make it.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};

use super::config::{Hosts, McpConfig};

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) status: StatusCode,
    /// The word in the audit row.
    pub(super) why: &'static str,
    pub(super) message: &'static str,
}

/// Checks host and origin; gives back the origin that may read the answer.
pub(super) fn check<'a>(config: &McpConfig, parts: &'a Parts) -> Result<Option<&'a str>, Turned> {
    host(config, parts)?;
    origin(config, &parts.headers)
}

/// Every name that the request gives us must be one of ours: an absolute-form target and a `Host` that differ are a
/// smuggler's, and either may be what a proxy before us went by.
fn host(config: &McpConfig, parts: &Parts) -> Result<(), Turned> {
    let bad = Turned { status: StatusCode::BAD_REQUEST, why: "host_invalid", message: "no valid Host" };
    let mut values = parts.headers.get_all(HOST).iter();
    let header = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| bad)?;
            Some(Authority::try_from(text).map_err(|_| bad)?)
        }
        (Some(_), Some(_)) => return Err(bad),
    };
    let target = parts.uri.authority();
    if header.is_none() && target.is_none() {
        return Err(bad);
    }
    let ours = |authority: &Authority| match &config.hosts {
        Hosts::Any => true,
        Hosts::These(names) => {
            let name = authority.host().trim_matches(['[', ']']);
            names.iter().any(|ours| ours.eq_ignore_ascii_case(name))
        }
    };
    if header.iter().chain(target).all(|authority| ours(authority) && !authority.as_str().contains('@')) {
        Ok(())
    } else {
        Err(Turned {
            status: StatusCode::FORBIDDEN,
            why: "host_denied",
            message: "this Host is not served here",
        })
    }
}

/// A present origin must be allowed, exactly; `null` never is. None is no browser's request.
fn origin<'a>(config: &McpConfig, headers: &'a HeaderMap) -> Result<Option<&'a str>, Turned> {
    let mut values = headers.get_all(ORIGIN).iter();
    let allowed = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => {
            value.to_str().ok().filter(|origin| config.origins.iter().any(|ours| ours == origin))
        }
        (Some(_), Some(_)) => None,
    };
    allowed.map(Some).ok_or(Turned {
        status: StatusCode::FORBIDDEN,
        why: "origin_denied",
        message: "pages of this Origin may not call this endpoint",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(uri: &str, headers: &[(&str, &str)], expected: Result<Option<&str>, &str>) {
        let config = McpConfig::for_listener(
            "127.0.0.1:8080".parse().unwrap(),
            Some(&"https://airlock.example.com".parse().unwrap()),
            &["https://app.example.com".to_owned()],
        )
        .unwrap();
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(check(&config, &parts).map_err(|turned| turned.why), expected);
    }

    #[test]
    fn every_name_given_must_be_ours() {
        for ours in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:9",
            "[::1]:8080",
            "AIRLOCK.example.com",
            "airlock.example.com:443",
        ] {
            check_one("/mcp/acme", &[("host", ours)], Ok(None));
        }
        for foreign in [
            "evil.com",
            "localhost.evil.com",
            "localhost.",
            "127.0.0.2",
            "airlock.example.com.",
            "localhost@evil.com",
            "u@localhost",
        ] {
            check_one("/mcp/acme", &[("host", foreign)], Err("host_denied"));
        }
        check_one("/mcp/acme", &[], Err("host_invalid"));
        check_one("/mcp/acme", &[("host", "")], Err("host_invalid"));
        check_one("/mcp/acme", &[("host", "a b")], Err("host_invalid"));
        check_one("/mcp/acme", &[("host", "localhost"), ("host", "localhost")], Err("host_invalid"));
        check_one("http://localhost/mcp/acme", &[], Ok(None));
        check_one("http://evil.com/mcp/acme", &[("host", "localhost")], Err("host_denied"));
        check_one("http://localhost/mcp/acme", &[("host", "evil.com")], Err("host_denied"));
    }

    #[test]
    fn an_origin_is_allowed_exactly_or_not() {
        let host = ("host", "localhost:8080");
        for ours in ["https://app.example.com", "https://airlock.example.com", "http://localhost:8080"] {
            check_one("/mcp/acme", &[host, ("origin", ours)], Ok(Some(ours)));
        }
        for foreign in [
            "null",
            "",
            "https://evil.com",
            "http://app.example.com",
            "https://app.example.com:444",
            "https://app.example.com.evil.com",
            "http://localhost:3000",
            "http://localhost",
        ] {
            check_one("/mcp/acme", &[host, ("origin", foreign)], Err("origin_denied"));
        }
        check_one(
            "/mcp/acme",
            &[host, ("origin", "https://app.example.com"), ("origin", "https://app.example.com")],
            Err("origin_denied"),
        );
    }
}

//! Whether a request that changes something comes from a page of ours: cross-site request forgery, refused three ways.
//!
//! `Sec-Fetch-Site` and `Origin`, where a browser sends them, must name us; and the page shows a token that only who can
//! read the cookie's own page knows. The cookie is `SameSite=Lax` besides.

use std::sync::Arc;

use airlock_core::Code;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, ORIGIN};
use subtle::ConstantTimeEq as _;

use super::Problem;

/// Where scripts put the token.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// Where forms put it.
pub const CSRF_FIELD: &str = "csrf";

/// Whether what the browser says of the request's origin is us, or nothing.
///
/// `own`: our origin, as browsers write it.
pub fn from_us(headers: &HeaderMap, own: &str) -> bool {
    let one = |name: &str| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Some(None),
            (Some(value), None) => value.to_str().ok().map(Some),
            (Some(_), Some(_)) => None,
        }
    };
    let site = matches!(one("sec-fetch-site"), Some(None | Some("same-origin" | "none")));
    let origin = match one(ORIGIN.as_str()) {
        Some(None) => true,
        Some(Some(origin)) => origin == own,
        None => false,
    };
    site && origin
}

/// Whether the token is the one, in time that does not depend on how much of it is right.
pub fn shows(expected: &str, shown: Option<&str>) -> bool {
    shown.is_some_and(|shown| expected.as_bytes().ct_eq(shown.as_bytes()).into())
}

/// Lets JSON pass that changes something before sign-in: from our own page, or from no browser. What a foreign page's form
/// can send is no JSON. The state is our own origin.
pub async fn layer(State(own): State<Arc<str>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let json = kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case("application/json"));
    let ours = json && from_us(headers, &own);
    if !request.method().is_safe() && !ours {
        let detail = "only our own page, or a program, asks this, as application/json";
        return Problem::new(Code::CsrfFailed, detail).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        assert_eq!(from_us(&map, "https://cp.example"), expected, "{headers:?}");
    }

    #[test]
    fn only_our_own_pages_and_no_browser_at_all_pass() {
        check(&[], true);
        check(&[("origin", "https://cp.example"), ("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        for site in ["cross-site", "same-site", "SAME-ORIGIN", ""] {
            check(&[("sec-fetch-site", site)], false);
        }
        for origin in [
            "null",
            "http://cp.example",
            "https://cp.example:8443",
            "https://cp.example.evil",
            "https://cp.example/",
        ] {
            check(&[("origin", origin)], false);
        }
        check(&[("origin", "https://cp.example"), ("origin", "https://cp.example")], false);
    }

    #[test]
    fn the_token_is_compared_whole() {
        assert!(shows("abc", Some("abc")));
        assert!(!shows("abc", Some("abcd")));
        assert!(!shows("abc", Some("")));
        assert!(!shows("abc", None));
    }
}

//! Our one cookie in and out. `__Host-`: this host only, over TLS (browsers count loopback as such), no subdomain can set it.

use airlock_core::Secret;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// The session's cookie.
pub const SESSION: &str = "__Host-airlock_session";

/// The cookie's value. Two of the name are none: which one the browser means cannot be told.
pub fn session(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == SESSION).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// The header that sets it, for as long as the session may last at most.
pub fn set(value: &Secret<String>, max_age_s: u64) -> HeaderValue {
    let text =
        format!("{SESSION}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age_s}", value.expose());
    let mut header = HeaderValue::from_str(&text).expect("our own texts are plain ASCII");
    header.set_sensitive(true);
    header
}

/// The header that takes it away.
pub fn clear() -> HeaderValue {
    HeaderValue::from_static("__Host-airlock_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let headers: HeaderMap = lines.iter().map(|l| (COOKIE, l.parse().unwrap())).collect();
        assert_eq!(session(&headers), expected);
    }

    #[test]
    fn one_cookie_of_the_name_counts() {
        check(&["__Host-airlock_session=cs_x"], Some("cs_x"));
        check(&["a=b; __Host-airlock_session=cs_x; c=d"], Some("cs_x"));
        check(&["a=b", "__Host-airlock_session=cs_x"], Some("cs_x"));
        check(&[], None);
        check(&["airlock_session=cs_x"], None);
        check(&["__Host-airlock_session=a; __Host-airlock_session=b"], None);
    }
}

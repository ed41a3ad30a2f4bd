//! Which redirect addresses may be registered, and whether one that is asked for is one of them.
//!
//! Exact text, but for the port of `http` on loopback, which a native client learns only when it listens (RFC 8252, 7.3).

use url::{Host, Url};

const BYTES_MAX: usize = 2_048;

/// What loopback addresses have but their port: host and the rest.
struct Loopback<'a> {
    host: &'a str,
    rest: &'a str,
}

// By the text, not by a URL parser: what parsers repair, browsers and clients may repair in another way.
fn loopback(address: &str) -> Option<Loopback<'_>> {
    let after = address.strip_prefix("http://")?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let host = ["localhost", "127.0.0.1", "[::1]"].into_iter().find(|host| {
        authority.strip_prefix(host).is_some_and(|port| port.is_empty() || port.starts_with(':'))
    })?;
    let port = &authority[host.len()..];
    let port_holds = match port.strip_prefix(':') {
        None => true,
        Some(digits) => {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            plain && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
    };
    port_holds.then_some(Loopback { host, rest })
}

/// Whether the address is `http` on this machine's own loopback.
pub(super) fn is_loopback(address: &str) -> bool {
    loopback(address).is_some()
}

/// Whether `asked` is the registered address.
pub(super) fn matches(registered: &str, asked: &str) -> bool {
    if !is_plain(asked) {
        return false;
    }
    if registered == asked {
        return true;
    }
    match (loopback(registered), loopback(asked)) {
        (Some(registered), Some(asked)) => registered.host == asked.host && registered.rest == asked.rest,
        _ => false,
    }
}

// Visible ASCII without what parsers disagree about.
fn is_plain(address: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\\#*\"<>^`{|}".contains(&b);
    address.len() <= BYTES_MAX && address.bytes().all(plain)
}

/// Whether the address may be registered.
///
/// # Errors
/// With the rule that it breaks.
pub(super) fn registrable(address: &str) -> Result<(), &'static str> {
    if !is_plain(address) {
        return Err(
            "a redirect address is visible ASCII, without a fragment or wildcard, 2048 bytes at most",
        );
    }
    let url = Url::parse(address).map_err(|_| "a redirect address is a URL")?;
    if !url.username().is_empty() || url.password().is_some() || authority(address).contains('@') {
        return Err("a redirect address names no user");
    }
    match url.scheme() {
        "https" if address.starts_with("https://") && !authority(address).is_empty() => Ok(()),
        "http" if is_loopback(address) => Ok(()),
        "http" => Err("http is for localhost, 127.0.0.1 and [::1] only"),
        // RFC 8252, 7.1: a name that its owner can be asked about.
        scheme if scheme.contains('.') && address.starts_with(scheme) => Ok(()),
        _ => Err("a scheme of one's own is a domain name in reverse, such as com.example.app"),
    }
}

fn authority(address: &str) -> &str {
    let after = address.split_once("://").map_or("", |(_, after)| after);
    &after[..after.find(['/', '?']).unwrap_or(after.len())]
}

/// What a person is shown of it: the host, or the scheme where there is none.
pub(super) fn host(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default();
            url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
        }
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}

/// What a page's `form-action` must allow so that its form may lead there; `None` for schemes without an origin.
pub(super) fn origin(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    match (url.scheme(), url.host()) {
        // The policy's grammar (CSP 3, section 2.3.1) has no words for such a host, and browsers drop the source.
        (scheme @ ("http" | "https"), Some(Host::Ipv6(_))) => {
            Some(format!("{scheme}://*:{}", url.port_or_known_default()?))
        }
        ("http" | "https", _) => Some(url.origin().ascii_serialization()),
        (scheme, _) => Some(format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://a.example/cb",
            "https://a.example/cb?x=1",
            "https://a.example:8443/cb",
            "https://localhost/cb",
            "http://localhost/cb",
            "http://localhost:3000/cb",
            "http://127.0.0.1:8/",
            "http://[::1]:8/cb",
            "com.example.app:/oauth",
            "com.example.app://oauth",
        ] {
            assert_eq!(registrable(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "a.example/cb",
            "http://a.example/cb",
            "http://localhost.evil.example/cb",
            "http://localhost@evil.example/cb",
            "http://127.0.0.2/cb",
            "http://127.1/cb",
            "http://2130706433/cb",
            "http://[::2]/cb",
            "http://localhost:0/cb",
            "http://localhost:99999/cb",
            "http://localhost:8a/cb",
            "https://user@a.example/cb",
            "https://user:pass@a.example/cb",
            "https://@a.example/cb",
            "https://a.example/cb#x",
            "https://*.example/cb",
            "https://a.example/*",
            "https://a.example\\@evil.example/",
            "https://a.example/c b",
            "https://a.example/c\nb",
            "https://ä.example/cb",
            "https:a.example/cb",
            "https:///cb",
            "HTTPS://a.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "myapp://cb",
            "ftp://a.example/cb",
            "about:blank",
        ] {
            assert!(registrable(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_form_may_lead_to_where_the_client_is() {
        for (address, source) in [
            ("https://a.example/cb", "https://a.example"),
            ("https://a.example:8443/cb", "https://a.example:8443"),
            ("http://127.0.0.1:8/cb", "http://127.0.0.1:8"),
            ("http://[::1]:8/cb", "http://*:8"),
            ("http://[::1]/cb", "http://*:80"),
            ("com.example.app:/oauth", "com.example.app:"),
        ] {
            assert_eq!(origin(address).as_deref(), Some(source), "{address}");
        }
    }

    #[track_caller]
    fn check(registered: &str, asked: &str, expected: bool) {
        assert_eq!(matches(registered, asked), expected, "{registered} {asked}");
    }

    #[test]
    fn an_address_matches_by_every_byte_but_a_loopback_port() {
        check("https://a.example/cb", "https://a.example/cb", true);
        for other in [
            "https://a.example/cb/",
            "https://a.example/CB",
            "https://A.example/cb",
            "https://a.example:443/cb",
            "https://a.example/cb?x=1",
            "https://a.example/cb/../cb",
            "https://a.example/cb%2f",
            "https://a.example/cb#",
            "http://a.example/cb",
            "https://a.example.evil.example/cb",
            "https://a.example@evil.example/cb",
            "https://evil.example/cb",
            "//a.example/cb",
            "",
        ] {
            check("https://a.example/cb", other, false);
        }
        check("http://localhost/callback", "http://localhost:49152/callback", true);
        check("http://localhost:1/callback", "http://localhost:2/callback", true);
        check("http://localhost:1/callback", "http://localhost/callback", true);
        check("http://127.0.0.1/callback", "http://127.0.0.1:5/callback", true);
        check("http://[::1]/callback", "http://[::1]:5/callback", true);
        for other in [
            "http://127.0.0.1:5/callback",
            "http://localhost:5/callback/",
            "http://localhost:5/other",
            "http://localhost:5/callback?x",
            "http://localhost:5/callback#x",
            "http://localhost:5@evil.example/callback",
            "http://localhost.evil.example:5/callback",
            "http://localhost:70000/callback",
            "http://localhost:0/callback",
            "http://localhost:/callback",
            "http://localhost:+5/callback",
            "https://localhost:5/callback",
            "HTTP://localhost:5/callback",
            "http://LOCALHOST:5/callback",
        ] {
            check("http://localhost/callback", other, false);
        }
        // The rule is for loopback only.
        check("https://localhost:1/cb", "https://localhost:2/cb", false);
        check("https://a.example:1/cb", "https://a.example:2/cb", false);
        check("com.example.app:/cb", "com.example.app:/cb", true);
    }

    #[test]
    fn people_are_shown_where_they_go() {
        assert_eq!(host("https://a.example/cb"), "a.example");
        assert_eq!(host("http://localhost:5/cb"), "localhost:5");
        assert_eq!(host("com.example.app:/cb"), "com.example.app:");
        assert_eq!(host("http://[::1]:5/cb"), "[::1]:5");
    }
}

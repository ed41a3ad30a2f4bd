//! What a control plane's URL may be, for whoever dials it.

use url::{Host, Url};

/// Lets https pass, and http towards loopback, where there is a scheme, a host and a port and nothing else.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check(url: &Url) -> Result<(), &'static str> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => return Err("http is for loopback only; use https"),
        _ => return Err("must begin with https://"),
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_bare && url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err("must be a scheme, a host and a port only")
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only_and_nothing_but_an_origin_passes() {
        for good in [
            "https://cp.example.com",
            "https://cp.example.com:8443/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:9",
        ] {
            assert_eq!(check(&good.parse().unwrap()), Ok(()), "{good}");
        }
        for bad in [
            "http://cp.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://[::ffff:10.0.0.1]",
            "ftp://localhost",
            "http://localhost/path",
            "https://cp.example.com/path",
            "http://localhost/?q",
            "http://localhost/#f",
            "http://user@localhost",
            "https://:password@cp.example.com",
        ] {
            assert!(check(&bad.parse().unwrap()).is_err(), "{bad}");
        }
    }
}

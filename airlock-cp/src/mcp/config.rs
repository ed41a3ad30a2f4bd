//! What the endpoint takes from whom: hosts, origins, sizes, times.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

/// Under which names the endpoint may be asked for. A page of another name that resolves to us (DNS rebinding) is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// These, without port, lower case.
    These(Vec<String>),
    /// Any: reachable from outside, and nobody said under which name. The bearer key is what protects then.
    Any,
}

/// Hosts, origins and bounds of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpConfig {
    /// The authorization server's name: the public URL without a slash at its end.
    pub issuer: String,
    /// Names that `Host` may have.
    pub hosts: Hosts,
    /// Values that `Origin` may have, exactly; a request without one is no browser's and passes.
    pub origins: Vec<String>,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
    /// Time in which a body must have come in.
    pub body_time: Duration,
    /// Time that one request may take from then on. A call may ask for less, never for more.
    pub call_time: Duration,
}

/// The text is no web origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an origin: expected scheme://host or scheme://host:port")]
pub struct BadOrigin;

impl McpConfig {
    /// The configuration for a listener: its own name is always allowed, and pages of its own origin.
    ///
    /// `origins`: further web origins, such as `https://app.example.com`.
    ///
    /// # Errors
    /// When one of `origins` is none.
    pub fn for_listener(
        bind: SocketAddr,
        public_url: Option<&Url>,
        origins: &[String],
    ) -> Result<Self, BadOrigin> {
        let mut hosts = vec![];
        let mut own = vec![];
        if bind.ip().is_loopback() {
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                hosts.push(name.trim_matches(['[', ']']).to_owned());
                own.push(format!("http://{name}:{}", bind.port()));
            }
        }
        if let Some(url) = public_url {
            hosts.extend(url.host_str().map(|host| host.trim_matches(['[', ']']).to_ascii_lowercase()));
            own.push(url.origin().ascii_serialization());
        }
        for origin in origins {
            own.push(normal_origin(origin)?);
        }
        let listener = || format!("http://{bind}");
        Ok(Self {
            issuer: public_url.map_or_else(listener, |url| url.as_str().trim_end_matches('/').to_owned()),
            hosts: if hosts.is_empty() { Hosts::Any } else { Hosts::These(hosts) },
            origins: own,
            body_bytes_max: 1 << 20,
            body_time: Duration::from_secs(30),
            call_time: Duration::from_secs(60),
        })
    }
}

/// An origin as browsers write it.
fn normal_origin(text: &str) -> Result<String, BadOrigin> {
    let url = Url::parse(text).map_err(|_| BadOrigin)?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let origin = url.origin();
    if bare && origin.is_tuple() { Ok(origin.ascii_serialization()) } else { Err(BadOrigin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bind: &str, public: Option<&str>, origins: &[&str]) -> Result<McpConfig, BadOrigin> {
        let origins: Vec<String> = origins.iter().map(|&o| o.to_owned()).collect();
        McpConfig::for_listener(bind.parse().unwrap(), public.map(|u| u.parse().unwrap()).as_ref(), &origins)
    }

    #[test]
    fn a_loopback_listener_answers_to_loopback_names_only() {
        let c = config("127.0.0.1:8080", None, &[]).unwrap();
        assert_eq!(c.hosts, Hosts::These(vec!["localhost".into(), "127.0.0.1".into(), "::1".into()]));
        assert_eq!(c.origins, ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"]);
    }

    #[test]
    fn a_public_listener_answers_to_its_public_name() {
        let c =
            config("0.0.0.0:8443", Some("https://Airlock.example.com/"), &["https://app.example.com:443"])
                .unwrap();
        assert_eq!(c.hosts, Hosts::These(vec!["airlock.example.com".into()]));
        assert_eq!(c.origins, ["https://airlock.example.com", "https://app.example.com"]);
        assert_eq!(config("0.0.0.0:8443", None, &[]).unwrap().hosts, Hosts::Any);
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in
            ["*", "null", "app.example.com", "https://a/b", "https://a?x", "https://u@a", "file:///x", ""]
        {
            assert_eq!(config("127.0.0.1:1", None, &[bad]), Err(BadOrigin), "{bad}");
        }
    }
}

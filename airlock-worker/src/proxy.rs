//! The way to the control plane: straight, or through an HTTP proxy by CONNECT (RFC 9110, section 9.3.6). TLS is end to
//! end either way, so the proxy learns a name and a port.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Secret;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service as _;
use url::Url;

/// Which hosts are reached through which proxy. Cloning shares it.
#[derive(Clone, Default)]
pub struct Proxy(Option<Arc<Matcher>>);

/// A proxy's URL is not `http://[user:password@]host[:port]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http://host:port, with user:password@ before the host if the proxy wants it")]
pub struct BadProxy;

impl Proxy {
    /// Everything that is https goes through `url`, but for the hosts of `except`: names, which stand for their
    /// subdomains as well, addresses and networks, with commas between, as in `NO_PROXY`.
    ///
    /// # Errors
    /// When the URL is no proxy's.
    pub fn new(url: &Secret<String>, except: Option<&str>) -> Result<Self, BadProxy> {
        let parsed: Url = url.expose().parse().map_err(|_| BadProxy)?;
        let is_bare = parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
        if parsed.scheme() != "http" || parsed.host().is_none() || !is_bare {
            return Err(BadProxy);
        }
        let matcher = Matcher::builder().https(url.expose().as_str()).no(except.unwrap_or_default()).build();
        Ok(Self(Some(Arc::new(matcher))))
    }

    /// Opens a connection to where `to` points, its port included.
    pub(crate) async fn connect(&self, to: Uri) -> io::Result<TokioIo<TcpStream>> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let Some(found) = self.0.as_ref().and_then(|matcher| matcher.intercept(&to)) else {
            return connector.call(to).await.map_err(io::Error::other);
        };
        let mut tunnel = Tunnel::new(found.uri().clone(), connector);
        if let Some(auth) = found.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, tunnel.call(to)).await;
        let opened = opened.map_err(|_| io::Error::other("the proxy does not answer in time"))?;
        opened.map_err(|error| io::Error::other(format!("the proxy: {error}")))
    }
}

// A proxy's URL may hold a password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Proxy(..)" } else { "Proxy(none)" })
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for (url, is_taken) in [
            ("http://proxy.internal:3128", true),
            ("http://user:p%40ss@10.0.0.1:8080/", true),
            ("https://proxy.internal", false),
            ("socks5://proxy.internal:1080", false),
            ("http://proxy.internal/path", false),
            ("proxy.internal:3128", false),
        ] {
            assert_eq!(Proxy::new(&Secret::new(url.to_owned()), None).is_ok(), is_taken, "{url}");
        }
    }

    #[test]
    fn its_password_is_not_shown() {
        let proxy = Proxy::new(&Secret::new("http://u:s3cret@h:1".to_owned()), None).unwrap();
        assert_eq!(format!("{proxy:?}"), "Proxy(..)");
    }
}

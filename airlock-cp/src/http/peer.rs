//! The peer's address: the socket's, or what a trusted proxy says of it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;

/// The address of who asks. Taken from axum's `ConnectInfo`, which the server sets for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let seen = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self(seen.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// Networks whose word about an address is believed: `10.0.0.0/8`, `192.0.2.7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    /// Reads addresses and networks with commas between.
    ///
    /// # Errors
    /// With the first part that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| network(part).ok_or_else(|| part.to_owned())).collect::<Result<_, _>>().map(Self)
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|(network, bits)| match (network, ip) {
            (IpAddr::V4(n), IpAddr::V4(ip)) => same(&n.octets(), &ip.octets(), *bits),
            (IpAddr::V6(n), IpAddr::V6(ip)) => same(&n.octets(), &ip.octets(), *bits),
            _ => false,
        })
    }

    /// The address behind the proxies: the last one in `X-Forwarded-For` that is none of theirs. Without a trusted
    /// proxy at the socket the header is anybody's word and is not read.
    pub fn client(&self, socket: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(socket) {
            return socket;
        }
        let told = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
        let hops: Vec<&str> = told.flat_map(|v| v.split(',')).map(str::trim).collect();
        let mut client = socket;
        for hop in hops.iter().rev() {
            let Ok(ip) = hop.parse::<IpAddr>() else { break };
            client = ip;
            if !self.trusts(ip) {
                break;
            }
        }
        client
    }
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let max = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(max);
    (bits <= max).then_some((ip, bits))
}

fn same(a: &[u8], b: &[u8], bits: u8) -> bool {
    let (whole, rest) = (usize::from(bits / 8), bits % 8);
    a[..whole] == b[..whole] && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(socket: &str, forwarded: &str, client: &str) {
        let proxies = TrustedProxies::parse("10.0.0.0/8, 2001:db8::/33").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        assert_eq!(proxies.client(socket.parse().unwrap(), &headers), client.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_about_its_own_peer() {
        check("192.0.2.1", "198.51.100.7", "192.0.2.1");
        check("10.1.2.3", "198.51.100.7", "198.51.100.7");
        check("10.1.2.3", "6.6.6.6, 198.51.100.7, 10.9.9.9", "198.51.100.7");
        check("10.1.2.3", "6.6.6.6, nonsense", "10.1.2.3");
        check("2001:db8::5", "198.51.100.7", "198.51.100.7");
        check("2001:db8:8000::5", "198.51.100.7", "2001:db8:8000::5");
    }

    #[test]
    fn what_is_no_network_is_named() {
        assert_eq!(TrustedProxies::parse("10.0.0.0/8,x"), Err("x".to_owned()));
        assert!(TrustedProxies::parse("10.0.0.0/33").is_err());
    }
}

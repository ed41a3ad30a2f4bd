//! Which addresses may be dialled: those that the whole internet can reach, and those that the operator lists.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890); RFC 4291 for what is global unicast at all.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::Host;

/// Hosts and networks that may be fetched from although they are not public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Allow {
    networks: Vec<IpNet>,
    hosts: BTreeSet<String>,
}

impl Allow {
    /// Reads addresses, networks and host names.
    ///
    /// # Errors
    /// With the first entry that is none of them.
    pub(super) fn parse(entries: &[String]) -> Result<Self, String> {
        let mut allow = Self::default();
        for entry in entries {
            if let Ok(network) = entry.parse::<IpNet>() {
                allow.networks.push(network.trunc());
            } else if let Ok(ip) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
                allow.networks.push(ip.to_canonical().into());
            } else {
                match Host::parse(entry) {
                    // A pattern would look as if it worked.
                    Ok(Host::Domain(name)) if !name.contains('*') => allow.hosts.insert(name),
                    _ => return Err(entry.clone()),
                };
            }
        }
        Ok(allow)
    }

    /// Whether the host itself is listed: then http and other ports are allowed as well.
    pub(super) fn lists(&self, host: &Host<&str>) -> bool {
        match host {
            Host::Domain(name) => self.hosts.contains(*name),
            Host::Ipv4(ip) => self.has(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => self.has(IpAddr::V6(*ip)),
        }
    }

    /// Whether this address may be dialled for a host.
    pub(super) fn may_dial(&self, host: &Host<&str>, ip: IpAddr) -> bool {
        is_public(ip) || self.has(ip) || self.lists(host)
    }

    fn has(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// Whether the address is one that the whole internet can reach.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

const fn v4(a: u8, b: u8, c: u8, bits: u32) -> (u32, u32) {
    (u32::from_be_bytes([a, b, c, 0]), bits)
}

const SPECIAL_V4: &[(u32, u32)] = &[
    v4(0, 0, 0, 8),       // this network
    v4(10, 0, 0, 8),      // private
    v4(100, 64, 0, 10),   // carriers' NAT
    v4(127, 0, 0, 8),     // loopback
    v4(169, 254, 0, 16),  // link-local, and the clouds' metadata
    v4(172, 16, 0, 12),   // private
    v4(192, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 24),    // documentation
    v4(192, 88, 99, 24),  // relays of 6to4
    v4(192, 168, 0, 16),  // private
    v4(198, 18, 0, 15),   // benchmarking
    v4(198, 51, 100, 24), // documentation
    v4(203, 0, 113, 24),  // documentation
    v4(224, 0, 0, 4),     // multicast
    v4(240, 0, 0, 4),     // reserved, and broadcast
];

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let ip = u32::from(ip);
    !SPECIAL_V4.iter().any(|(network, bits)| (ip ^ network) >> (32 - bits) == 0)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    // Reached through a translator (RFC 6052): as public as the address inside.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = ip.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Nothing else outside 2000::/3 is global unicast: loopback, compatible, local, site-local, multicast.
    let global = s[0] & 0xe000 == 0x2000;
    let special = match s[0] {
        // Protocol assignments (Teredo, ORCHID, benchmarking), and documentation.
        0x2001 => s[1] < 0x0200 || s[1] == 0x0db8,
        // 6to4 hides an IPv4 address.
        0x2002 => true,
        // Documentation.
        0x3fff => s[1] < 0x1000,
        _ => false,
    };
    global && !special
}

//! Scopes and resources: what a token is for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use airlock_core::id::{OrgSlug, TenantSlug};

/// One scope. Those we do not know are ignored when asked for (RFC 6749, 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// See the tools and the schema.
    McpRead,
    /// Call tools; implies [`Scope::McpRead`].
    McpCall,
    /// Asks for an ID token.
    OpenId,
    /// The name in it.
    Profile,
    /// The address in it.
    Email,
    /// A refresh token. We give one anyway.
    OfflineAccess,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Scope] =
        &[Self::McpRead, Self::McpCall, Self::OpenId, Self::Profile, Self::Email, Self::OfflineAccess];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::McpRead => "mcp:read",
            Self::McpCall => "mcp:call",
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::OfflineAccess => "offline_access",
        }
    }

    /// What it allows, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::McpRead => "See which tools there are, and the shape of the data",
            Self::McpCall => "Call tools: ask questions about snapshots that you may reach",
            Self::OpenId => "Know who you are",
            Self::Profile => "Know your name",
            Self::Email => "Know your e-mail address",
            Self::OfflineAccess => "Stay connected while you are away",
        }
    }

    /// Whether it opens something at the MCP endpoint.
    pub const fn is_mcp(self) -> bool {
        matches!(self, Self::McpRead | Self::McpCall)
    }
}

/// A set of scopes; written with spaces between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Those that we know among the words of a request.
    pub fn known_in(text: &str) -> Self {
        text.split(' ').filter_map(|word| Scope::ALL.iter().copied().find(|s| s.as_str() == word)).collect()
    }
    /// Whether this one is among them, or one that implies it.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || (scope == Scope::McpRead && self.0.contains(&Scope::McpCall))
    }
    /// Those in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).copied().collect()
    }
    /// Whether all of them are in the other.
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Scopes {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(Self::known_in(text))
    }
}

/// What a token opens. Written as the address that its client uses (RFC 8707); compared by exact text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// An org: all of its tenants, and the approvals gateway. `<issuer>/mcp/org/<slug>`.
    Org(OrgSlug),
    /// One tenant. `<issuer>/mcp/<slug>`.
    Tenant(TenantSlug),
}

impl Resource {
    /// Reads an address that a client names. `None`: not one of ours. `Some(None)`: ours as a whole (`<issuer>` or
    /// `<issuer>/mcp`), which means the org of the person who signs in.
    pub fn read(issuer: &str, text: &str) -> Option<Option<Self>> {
        let path = text.strip_prefix(issuer)?;
        if path.is_empty() || path == "/mcp" {
            return Some(None);
        }
        let path = path.strip_prefix("/mcp/")?;
        match path.strip_prefix("org/") {
            Some(slug) => slug.parse().ok().map(|slug| Some(Self::Org(slug))),
            None => path.parse().ok().map(|slug| Some(Self::Tenant(slug))),
        }
    }
    /// The address.
    pub fn url(&self, issuer: &str) -> String {
        format!("{issuer}{self}")
    }
}

/// The path of the address: how the store has it.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Org(slug) => write!(f, "/mcp/org/{slug}"),
            Self::Tenant(slug) => write!(f, "/mcp/{slug}"),
        }
    }
}

impl FromStr for Resource {
    type Err = ();
    fn from_str(path: &str) -> Result<Self, ()> {
        Self::read("", path).flatten().ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_its_exact_address() {
        let read = |text: &str| Resource::read("https://cp.example", text);
        let tenant = Resource::Tenant("acme".parse().unwrap());
        assert_eq!(read("https://cp.example/mcp/acme"), Some(Some(tenant.clone())));
        assert_eq!(
            read("https://cp.example/mcp/org/acme"),
            Some(Some(Resource::Org("acme".parse().unwrap())))
        );
        assert_eq!(read("https://cp.example"), Some(None));
        assert_eq!(read("https://cp.example/mcp"), Some(None));
        for other in [
            "https://cp.example/",
            "https://cp.example/mcp/",
            "https://cp.example/mcp/acme/",
            "https://cp.example/mcp/Acme",
            "https://cp.example/mcp/org",
            "https://cp.example/mcp/acme/s/u_1",
            "https://cp.example/mcp/acme?x",
            "https://cp.example.evil/mcp/acme",
            "http://cp.example/mcp/acme",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(tenant.to_string().parse(), Ok(tenant));
    }

    #[test]
    fn scopes_are_a_set_of_known_words() {
        let scopes = Scopes::known_in("mcp:call  openid mcp:admin mcp:call");
        assert_eq!(scopes.to_string(), "mcp:call openid");
        assert!(scopes.has(Scope::McpRead));
        assert!(!Scopes::known_in("mcp:read").has(Scope::McpCall));
    }
}

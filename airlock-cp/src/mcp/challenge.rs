//! What a client that is not let in is told in `WWW-Authenticate`: where to read how it gets a token, and for which scopes.
//!
//! Source: RFC 6750, section 3; RFC 9728, section 5.1; MCP authorization. Keys are refused with the same words, so that a
//! client without one finds the authorization server.

use http::HeaderValue;

use super::config::McpConfig;

/// The scopes that the endpoint needs, all of them at once: a client that asks for less comes twice.
const SCOPES: &str = "mcp:read mcp:call";

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// It showed nothing.
    Missing,
    /// It showed something that opens nothing here.
    Invalid,
    /// It showed something that cannot be read as one credential.
    Malformed,
    /// It showed a token for less than this.
    Scope,
}

impl Challenge {
    /// The header's value for the endpoint of this slug; for what can be no slug, the document of the whole deployment.
    pub(super) fn header(self, config: &McpConfig, slug: Option<&str>) -> HeaderValue {
        let path = slug.map(|slug| format!("/mcp/{slug}")).unwrap_or_default();
        let metadata = format!("{}/.well-known/oauth-protected-resource{path}", config.issuer);
        let where_to = format!("resource_metadata=\"{metadata}\", scope=\"{SCOPES}\"");
        let text = match self {
            Self::Missing => format!("Bearer {where_to}"),
            Self::Invalid => format!("Bearer {where_to}, error=\"invalid_token\""),
            Self::Malformed => format!("Bearer {where_to}, error=\"invalid_request\""),
            Self::Scope => format!(
                "Bearer error=\"insufficient_scope\", scope=\"{SCOPES}\", resource_metadata=\"{metadata}\", \
                 error_description=\"the access token was not given for this\""
            ),
        };
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

//! The authorization server: one for MCP clients, the published SDKs, our own, and the browser.
//!
//! OAuth 2.1 as RFC 9700 wants it: codes with PKCE S256 only, exact redirect addresses, `iss` in every answer, refresh
//! tokens that rotate and betray their thief, opaque access tokens bound to account, client and resource.

mod access;
pub(crate) mod families_repo;
mod model;

pub use access::{AccessTokens, VerifiedToken};
pub use model::{Resource, Scope, Scopes};

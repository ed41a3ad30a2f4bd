//! The documents that clients find us by. Made of the configured issuer and the path, never of what a request says of
//! host or scheme. T-104.
//!
//! Sources: RFC 8414, OpenID Connect Discovery 1.0, RFC 9728.

use airlock_core::id::{OrgSlug, TenantSlug};
use serde_json::{Value, json};

use super::client::Grant;
use super::{Scope, Scopes};
use crate::config::OauthConfig;

/// What the authorization server says of itself.
pub(super) fn server(issuer: &str, config: &OauthConfig) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let grants: Vec<_> = Grant::ALL.iter().map(|grant| grant.as_str()).collect();
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "revocation_endpoint": at("/revoke"),
        "device_authorization_endpoint": at("/device_authorization"),
        "jwks_uri": at("/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA", "ES256", "RS256"],
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ["EdDSA", "ES256", "RS256"],
        "scopes_supported": scopes,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "preferred_username", "email", "email_verified"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "client_id_metadata_document_supported": config.metadata_documents,
        "authorization_response_iss_parameter_supported": true,
        "resource_indicators_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "ui_locales_supported": ["en"],
    });
    if config.dynamic {
        document["registration_endpoint"] = json!(at("/register"));
    }
    document
}

/// What a protected resource says of itself: `path` as its client uses it, empty for all of ours. `None` for a path that
/// no resource of ours can have; whether there is one is not told.
pub(super) fn resource(issuer: &str, path: &str) -> Option<Value> {
    if !is_resource(path) {
        return None;
    }
    let scopes = Scopes::known_in("mcp:read mcp:call");
    Some(json!({
        "resource": format!("{issuer}{path}"),
        "authorization_servers": [issuer],
        "scopes_supported": scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
        "resource_name": "Airlock",
    }))
}

fn is_resource(path: &str) -> bool {
    if path.is_empty() || path == "/mcp" {
        return true;
    }
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        ["", "mcp", "org", slug] => slug.parse::<OrgSlug>().is_ok(),
        ["", "mcp", slug] => slug.parse::<TenantSlug>().is_ok(),
        ["", "mcp", slug, "s", view] => {
            let plain = |b: u8| b.is_ascii_graphic() && !b"\"\\<>?#".contains(&b);
            slug.parse::<TenantSlug>().is_ok()
                && !view.is_empty()
                && view.len() <= 1_024
                && view.bytes().all(plain)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_known_by_its_path_alone() {
        for good in ["", "/mcp", "/mcp/acme", "/mcp/acme/s/u_1", "/mcp/acme/s/u%201", "/mcp/org/acme"] {
            let document = resource("https://cp.example", good).unwrap();
            assert_eq!(document["resource"], format!("https://cp.example{good}"));
            assert_eq!(document["authorization_servers"], json!(["https://cp.example"]));
        }
        for bad in [
            "/",
            "/mcp/",
            "/mcp/acme/",
            "/mcp/Acme",
            "/mcp/org",
            "/mcp/org/",
            "/mcp/org/acme/x",
            "/mcp/acme/s/",
            "/mcp/acme/s/a/b",
            "/mcp/acme/t/a",
            "/mcp/../x",
            "/v1",
            "/mcp/acme//s/a",
            "/mcp/acme/s/<x>",
        ] {
            assert!(resource("https://cp.example", bad).is_none(), "{bad}");
        }
    }
}

//! What a client says of itself, checked: on registration (RFC 7591) and in a metadata document.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::client::{AuthMethod, ClientMetadata, Grant};
use super::{Refusal, Word, redirect};

/// What a client says of itself. What we do not know of is ignored (RFC 7591, 2).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    pub(super) client_id: Option<String>,
    pub(super) redirect_uris: Option<Vec<String>>,
    pub(super) client_name: Option<String>,
    pub(super) token_endpoint_auth_method: Option<String>,
    pub(super) grant_types: Option<Vec<String>>,
    pub(super) response_types: Option<Vec<String>>,
    pub(super) scope: Option<String>,
    pub(super) application_type: Option<String>,
    pub(super) client_uri: Option<String>,
    pub(super) software_id: Option<String>,
    pub(super) software_version: Option<String>,
    pub(super) jwks: Option<Value>,
    pub(super) jwks_uri: Option<String>,
}

const REDIRECTS_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 512;
const NAME_CHARS_MAX: usize = 64;
const JWKS_BYTES_MAX: usize = 16 * 1024;

const fn metadata(why: &'static str) -> Refusal {
    Refusal::new(Word::InvalidClientMetadata, why)
}

/// Reads a JSON body.
pub(super) fn said(body: &[u8]) -> Result<Said, Refusal> {
    let bad = metadata("the metadata is a JSON object whose members have the kinds of RFC 7591");
    // serde would take an array for a struct.
    let object = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object).ok_or(bad)?;
    serde_json::from_value(object).map_err(|_| bad)
}

/// Checks what a client says; `methods`: how it may prove which client it is. Its name and what may stand.
pub(super) fn check(said: Said, methods: &[AuthMethod]) -> Result<(String, ClientMetadata), Refusal> {
    let redirect_uris = said.redirect_uris.unwrap_or_default();
    let grant_types = grants(said.grant_types.as_deref())?;
    if redirect_uris.is_empty() && grant_types.contains(&Grant::AuthorizationCode) {
        return Err(Refusal::new(Word::InvalidRedirectUri, "redirect_uris: at least one"));
    }
    if redirect_uris.len() > REDIRECTS_MAX {
        return Err(Refusal::new(Word::InvalidRedirectUri, "redirect_uris: at most 20"));
    }
    for address in &redirect_uris {
        redirect::registrable(address).map_err(|why| Refusal::new(Word::InvalidRedirectUri, why))?;
    }
    if said.response_types.as_ref().is_some_and(|types| types.iter().any(|t| t != "code")) {
        return Err(metadata("response_types: code only"));
    }
    let token_endpoint_auth_method = method(said.token_endpoint_auth_method.as_deref(), methods)?;
    let (jwks, jwks_uri) = keys(said.jwks, said.jwks_uri, token_endpoint_auth_method)?;
    for text in
        [&said.scope, &said.application_type, &said.client_uri, &said.software_id, &said.software_version]
    {
        if text
            .as_ref()
            .is_some_and(|t| t.chars().count() > TEXT_CHARS_MAX || t.chars().any(char::is_control))
        {
            return Err(metadata("a member has at most 512 characters, none of them a control character"));
        }
    }
    if said.application_type.as_ref().is_some_and(|t| t != "native" && t != "web") {
        return Err(metadata("application_type: native or web"));
    }
    if said.client_uri.as_ref().is_some_and(|uri| !is_web(uri)) {
        return Err(metadata("client_uri: an https or http URL"));
    }
    let metadata = ClientMetadata {
        redirect_uris,
        grant_types,
        token_endpoint_auth_method,
        jwks,
        jwks_uri,
        client_uri: said.client_uri,
        application_type: said.application_type,
        software_id: said.software_id,
        software_version: said.software_version,
        scope: said.scope,
        ..ClientMetadata::default()
    };
    Ok((name(said.client_name.as_deref()), metadata))
}

// Those that we do not have are left out, as the RFC lets us; a client that wants none of ours is refused.
fn grants(asked: Option<&[String]>) -> Result<Vec<Grant>, Refusal> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(vec![Grant::AuthorizationCode, Grant::RefreshToken]);
    };
    let known: Vec<_> =
        Grant::ALL.iter().copied().filter(|g| asked.iter().any(|a| a == g.as_str())).collect();
    if known.iter().all(|g| *g == Grant::RefreshToken) {
        return Err(metadata("grant_types: authorization_code, refresh_token or device_code"));
    }
    Ok(known)
}

fn method(asked: Option<&str>, allowed: &[AuthMethod]) -> Result<AuthMethod, Refusal> {
    let word = asked.unwrap_or(if allowed.contains(&AuthMethod::ClientSecretBasic) {
        "client_secret_basic"
    } else {
        "none"
    });
    let method = serde_json::from_value::<AuthMethod>(Value::from(word)).ok();
    method
        .filter(|method| allowed.contains(method))
        .ok_or(metadata("token_endpoint_auth_method: not one that this kind of client may use"))
}

fn keys(
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    method: AuthMethod,
) -> Result<(Option<Value>, Option<String>), Refusal> {
    if jwks.is_some() && jwks_uri.is_some() {
        return Err(metadata("jwks and jwks_uri exclude each other"));
    }
    if method == AuthMethod::PrivateKeyJwt && jwks.is_none() && jwks_uri.is_none() {
        return Err(metadata("private_key_jwt needs jwks or jwks_uri"));
    }
    if jwks_uri.as_ref().is_some_and(|uri| !uri.starts_with("https://") || !is_web(uri)) {
        return Err(metadata("jwks_uri: an https URL"));
    }
    let holds = |jwks: &Value| {
        let keys = jwks.get("keys").and_then(Value::as_array);
        let symmetric_or_private = |key: &Value| key["kty"] == "oct" || key.get("d").is_some();
        jwks.to_string().len() <= JWKS_BYTES_MAX
            && keys.is_some_and(|keys| !keys.is_empty() && !keys.iter().any(symmetric_or_private))
    };
    if jwks.as_ref().is_some_and(|jwks| !holds(jwks)) {
        return Err(metadata("jwks: public keys only, at most 16 KiB"));
    }
    Ok((jwks, jwks_uri))
}

fn is_web(text: &str) -> bool {
    let url = Url::parse(text).ok();
    url.is_some_and(|u| matches!(u.scheme(), "https" | "http") && u.username().is_empty() && u.has_host())
}

/// A name as it may be shown: no invisible characters, 64 at most.
fn name(said: Option<&str>) -> String {
    let clean = airlock_core::audit::Event::clean_name(said.unwrap_or_default());
    let clean: String = clean.trim().chars().take(NAME_CHARS_MAX).collect();
    if clean.is_empty() { "a client without a name".to_owned() } else { clean }
}

/// Whether a client id is the address of a metadata document: https, a host, a path, and nothing that two parsers could
/// read in two ways.
pub(super) fn document_url(client_id: &str) -> Option<Url> {
    let rest = client_id.strip_prefix("https://")?;
    let url = Url::parse(client_id).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let path = rest.split_once('/').is_some_and(|(_, path)| !path.is_empty());
    let as_written = url.as_str() == client_id;
    (client_id.len() <= 1_024 && plain && path && as_written && url.has_host()).then_some(url)
}

/// Checks a client's metadata document, fetched from `client_id`.
pub(super) fn document(client_id: &str, body: &[u8]) -> Result<(String, ClientMetadata), Refusal> {
    let said = said(body)?;
    if said.client_id.as_deref() != Some(client_id) {
        return Err(metadata("client_id in the document is its own address"));
    }
    check(said, &[AuthMethod::None, AuthMethod::PrivateKeyJwt])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALL: &[AuthMethod] = &[
        AuthMethod::None,
        AuthMethod::ClientSecretBasic,
        AuthMethod::ClientSecretPost,
        AuthMethod::PrivateKeyJwt,
    ];

    #[track_caller]
    fn refuse(body: Value, word: Word) {
        let result = said(body.to_string().as_bytes()).and_then(|said| check(said, ALL));
        assert_eq!(result.map(|_| ()).map_err(|r| r.word), Err(word), "{body}");
    }

    #[test]
    fn a_registration_is_refused_as_rfc_7591_says() {
        let ok = "https://a.example/cb";
        refuse(json!({}), Word::InvalidRedirectUri);
        refuse(json!({"redirect_uris": []}), Word::InvalidRedirectUri);
        refuse(json!({"redirect_uris": ["http://a.example/cb"]}), Word::InvalidRedirectUri);
        refuse(json!({"redirect_uris": [ok, "javascript:alert(1)"]}), Word::InvalidRedirectUri);
        refuse(json!({"redirect_uris": vec![ok; 21]}), Word::InvalidRedirectUri);
        refuse(json!({"redirect_uris": ok}), Word::InvalidClientMetadata);
        refuse(json!({"redirect_uris": [1]}), Word::InvalidClientMetadata);
        refuse(json!([1]), Word::InvalidClientMetadata);
        let with = |name: &str, value: Value| json!({"redirect_uris": [ok], name: value});
        refuse(with("grant_types", json!(["password"])), Word::InvalidClientMetadata);
        refuse(with("grant_types", json!(["implicit"])), Word::InvalidClientMetadata);
        refuse(with("grant_types", json!(["refresh_token"])), Word::InvalidClientMetadata);
        refuse(with("grant_types", json!(["client_credentials"])), Word::InvalidClientMetadata);
        refuse(with("response_types", json!(["token"])), Word::InvalidClientMetadata);
        refuse(with("response_types", json!(["code", "id_token"])), Word::InvalidClientMetadata);
        refuse(with("token_endpoint_auth_method", json!("client_secret_jwt")), Word::InvalidClientMetadata);
        refuse(with("token_endpoint_auth_method", json!("tls_client_auth")), Word::InvalidClientMetadata);
        refuse(with("token_endpoint_auth_method", json!("private_key_jwt")), Word::InvalidClientMetadata);
        refuse(with("jwks_uri", json!("http://a.example/jwks")), Word::InvalidClientMetadata);
        refuse(with("jwks", json!({"keys": []})), Word::InvalidClientMetadata);
        refuse(with("jwks", json!({"keys": [{"kty": "oct", "k": "AAAA"}]})), Word::InvalidClientMetadata);
        refuse(with("jwks", json!({"keys": [{"kty": "OKP", "d": "x"}]})), Word::InvalidClientMetadata);
        refuse(with("application_type", json!("desktop")), Word::InvalidClientMetadata);
        refuse(with("client_uri", json!("javascript:alert(1)")), Word::InvalidClientMetadata);
        refuse(with("scope", json!("x".repeat(513))), Word::InvalidClientMetadata);
        refuse(with("software_id", json!("a\u{0}b")), Word::InvalidClientMetadata);
    }

    #[test]
    fn a_plain_registration_passes_with_a_clean_name() {
        let body = json!({
            "redirect_uris": ["http://localhost:1/cb"], "client_name": format!("\u{202e}evil{}", "x".repeat(200)),
            "token_endpoint_auth_method": "none", "unknown": {"a": 1},
            "grant_types": ["authorization_code", "password"]
        });
        let (name, metadata) = check(said(body.to_string().as_bytes()).unwrap(), ALL).unwrap();
        assert!(name.starts_with("evil") && name.chars().count() <= 64, "{name}");
        assert_eq!(metadata.grant_types, [Grant::AuthorizationCode]);
        let bare = json!({"redirect_uris": ["http://localhost:1/cb"]});
        let (_, metadata) = check(said(bare.to_string().as_bytes()).unwrap(), ALL).unwrap();
        assert_eq!(metadata.token_endpoint_auth_method, AuthMethod::ClientSecretBasic, "the RFC's default");
        assert_eq!(metadata.grant_types, [Grant::AuthorizationCode, Grant::RefreshToken]);
    }

    #[test]
    fn a_metadata_documents_address_is_https_with_a_path_as_written() {
        assert!(document_url("https://a.example/client.json").is_some());
        assert!(document_url("https://a.example:8443/c?v=1").is_some());
        for bad in [
            "https://a.example",
            "https://a.example/",
            "http://a.example/c",
            "HTTPS://a.example/c",
            "https://A.example/c",
            "https://a.example:443/c",
            "https://a.example/../c",
            "https://a.example/./c",
            "https://u@a.example/c",
            "https://u:p@a.example/c",
            "https://a.example/c#x",
            "https://a.example\\c",
            "https:///c",
            "https://0x7f.1/c",
            "https://127.1/c",
            "https://a.example/c d",
            "https://ä.example/c",
            "airlock",
            "",
        ] {
            assert!(document_url(bad).is_none(), "{bad}");
        }
        assert!(document_url(&format!("https://a.example/{}", "x".repeat(1_024))).is_none());
    }

    #[test]
    fn a_metadata_document_says_its_own_address_and_has_no_secret() {
        // T-102
        let id = "https://a.example/client.json";
        let good = json!({"client_id": id, "client_name": "A", "redirect_uris": ["https://a.example/cb"]});
        let read = |body: &Value| document(id, body.to_string().as_bytes()).map(|_| ());
        assert_eq!(read(&good), Ok(()));
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            assert!(read(&body).is_err(), "{name}");
        };
        with("client_id", json!("https://a.example/client.json/"));
        with("client_id", json!("https://a.example/Client.json"));
        with("client_id", json!("https://evil.example/client.json"));
        with("client_id", Value::Null);
        with("redirect_uris", json!([]));
        with("redirect_uris", Value::Null);
        with("redirect_uris", json!(["http://evil.example/cb"]));
        with("token_endpoint_auth_method", json!("client_secret_basic"));
        with("token_endpoint_auth_method", json!("client_secret_post"));
        with("token_endpoint_auth_method", json!("private_key_jwt"));
        for body in ["", "[]", "null", "<html>", "{\"client_id\":"] {
            assert!(document(id, body.as_bytes()).is_err(), "{body}");
        }
    }
}

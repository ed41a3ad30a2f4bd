//! The identity provider as the client sees it: where its endpoints are, what it answers. No I/O but through the transport.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::{Host, Secret, Timestamp};
use http::Method;
use serde::Deserialize;
use url::Url;

use crate::error::ClientError;
use crate::private_file::FileError;
use crate::transport::{Request, Response, Transport};

/// What is always asked for.
pub const SCOPE: &str = "openid profile email";
/// How long before its end a token is not used any more.
const EXPIRY_SLACK: Duration = Duration::from_secs(30);
/// Life of a token whose answer names none.
const EXPIRES_IN_DEFAULT_S: u64 = 300;
const FORM: &str = "application/x-www-form-urlencoded";
const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Nobody signed in yet, or the sign-in ended.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The gateway names no identity provider.
    #[error("the gateway names no identity provider")]
    NoIdp,
    /// The identity provider does not offer what this needs.
    #[error("the identity provider has no {0}")]
    NotOffered(&'static str),
    /// The identity provider's endpoint is without TLS although its own address has it.
    #[error("the identity provider's {0} is no safe address")]
    UnsafeEndpoint(&'static str),
    /// The person said no.
    #[error("the person denied access")]
    Denied,
    /// The person did not answer in time.
    #[error("the code expired before anybody used it")]
    CodeExpired,
    /// The identity provider refused.
    #[error("the identity provider refused: {0}")]
    Refused(IdpRefusal),
    /// Its answer is not understood.
    #[error("the identity provider's answer is not of the form expected")]
    Answer,
    /// No port to listen on for the browser.
    #[error("no port on loopback for the browser to come back to: {0}")]
    Listen(std::io::ErrorKind),
    /// The tokens could not be kept.
    #[error("the tokens cannot be kept: {0}")]
    Store(#[from] FileError),
}

/// An error answer of OAuth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdpRefusal {
    /// HTTP status.
    pub status: u16,
    /// OAuth's word, such as `invalid_grant`.
    pub error: String,
    /// More, for people.
    pub description: Option<String>,
}

impl fmt::Display for IdpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.description {
            Some(description) => write!(f, "{} ({description})", self.error),
            None => f.write_str(&self.error),
        }
    }
}

/// Where the endpoints are.
///
/// Source: RFC 8414; OpenID Connect Discovery 1.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Who it says it is.
    pub issuer: Option<String>,
    /// Where codes are exchanged for tokens.
    pub token: Url,
    /// Where devices begin.
    pub device: Option<Url>,
    /// Where browsers begin.
    pub authorization: Option<Url>,
    /// Where tokens are ended.
    pub revocation: Option<Url>,
}

#[derive(Deserialize)]
struct Document {
    issuer: Option<String>,
    token_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

impl Endpoints {
    /// The request for the document of a realm.
    pub fn request(realm: &Url) -> Request {
        let base = realm.as_str().trim_end_matches('/');
        Request::new(Method::GET, format!("{base}/.well-known/openid-configuration")).within(PATIENCE)
    }
    /// Reads the document. An endpoint without TLS is taken only of a realm without TLS.
    ///
    /// # Errors
    /// When it is none, or lacks the token endpoint.
    pub fn read(realm: &Url, response: &Response) -> Result<Self, SignInError> {
        if !response.status.is_success() {
            return Err(SignInError::Refused(refusal(response)));
        }
        let document: Document = serde_json::from_slice(&response.body).map_err(|_| SignInError::Answer)?;
        let endpoint = |what: &'static str, text: Option<String>| {
            let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
            let url: Url = text.parse().map_err(|_| SignInError::Answer)?;
            let safe = url.scheme() == "https" || (url.scheme() == "http" && realm.scheme() == "http");
            if safe { Ok(Some(url)) } else { Err(SignInError::UnsafeEndpoint(what)) }
        };
        Ok(Self {
            issuer: document.issuer,
            token: endpoint("token endpoint", document.token_endpoint)?
                .ok_or(SignInError::NotOffered("token endpoint"))?,
            device: endpoint("device endpoint", document.device_authorization_endpoint)?,
            authorization: endpoint("authorization endpoint", document.authorization_endpoint)?,
            revocation: endpoint("revocation endpoint", document.revocation_endpoint)?,
        })
    }
}

/// Tokens of one sign-in. Not printed.
#[derive(Clone)]
pub struct Tokens {
    /// What is shown to the gateway.
    pub access: Secret<String>,
    /// What new tokens are got with.
    pub refresh: Option<Secret<String>>,
    /// When the access token is not used any more: half a minute before it ends.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

/// Reads the token endpoint's answer.
pub(crate) fn read_tokens(response: &Response, now: Timestamp) -> Result<Tokens, SignInError> {
    if !response.status.is_success() {
        return Err(SignInError::Refused(refusal(response)));
    }
    let answer: TokenAnswer = serde_json::from_slice(&response.body).map_err(|_| SignInError::Answer)?;
    let refresh = answer.refresh_token.filter(|token| !token.is_empty());
    let too_long = |token: &str| token.len() > TOKEN_BYTES_MAX;
    if answer.access_token.is_empty()
        || too_long(&answer.access_token)
        || refresh.as_deref().is_some_and(too_long)
    {
        return Err(SignInError::Answer);
    }
    let lives = Duration::from_secs(answer.expires_in.unwrap_or(EXPIRES_IN_DEFAULT_S));
    Ok(Tokens {
        access: Secret::new(answer.access_token),
        refresh: refresh.map(Secret::new),
        expires_at: now.after(lives).before(EXPIRY_SLACK),
    })
}

/// What an error answer says; it need not be JSON.
pub(crate) fn refusal(response: &Response) -> IdpRefusal {
    #[derive(Default, Deserialize)]
    struct Answer {
        error: Option<String>,
        error_description: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(&response.body).unwrap_or_default();
    let clean = |text: String| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    IdpRefusal {
        status: response.status.as_u16(),
        error: answer.error.map_or_else(|| format!("status {}", response.status.as_u16()), clean),
        description: answer.error_description.map(clean),
    }
}

/// A form for one of the endpoints.
pub(crate) fn form(endpoint: &Url, fields: &[(&str, &str)]) -> Request {
    let body = serde_urlencoded::to_string(fields).expect("pairs of texts are a form");
    Request::new(Method::POST, endpoint.as_str()).within(PATIENCE).with_body(FORM, body)
}

/// An identity provider that was found, and the client that we are there.
#[derive(Clone, Debug)]
pub struct Idp {
    /// Where its endpoints are.
    pub endpoints: Endpoints,
    /// Which client we are; public, so it has no secret.
    pub client_id: String,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) host: Arc<dyn Host>,
}

impl Idp {
    /// Finds the endpoints of a realm.
    ///
    /// # Errors
    /// When there is no answer, or no document.
    pub async fn discover(
        realm: &Url,
        client_id: impl Into<String>,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
    ) -> Result<Self, ClientError> {
        let response = transport.send(&Endpoints::request(realm)).await?;
        let endpoints = Endpoints::read(realm, &response)?;
        Ok(Self { endpoints, client_id: client_id.into(), transport, host })
    }

    pub(crate) async fn exchange(&self, fields: &[(&str, &str)]) -> Result<Tokens, ClientError> {
        let response = self.transport.send(&form(&self.endpoints.token, fields)).await?;
        Ok(read_tokens(&response, self.host.now())?)
    }

    pub(crate) async fn refresh(&self, token: &Secret<String>) -> Result<Tokens, ClientError> {
        let mut tokens = self
            .exchange(&[
                ("grant_type", "refresh_token"),
                ("client_id", &self.client_id),
                ("refresh_token", token.expose()),
            ])
            .await?;
        // A provider that does not rotate names no new one.
        tokens.refresh.get_or_insert_with(|| token.clone());
        Ok(tokens)
    }

    /// Ends a refresh token, and with it what came of it. That it did not work is not told.
    pub(crate) async fn revoke(&self, token: &Secret<String>) {
        let Some(endpoint) = &self.endpoints.revocation else { return };
        let fields = [
            ("client_id", self.client_id.as_str()),
            ("token", token.expose().as_str()),
            ("token_type_hint", "refresh_token"),
        ];
        if let Err(error) = self.transport.send(&form(endpoint, &fields)).await {
            tracing::debug!(%error, "the sign-in was not ended at the identity provider");
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn answer(status: u16, body: &str) -> Response {
        Response::new(StatusCode::from_u16(status).unwrap(), body.to_owned())
    }

    #[test]
    fn an_endpoint_without_tls_is_taken_of_a_realm_without_tls_only() {
        let body =
            answer(200, r#"{"issuer":"i","token_endpoint":"http://idp/token","revocation_endpoint":""}"#);
        let read = |realm: &str| Endpoints::read(&realm.parse().unwrap(), &body);
        assert!(matches!(read("https://idp/realms/a"), Err(SignInError::UnsafeEndpoint("token endpoint"))));
        let endpoints = read("http://127.0.0.1/realms/a").unwrap();
        assert_eq!((endpoints.token.as_str(), &endpoints.revocation), ("http://idp/token", &None));
        let realm = "http://a/".parse().unwrap();
        assert!(matches!(
            Endpoints::read(&realm, &answer(200, "{}")),
            Err(SignInError::NotOffered("token endpoint"))
        ));
        assert!(matches!(Endpoints::read(&realm, &answer(200, "<html>")), Err(SignInError::Answer)));
        assert!(matches!(Endpoints::read(&realm, &answer(404, "")), Err(SignInError::Refused(_))));
        assert_eq!(Endpoints::request(&realm).target, "http://a/.well-known/openid-configuration");
    }

    #[test]
    fn tokens_end_half_a_minute_early_and_are_not_printed() {
        let body = r#"{"access_token":"A1","refresh_token":"R1","token_type":"Bearer","expires_in":100}"#;
        let tokens = read_tokens(&answer(200, body), NOW).unwrap();
        assert_eq!(tokens.expires_at, NOW.after(Duration::from_secs(70)));
        let text = format!("{tokens:?}");
        assert!(!text.contains("A1") && !text.contains("R1"), "{text}");
        for (status, body) in [(200, "{}"), (200, r#"{"access_token":""}"#), (200, "x")] {
            assert!(matches!(read_tokens(&answer(status, body), NOW), Err(SignInError::Answer)), "{body}");
        }
        let refused = read_tokens(&answer(400, r#"{"error":"invalid_grant","error_description":"d"}"#), NOW);
        assert_eq!(refused.unwrap_err().to_string(), "the identity provider refused: invalid_grant (d)");
        let html = read_tokens(&answer(502, "<html>"), NOW).unwrap_err();
        assert_eq!(html.to_string(), "the identity provider refused: status 502");
    }
}

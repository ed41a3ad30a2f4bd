//! Sign-in through a browser: an address to open, and the code that comes back, bound to this program by PKCE.
//!
//! Source: RFC 6749, 4.1; RFC 7636; RFC 8252; RFC 9207.

use std::fmt;
use std::time::Duration;

use airlock_core::crypto::PkceChallenge;
use airlock_core::{Host, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::idp::{Idp, IdpRefusal, SCOPE, SignInError, Tokens};
use super::loopback::Loopback;
use crate::error::ClientError;

/// Time that a person has in the browser.
pub const CALLBACK_TIME_MAX: Duration = Duration::from_secs(300);

/// A sign-in that waits for a browser to come back.
pub struct BrowserGrant {
    /// What to open.
    pub url: Url,
    /// Where the browser is sent afterwards.
    pub redirect_uri: String,
    pub(crate) state: String,
    pub(crate) verifier: Secret<String>,
    issuer: Option<String>,
}

/// What a browser brought back, in the callback's query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirected {
    /// The code, when the person agreed.
    pub code: Option<String>,
    /// What was sent along.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// More, for people.
    pub error_description: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
}

impl Redirected {
    /// Reads a query.
    pub fn parse(query: &str) -> Self {
        let mut out = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let field = match &*key {
                "code" => &mut out.code,
                "state" => &mut out.state,
                "error" => &mut out.error,
                "error_description" => &mut out.error_description,
                "iss" => &mut out.iss,
                _ => continue,
            };
            *field = Some(value.into_owned());
        }
        out
    }
}

impl BrowserGrant {
    /// Makes the address to open. `redirect_uri` is one that the identity provider knows of the client.
    ///
    /// # Errors
    /// When the identity provider has no endpoint for browsers.
    pub fn new(idp: &Idp, redirect_uri: impl Into<String>) -> Result<Self, SignInError> {
        let endpoint = idp.endpoints.authorization.clone();
        let endpoint = endpoint.ok_or(SignInError::NotOffered("authorization endpoint"))?;
        Ok(Self::at(endpoint, &idp.client_id, redirect_uri.into(), idp.endpoints.issuer.clone(), &*idp.host))
    }

    pub(crate) fn at(
        endpoint: Url,
        client_id: &str,
        redirect_uri: String,
        issuer: Option<String>,
        host: &dyn Host,
    ) -> Self {
        let (mut state, mut verifier) = ([0; 16], zeroize::Zeroizing::new([0; 32]));
        host.random(&mut state);
        host.random(verifier.as_mut());
        let state: String = state.iter().map(|byte| format!("{byte:02x}")).collect();
        let verifier = URL_SAFE_NO_PAD.encode(verifier.as_ref());
        let challenge = PkceChallenge::of(&verifier).expect("43 characters of base64url are a verifier");
        let mut url = endpoint;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge.to_text())
            .append_pair("code_challenge_method", "S256");
        Self { url, redirect_uri, state, verifier: Secret::new(verifier), issuer }
    }

    /// Whether this callback belongs to this sign-in.
    pub fn is_ours(&self, redirected: &Redirected) -> bool {
        redirected.state.as_deref() == Some(&self.state)
    }

    /// The code in a callback.
    ///
    /// # Errors
    /// When it is not ours, comes from another issuer, or says no.
    pub fn code(&self, redirected: Redirected) -> Result<Secret<String>, SignInError> {
        let from_another =
            matches!((&redirected.iss, &self.issuer), (Some(said), Some(known)) if said != known);
        if !self.is_ours(&redirected) || from_another {
            return Err(SignInError::Answer);
        }
        match (redirected.code, redirected.error) {
            (_, Some(error)) if error == "access_denied" => Err(SignInError::Denied),
            (_, Some(error)) => {
                let description = redirected.error_description;
                Err(SignInError::Refused(IdpRefusal { status: 400, error, description }))
            }
            (Some(code), None) => Ok(Secret::new(code)),
            (None, None) => Err(SignInError::Answer),
        }
    }

    /// Exchanges the code of a callback for tokens.
    ///
    /// # Errors
    /// As [`code`](Self::code), and when the identity provider refuses.
    pub async fn exchange(&self, idp: &Idp, redirected: Redirected) -> Result<Tokens, ClientError> {
        let code = self.code(redirected)?;
        idp.exchange(&[
            ("grant_type", "authorization_code"),
            ("client_id", &idp.client_id),
            ("code", code.expose()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", self.verifier.expose()),
        ])
        .await
    }

    /// The whole sign-in on this machine: listens on loopback, hands the address to `open`, and waits for the browser.
    /// `port` 0 takes a free one. Dropping the future gives up, and the port with it.
    ///
    /// # Errors
    /// When no port is free, the person says no or takes more than [`CALLBACK_TIME_MAX`], or the identity provider refuses.
    pub async fn run(idp: &Idp, port: u16, open: impl FnOnce(&Url)) -> Result<Tokens, ClientError> {
        let listener = Loopback::bind(port).await?;
        let grant = Self::new(idp, listener.redirect_uri())?;
        open(&grant.url);
        let redirected = tokio::time::timeout(CALLBACK_TIME_MAX, listener.receive(|r| grant.is_ours(r)));
        let redirected = redirected.await.map_err(|_| SignInError::CodeExpired)?;
        grant.exchange(idp, redirected).await
    }
}

impl fmt::Debug for BrowserGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserGrant").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::test_util::FixedHost;

    use super::*;

    fn grant() -> BrowserGrant {
        let endpoint = "https://idp/authorize".parse().unwrap();
        let (redirect, issuer) = ("http://localhost:7/callback".to_owned(), Some("https://idp".to_owned()));
        BrowserGrant::at(endpoint, "airlock-integrations", redirect, issuer, &FixedHost::new())
    }

    #[test]
    fn the_address_has_what_the_specification_lists_in_its_order() {
        let grant = grant();
        let keys: Vec<String> = grant.url.query_pairs().map(|(key, _)| key.into_owned()).collect();
        let wanted = "response_type client_id redirect_uri scope state code_challenge code_challenge_method";
        assert_eq!(keys.join(" "), wanted);
        assert_eq!((grant.state.len(), grant.verifier.expose().len()), (32, 43));
        assert!(!format!("{grant:?}").contains(grant.verifier.expose()));
    }

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let grant = grant();
        let redirected = Redirected::parse(&query.replace("STATE", &grant.state));
        let said =
            grant.code(redirected).map_or_else(|error| error.to_string(), |code| code.expose().clone());
        assert_eq!(said, expected, "{query}");
    }

    #[test]
    fn a_code_is_taken_with_its_state_and_of_its_issuer_only() {
        let strange = "the identity provider's answer is not of the form expected";
        check("code=C%2B1&state=STATE", "C+1");
        check("code=C&state=STATE&iss=https%3A%2F%2Fidp", "C");
        check("code=C&state=STATE&iss=https%3A%2F%2Fevil", strange);
        check("code=C&state=other", strange);
        check("code=C", strange);
        check("state=STATE", strange);
        check("error=access_denied&state=STATE", "the person denied access");
        check(
            "error=server_error&error_description=d&state=STATE",
            "the identity provider refused: server_error (d)",
        );
        check("error=access_denied&state=other", strange);
    }
}

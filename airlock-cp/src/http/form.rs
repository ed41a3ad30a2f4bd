//! Forms of our pages: urlencoded bodies that prove that they come from a page of ours.
//!
//! Signed in, the token is the session's. Before sign-in a cookie of its own seeds it, so that nobody can be signed in to
//! another's account by a foreign page.

use airlock_core::{Code, Host, Secret};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::{CONTENT_TYPE, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::body::read;
use super::{Principal, Problem, own_page};
use crate::identity::Logins;
use crate::secrets::Prefix;

/// The cookie that seeds tokens before sign-in.
pub const SEED: &str = "__Host-airlock_form";

/// Our own origin, as browsers write it; a layer of the pages puts it into every request.
#[derive(Clone, Debug)]
pub struct OwnOrigin(pub std::sync::Arc<str>);

/// The fields of a form of ours.
#[derive(Debug)]
pub struct Form<T>(pub T);

/// The token that a page's forms carry, and the cookie to set with the page when it seeds a new one.
#[derive(Debug)]
pub struct FormToken {
    /// The hidden field's value.
    pub token: String,
    /// A cookie to set.
    pub cookie: Option<HeaderValue>,
}

impl FormToken {
    /// For the page that answers this request.
    pub fn of(parts: &Parts, host: &dyn Host) -> Self {
        if let Some(token) = parts.extensions.get::<Principal>().and_then(Principal::csrf) {
            return Self { token: token.to_owned(), cookie: None };
        }
        if let Some(seed) = seed(&parts.headers) {
            return Self { token: Logins::csrf_token(seed), cookie: None };
        }
        let seed = Prefix::Login.mint(host);
        Self { token: Logins::csrf_token(seed.expose()), cookie: Some(set(&seed)) }
    }
}

fn set(seed: &Secret<String>) -> HeaderValue {
    let text = format!("{SEED}={}; Path=/; Secure; HttpOnly; SameSite=Lax", seed.expose());
    let mut header = HeaderValue::from_str(&text).expect("our own texts are plain ASCII");
    header.set_sensitive(true);
    header
}

fn seed(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == SEED).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Prefix::Login.digest_of(value).map(|_| value),
        _ => None,
    }
}

#[derive(serde::Deserialize)]
struct Token {
    csrf: Option<String>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            return Err(Problem::new(Code::CsrfFailed, "not a form of ours"));
        }
        let expected = match Principal::from_request_parts(&mut parts, state).await {
            Ok(principal) => principal.csrf().map(str::to_owned),
            Err(_) => seed(&parts.headers).map(Logins::csrf_token),
        };
        let ours =
            parts.extensions.get::<OwnOrigin>().is_some_and(|o| own_page::from_us(&parts.headers, &o.0));
        let bytes = read(Request::from_parts(parts, body)).await?;
        let shown = serde_urlencoded::from_bytes::<Token>(&bytes).ok().and_then(|t| t.csrf);
        if !ours || !expected.is_some_and(|expected| own_page::shows(&expected, shown.as_deref())) {
            return Err(Problem::new(
                Code::CsrfFailed,
                "this form is too old or not ours; load the page again",
            ));
        }
        let invalid =
            |_| Problem::new(Code::InvalidArguments, "a field of the form is missing or not of its kind");
        serde_urlencoded::from_bytes(&bytes).map(Self).map_err(invalid)
    }
}

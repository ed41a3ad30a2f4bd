//! An authorization request, read and checked: a plain function over its parameters and the client that they name.
//!
//! Until client and redirect address are known to belong together nothing is sent to that address; from then on every
//! refusal goes there, with `state` as it came and `iss` (RFC 9207).

use airlock_core::crypto::PkceChallenge;

use super::client::{Client, Grant};
use super::params::{Params, extend};
use super::{Refusal, Resource, Scopes, Word};

/// An address to send the browser to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTo(String);

impl RedirectTo {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RedirectTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a request is shown on a page of ours and sent nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// No such client, or it is blocked.
    #[error("this client is not known here; its id may be wrong, or it was removed or blocked")]
    UnknownClient,
    /// The address that people would be sent to is not one that the client registered.
    #[error("the redirect address is not one that this client registered")]
    UnknownRedirect,
    /// What names client or address is missing or there twice.
    #[error("the request does not say plainly which client it is from")]
    Unreadable,
}

/// What may be asked with `prompt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// No page may be shown.
    pub(super) none: bool,
    /// Sign in again.
    pub(super) login: bool,
    /// Ask again.
    pub(super) consent: bool,
}

/// A request that may be put before a person.
#[derive(Clone, Debug)]
pub(super) struct AuthRequest {
    pub(super) client: Client,
    pub(super) redirect_uri: String,
    /// Whether the request named it, so that `/token` must as well.
    pub(super) redirect_given: bool,
    pub(super) state: Option<String>,
    pub(super) challenge: String,
    /// Each once; `None` is ours as a whole.
    pub(super) resources: Vec<Option<Resource>>,
    /// `None`: it did not say.
    pub(super) scopes: Option<Scopes>,
    pub(super) nonce: Option<String>,
    pub(super) prompt: Prompt,
    pub(super) max_age_s: Option<u64>,
    pub(super) login_hint: Option<String>,
}

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Page(PageError),
    Redirect(RedirectTo),
}

const RESOURCES_MAX: usize = 10;
const KEPT_BYTES_MAX: usize = 2_048;

/// The id of the client that a request names.
pub(super) fn client_id(params: &Params) -> Result<&str, PageError> {
    params.one("client_id").ok().flatten().ok_or(PageError::Unreadable)
}

/// Reads a request of this client.
pub(super) fn read(issuer: &str, params: &Params, client: Option<Client>) -> Result<AuthRequest, Stop> {
    let client = client.ok_or(Stop::Page(PageError::UnknownClient))?;
    let asked = params.one("redirect_uri").map_err(|_| Stop::Page(PageError::Unreadable))?;
    // An empty one is not none: it names an address that nobody registered.
    let is_there = params.pairs().iter().any(|(name, _)| name == "redirect_uri");
    let unknown = Stop::Page(PageError::UnknownRedirect);
    if is_there && asked.is_none() {
        return Err(unknown);
    }
    let redirect_uri = client.redirect(asked).ok_or(unknown)?;
    let redirect_given = asked.is_some();
    // Which of two states to give back cannot be told, so none is.
    let state = params.one("state").ok().flatten().map(str::to_owned);
    let back = Back { issuer, redirect_uri: &redirect_uri, state: state.as_deref() };
    let details =
        details(issuer, params, &client).map_err(|refusal| Stop::Redirect(back.refuse(&refusal)))?;
    Ok(AuthRequest { client, redirect_uri, redirect_given, state, ..details })
}

// All but who is asked for and where to: their places hold nothing yet.
fn details(issuer: &str, params: &Params, client: &Client) -> Result<AuthRequest, Refusal> {
    params.each_once()?;
    match params.one("response_type")? {
        Some("code") => {}
        Some(_) => return Err(Refusal::new(Word::UnsupportedResponseType, "response_type: code")),
        None => return Err(Refusal::request("response_type is missing: code")),
    }
    if params.one("request")?.is_some() {
        return Err(Refusal::new(Word::RequestNotSupported, "request objects are not taken"));
    }
    if params.one("request_uri")?.is_some() {
        return Err(Refusal::new(Word::RequestUriNotSupported, "request objects are not taken"));
    }
    if !matches!(params.one("response_mode")?, None | Some("query")) {
        return Err(Refusal::request("response_mode: query"));
    }
    if !client.allows(Grant::AuthorizationCode) {
        return Err(Refusal::new(Word::UnauthorizedClient, "this client may not use codes"));
    }
    match params.one("code_challenge_method")? {
        Some("S256") => {}
        _ => return Err(Refusal::request("code_challenge_method: S256")),
    }
    let challenge = params.need("code_challenge", "code_challenge is missing: PKCE is needed")?;
    let challenge = PkceChallenge::parse(challenge)
        .ok_or(Refusal::request("code_challenge: SHA-256 in base64url, 43 characters"))?;
    for kept in ["state", "nonce", "login_hint"] {
        if params.one(kept)?.is_some_and(|value| value.len() > KEPT_BYTES_MAX) {
            return Err(Refusal::request("state, nonce and login_hint have at most 2048 bytes"));
        }
    }
    let max_age_s = match params.one("max_age")? {
        None => None,
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            Some(text.parse().map_err(|_| Refusal::request("max_age: seconds"))?)
        }
        Some(_) => return Err(Refusal::request("max_age: seconds")),
    };
    Ok(AuthRequest {
        client: client.clone(),
        redirect_uri: String::new(),
        redirect_given: false,
        state: None,
        challenge: challenge.to_text(),
        resources: resources(issuer, params)?,
        scopes: scopes(params)?,
        nonce: params.one("nonce")?.map(str::to_owned),
        prompt: prompt(params)?,
        max_age_s,
        login_hint: params.one("login_hint")?.map(str::to_owned),
    })
}

/// The scopes that a request asks for; `None` if it does not say.
pub(super) fn scopes(params: &Params) -> Result<Option<Scopes>, Refusal> {
    let Some(text) = params.one("scope")? else { return Ok(None) };
    let legal = |b: u8| b == b' ' || b == 0x21 || (0x23..=0x5b).contains(&b) || (0x5d..=0x7e).contains(&b);
    let known = Scopes::known_in(text);
    if !text.bytes().all(legal) || known.is_empty() {
        return Err(Refusal::new(Word::InvalidScope, "none of these scopes is known here"));
    }
    Ok(Some(known))
}

/// The resources that a request names, each once.
pub(super) fn resources(issuer: &str, params: &Params) -> Result<Vec<Option<Resource>>, Refusal> {
    let named = params.all("resource");
    if named.len() > RESOURCES_MAX {
        return Err(Refusal::new(Word::InvalidTarget, "too many resources"));
    }
    let mut out = Vec::new();
    for text in named {
        let resource = resource(issuer, text).ok_or(Refusal::new(
            Word::InvalidTarget,
            "the resource is not one of this server, by exact address",
        ))?;
        if !out.contains(&resource) {
            out.push(resource);
        }
    }
    Ok(out)
}

// One snapshot of a tenant is a narrower view of the tenant's own resource: the token is the tenant's.
fn resource(issuer: &str, text: &str) -> Option<Option<Resource>> {
    let plain = |view: &str| !view.is_empty() && !view.contains(['/', '?', '#']);
    match text.rsplit_once("/s/") {
        Some((tenant, view)) if plain(view) => {
            Resource::read(issuer, tenant).filter(|r| matches!(r, Some(Resource::Tenant(_))))
        }
        _ => Resource::read(issuer, text),
    }
}

fn prompt(params: &Params) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    let text = params.one("prompt")?.unwrap_or_default();
    let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    for word in &words {
        match *word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            // A person chooses the account by signing in; there is one at a time.
            "select_account" => {}
            _ => return Err(Refusal::request("prompt: none, login, consent or select_account")),
        }
    }
    if prompt.none && words.len() > 1 {
        return Err(Refusal::request("prompt: none stands alone"));
    }
    Ok(prompt)
}

/// The way back to a client.
pub(super) struct Back<'a> {
    pub(super) issuer: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) state: Option<&'a str>,
}

impl Back<'_> {
    pub(super) fn refuse(&self, refusal: &Refusal) -> RedirectTo {
        self.with(&[("error", refusal.word.as_str()), ("error_description", refusal.why)])
    }
    pub(super) fn code(&self, code: &str) -> RedirectTo {
        self.with(&[("code", code)])
    }
    fn with(&self, pairs: &[(&str, &str)]) -> RedirectTo {
        let mut pairs = pairs.to_vec();
        pairs.extend(self.state.map(|state| ("state", state)));
        pairs.push(("iss", self.issuer));
        RedirectTo(extend(self.redirect_uri, &pairs))
    }
}

impl AuthRequest {
    pub(super) fn back<'a>(&'a self, issuer: &'a str) -> Back<'a> {
        Back { issuer, redirect_uri: &self.redirect_uri, state: self.state.as_deref() }
    }
}

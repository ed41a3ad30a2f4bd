//! How a client shows which one it is at `/token`, `/revoke` and `/device_authorization`.
//!
//! Sources: RFC 6749, 2.3; RFC 7523, 2.2 and 3.

use airlock_core::Timestamp;
use airlock_core::crypto::sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use super::assertions::Assertions;
use super::base::Base;
use super::client::{AuthMethod, Client};
use super::params::{Params, decode};
use super::{Clients, OauthError, Refusal, assertions};
use crate::secrets::digest;

/// What was shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// Only a name.
    Name(String),
    /// A secret in the header, or in the form.
    Secret { id: String, secret: String, basic: bool },
    /// A signed assertion.
    Assertion { id: String, jwt: String },
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const UNKNOWN: &str = "no such client, or not the right credential";

/// Reads what was shown: one way, not two.
pub(super) fn shown(headers: &HeaderMap, params: &Params) -> Result<Shown, Refusal> {
    let two = Refusal::request("a client shows which one it is in one way");
    let basic = basic(headers)?;
    let (name, secret) = (params.one("client_id")?, params.one("client_secret")?);
    let kind = params.one("client_assertion_type")?;
    let assertion = params.one("client_assertion")?;
    if usize::from(basic.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some()) > 1 {
        return Err(two);
    }
    if let Some((id, secret)) = basic {
        if name.is_some_and(|name| name != id) {
            return Err(Refusal { basic: true, ..two });
        }
        return Ok(Shown::Secret { id, secret, basic: true });
    }
    if let Some(jwt) = assertion {
        if kind != Some(ASSERTION_TYPE) {
            return Err(Refusal::request("client_assertion_type: jwt-bearer"));
        }
        let id = assertions::subject(jwt).ok_or(Refusal::client(UNKNOWN))?;
        if name.is_some_and(|name| name != id) {
            return Err(Refusal::client(UNKNOWN));
        }
        return Ok(Shown::Assertion { id, jwt: jwt.to_owned() });
    }
    if kind.is_some() {
        return Err(Refusal::request("client_assertion is missing"));
    }
    let name = name.ok_or(Refusal::client("client_id is missing"))?.to_owned();
    Ok(match secret {
        Some(secret) => Shown::Secret { id: name, secret: secret.to_owned(), basic: false },
        None => Shown::Name(name),
    })
}

// Both halves are form encoded inside (RFC 6749, 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let value = match (all.next(), all.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(Refusal::request("one Authorization header, not two")),
    };
    let bad = Refusal { basic: true, ..Refusal::client(UNKNOWN) };
    let (scheme, encoded) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or(bad)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(bad);
    }
    let plain = STANDARD.decode(encoded.trim()).map_err(|_| bad)?;
    let mut halves = plain.splitn(2, |b| *b == b':');
    let both = (halves.next().and_then(decode), halves.next().and_then(decode));
    match both {
        (Some(id), Some(secret)) if !id.is_empty() => Ok(Some((id, secret))),
        _ => Err(bad),
    }
}

/// Whether a secret is this client's.
fn secret_holds(client: &Client, secret: &str, now: Timestamp) -> bool {
    let Some(hash) = &client.hash else { return false };
    let in_time = client.hash_ends_at.is_none_or(|ends| now < ends);
    let equal: bool = hash.as_slice().ct_eq(&digest(secret)).into();
    in_time && equal
}

/// Tells which client asks. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct ClientAuth {
    base: Base,
    clients: Clients,
    assertions: Assertions,
}

impl ClientAuth {
    pub(super) fn new(base: Base, clients: Clients, assertions: Assertions) -> Self {
        Self { base, clients, assertions }
    }

    /// The client that asks, with what it registered to show shown.
    pub(super) async fn client(&self, headers: &HeaderMap, params: &Params) -> Result<Client, OauthError> {
        let shown = shown(headers, params)?;
        let (id, basic) = match &shown {
            Shown::Name(id) | Shown::Assertion { id, .. } => (id, false),
            Shown::Secret { id, basic, .. } => (id, *basic),
        };
        let refused = Refusal { basic, ..Refusal::client(UNKNOWN) };
        let client = self.clients.find(id).await?.ok_or(refused)?;
        let method = client.metadata.token_endpoint_auth_method;
        let holds = match &shown {
            Shown::Name(_) => method == AuthMethod::None,
            Shown::Secret { secret, .. } => {
                method.is_secret() && secret_holds(&client, secret, self.base.now())
            }
            Shown::Assertion { jwt, .. } => {
                method == AuthMethod::PrivateKeyJwt && self.assertions.hold(&client, jwt).await?
            }
        };
        if holds { Ok(client) } else { Err(refused.into()) }
    }
}

/// Names an assertion for ever: its client and its own id.
pub(super) fn assertion_name(client_id: &str, jti: &str) -> [u8; 32] {
    sha256(&[b"airlock/assertion/v1/", &sha256(&[client_id.as_bytes()]), jti.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::super::Word;
    use super::*;

    #[track_caller]
    fn check(header: Option<&str>, form: &str, expected: Result<(&str, bool), Word>) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        let params = Params::read(form.as_bytes()).unwrap();
        let found = shown(&headers, &params).map(|shown| match shown {
            Shown::Name(id) => (id, false),
            Shown::Secret { id, .. } | Shown::Assertion { id, .. } => (id, true),
        });
        let expected = expected.map(|(id, proof)| (id.to_owned(), proof));
        assert_eq!(found.map_err(|r| r.word), expected, "{header:?} {form}");
    }

    #[test]
    fn a_client_shows_itself_in_one_way() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        check(None, "client_id=a", Ok(("a", false)));
        check(None, "client_id=a&client_secret=s", Ok(("a", true)));
        check(Some(&basic("a:s")), "", Ok(("a", true)));
        check(Some(&basic("a:s")), "client_id=a", Ok(("a", true)));
        check(Some(&basic("a%3Ab:s%20")), "client_id=a%3Ab", Ok(("a:b", true)));
        check(None, "", Err(Word::InvalidClient));
        check(None, "client_id=", Err(Word::InvalidClient));
        check(None, "client_secret=s", Err(Word::InvalidClient));
        check(None, "client_id=a&client_id=a", Err(Word::InvalidRequest));
        check(Some(&basic("a:s")), "client_id=b", Err(Word::InvalidRequest));
        check(Some(&basic("a:s")), "client_secret=s", Err(Word::InvalidRequest));
        check(Some(&basic("a:s")), "client_assertion=x&client_assertion_type=y", Err(Word::InvalidRequest));
        check(None, "client_id=a&client_secret=s&client_assertion=x", Err(Word::InvalidRequest));
        check(None, "client_id=a&client_assertion=x", Err(Word::InvalidRequest));
        check(
            None,
            &format!("client_id=a&client_assertion_type={ASSERTION_TYPE}"),
            Err(Word::InvalidRequest),
        );
        for bad in ["Bearer x", "Basic", "Basic !!!", "Basic YTpi extra", "Digest a"] {
            check(Some(bad), "client_id=a", Err(Word::InvalidClient));
        }
        check(Some(&basic("a")), "", Err(Word::InvalidClient));
        check(Some(&basic(":s")), "", Err(Word::InvalidClient));
        check(Some(&basic("%zz:s")), "", Err(Word::InvalidClient));
    }
}

//! Makes tokens: a family at first, then an access token and a refresh token, with only their digests kept.

use std::time::Duration;

use airlock_core::crypto::{hmac_sha256, sha256};
use airlock_core::{Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::base::Base;
use super::client::{Client, Grant, TokenFormat};
use super::signing::{self, Kind};
use super::tokens_repo::{self as repo, FamilyRow, Person};
use super::{Resource, Scope, Scopes};
use crate::secrets::{Prefix, digest};
use crate::store::{StoreError, Tx};

/// How long an access token holds.
pub const ACCESS_FOR: Duration = Duration::from_secs(8 * 3_600);
const ID_TOKEN_FOR: Duration = Duration::from_secs(3_600);

/// Tokens, in the only answer that shows them.
#[derive(Debug)]
pub struct TokenAnswer {
    /// Opens the resource.
    pub access_token: Secret<String>,
    /// For the next ones, if the client may have any.
    pub refresh_token: Option<Secret<String>>,
    /// Until when, seconds from now.
    pub expires_in: u64,
    /// How far.
    pub scope: String,
    /// Who signed in, for a client that asked.
    pub id_token: Option<Secret<String>>,
}

impl TokenAnswer {
    /// The body (RFC 6749, 5.1).
    pub fn body(&self) -> Value {
        let mut body = json!({
            "access_token": self.access_token.expose(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        });
        if let Some(refresh) = &self.refresh_token {
            body["refresh_token"] = json!(refresh.expose());
        }
        if let Some(id) = &self.id_token {
            body["id_token"] = json!(id.expose());
        }
        body
    }
}

/// What successors of a refresh token are made of: whoever has the store alone cannot, for lack of the old text, and
/// whoever has the old text alone cannot, for lack of the secret.
pub(super) struct Successors {
    pub(super) refresh: Secret<String>,
    pub(super) access_seed: [u8; 32],
}

impl Successors {
    pub(super) fn of(base: &Base, old: &str) -> Self {
        let derive = |what: &[u8]| hmac_sha256(base.token_secret.expose(), &[what, old.as_bytes()]);
        Self { refresh: Prefix::Refresh.text(&derive(b"refresh")), access_seed: derive(b"access") }
    }
}

/// For whom and how far an access token is made.
pub(super) struct Reach<'a> {
    pub(super) client: &'a Client,
    pub(super) family: &'a FamilyRow,
    pub(super) person: &'a Person,
    pub(super) resource: Resource,
    pub(super) scopes: Scopes,
}

impl Reach<'_> {
    /// The access token of this seed, made at `at`, and when it ends: never after its family.
    pub(super) fn access(&self, base: &Base, seed: &[u8; 32], at: Timestamp) -> (Secret<String>, Timestamp) {
        let ends_at = at.after(ACCESS_FOR).min(self.family.ends_at);
        let text = match self.client.metadata.token_format {
            TokenFormat::Opaque => Prefix::Access.text(seed),
            TokenFormat::Jwt => {
                Secret::new(signing::sign(&base.key, Kind::Access, &self.claims(base, seed, at, ends_at)))
            }
        };
        (text, ends_at)
    }

    fn claims(&self, base: &Base, seed: &[u8; 32], at: Timestamp, ends_at: Timestamp) -> Value {
        json!({
            "iss": &*base.issuer,
            "sub": self.family.user,
            "aud": self.resource.url(&base.issuer),
            "exp": seconds(ends_at),
            "iat": seconds(at),
            "jti": URL_SAFE_NO_PAD.encode(sha256(&[b"airlock/jti/v1/", seed])),
            "client_id": self.client.client_id,
            "scope": self.scopes.to_string(),
            "preferred_username": self.person.email,
            "email": self.person.email,
        })
    }

    /// Keeps the digest of the access token of this seed; the token.
    pub(super) async fn keep_access(
        &self,
        base: &Base,
        tx: &mut Tx,
        seed: &[u8; 32],
        at: Timestamp,
    ) -> Result<(Secret<String>, Timestamp), StoreError> {
        let (text, ends_at) = self.access(base, seed, at);
        let reach = (&self.resource, &self.scopes);
        repo::insert_access(tx, &digest(text.expose()), &self.family.id, reach, (at, ends_at)).await?;
        Ok((text, ends_at))
    }

    /// The first tokens of a family that is new.
    pub(super) async fn first(
        &self,
        base: &Base,
        tx: &mut Tx,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<TokenAnswer, StoreError> {
        repo::insert_family(tx, self.family, now).await?;
        let mut seed = [0; 32];
        base.host.random(&mut seed);
        let (access, ends_at) = self.keep_access(base, tx, &seed, now).await?;
        let refresh = if self.client.allows(Grant::RefreshToken) {
            let text = Prefix::Refresh.mint(&*base.host);
            repo::insert_refresh(tx, &digest(text.expose()), &self.family.id, now).await?;
            Some(text)
        } else {
            None
        };
        super::clients_repo::used(tx, &self.client.client_id, now).await?;
        let id_token =
            self.scopes.has(Scope::OpenId).then(|| self.id_token(base, access.expose(), nonce, now));
        Ok(self.answer(access, refresh, ends_at.since(now), id_token))
    }

    pub(super) fn answer(
        &self,
        access_token: Secret<String>,
        refresh_token: Option<Secret<String>>,
        left: Duration,
        id_token: Option<Secret<String>>,
    ) -> TokenAnswer {
        let scope = self.scopes.to_string();
        TokenAnswer { access_token, refresh_token, expires_in: left.as_secs(), scope, id_token }
    }

    fn id_token(&self, base: &Base, access: &str, nonce: Option<&str>, now: Timestamp) -> Secret<String> {
        let mut claims = json!({
            "iss": &*base.issuer,
            "sub": self.family.user,
            "aud": self.client.client_id,
            "exp": seconds(now.after(ID_TOKEN_FOR)),
            "iat": seconds(now),
            "auth_time": seconds(self.family.auth_at),
            "at_hash": signing::access_token_hash(access),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        if self.scopes.has(Scope::Profile) {
            claims["name"] = json!(self.person.name);
            claims["preferred_username"] = json!(self.person.email);
        }
        if self.scopes.has(Scope::Email) {
            claims["email"] = json!(self.person.email);
            claims["email_verified"] = json!(self.person.email_verified);
        }
        Secret::new(signing::sign(&base.key, Kind::Id, &claims))
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1_000)
}

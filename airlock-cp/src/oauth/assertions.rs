//! Signed assertions of clients (`private_key_jwt`): the key, the time, the audience, and each only once.
//!
//! Source: RFC 7523, 3. `none` and shared keys are no algorithms here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parking_lot::Mutex;
use serde_json::Value;
use url::Url;

use super::base::Base;
use super::client::Client;
use super::client_auth::assertion_name;
use super::clients::FETCH_TIME_MAX;
use crate::fetch::Fetch;
use crate::store::{Sql, StoreError};

/// How far in the future an assertion may end.
const LIFE_MAX: Duration = Duration::from_secs(300);
/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(60);
const JWT_BYTES_MAX: usize = 8 * 1024;
const KEYS_BYTES_MAX: usize = 64 * 1024;
const KEYS_FOR: Duration = Duration::from_secs(300);
const SETS_MAX: usize = 1_000;
const RSA_BITS_MIN: usize = 2_048;

/// Keys by address, until when.
type Sets = HashMap<String, (Arc<JwkSet>, Duration)>;

/// Checks assertions. Cloning shares its memory of keys.
#[derive(Clone, Debug)]
pub(super) struct Assertions {
    base: Base,
    fetch: Fetch,
    sets: Arc<Mutex<Sets>>,
}

impl Assertions {
    pub(super) fn new(base: Base, fetch: Fetch) -> Self {
        Self { base, fetch, sets: Arc::default() }
    }

    /// Whether this assertion is the client's, for us, in time, and seen for the first time.
    pub(super) async fn hold(&self, client: &Client, jwt: &str) -> Result<bool, StoreError> {
        let Some(keys) = self.keys(client).await else { return Ok(false) };
        let Some(claims) = verified(&keys, jwt) else { return Ok(false) };
        let issuer = &*self.base.issuer;
        let Some((jti, ends_at)) = judge(&claims, &client.client_id, issuer, self.base.now()) else {
            return Ok(false);
        };
        let sql = Sql::new(
            "INSERT INTO client_assertions (hash, expires_at) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING",
        );
        let sql = sql.bind(assertion_name(&client.client_id, &jti)).bind(ends_at);
        Ok(self.base.store.execute(sql).await? == 1)
    }

    async fn keys(&self, client: &Client) -> Option<Arc<JwkSet>> {
        if let Some(jwks) = &client.metadata.jwks {
            return read(jwks.clone()).map(Arc::new);
        }
        let address = client.metadata.jwks_uri.as_ref()?;
        let now = self.base.host.monotonic();
        let known = self.sets.lock().get(address).filter(|(_, until)| now < *until).cloned();
        if let Some((set, _)) = known {
            return Some(set);
        }
        let url = Url::parse(address).ok()?;
        let fetched = self.fetch.json(&url, KEYS_BYTES_MAX, FETCH_TIME_MAX).await.ok()?;
        let set = Arc::new(read(serde_json::from_slice(&fetched.body).ok()?)?);
        let mut sets = self.sets.lock();
        if sets.len() >= SETS_MAX {
            sets.retain(|_, (_, until)| now < *until);
        }
        if sets.len() < SETS_MAX {
            sets.insert(address.clone(), (set.clone(), now + KEYS_FOR));
        }
        Some(set)
    }
}

// One key that we cannot use does not spoil the others.
fn read(jwks: Value) -> Option<JwkSet> {
    let keys = jwks.get("keys")?.as_array()?.iter().take(20);
    Some(JwkSet { keys: keys.filter_map(|key| serde_json::from_value(key.clone()).ok()).collect() })
}

/// Who an assertion says that it is of; nothing is proven by it yet.
pub(super) fn subject(jwt: &str) -> Option<String> {
    if jwt.len() > JWT_BYTES_MAX {
        return None;
    }
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(jwt).ok()?.claims;
    claims["sub"].as_str().map(str::to_owned)
}

fn verified(keys: &JwkSet, jwt: &str) -> Option<Value> {
    let header = decode_header(jwt).ok()?;
    if wants_more(jwt) {
        return None;
    }
    let fits = |jwk: &&Jwk| {
        let kind = matches!(
            (header.alg, &jwk.algorithm),
            (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(_))
                | (Algorithm::ES256, AlgorithmParameters::EllipticCurve(_))
                | (Algorithm::RS256, AlgorithmParameters::RSA(_))
        );
        kind && verifies(jwk, header.alg) && (header.kid.is_none() || jwk.common.key_id == header.kid)
    };
    let mut validation = Validation::new(header.alg);
    // Times are judged by our own clock, and the audience by exact text.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    keys.keys.iter().filter(fits).find_map(|jwk| {
        let key = DecodingKey::from_jwk(jwk).ok()?;
        decode::<Value>(jwt, &key, &validation).ok().map(|token| token.claims)
    })
}

/// Whether the header names extensions that must be understood: we understand none (RFC 7515, 4.1.11). Even one that names
/// them with `null`, which the library takes for none.
fn wants_more(jwt: &str) -> bool {
    let header = jwt.split('.').next().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    header.is_none_or(|header| header.get("crit").is_some())
}

/// Whether a key was registered to check signatures of this kind, as far as it says what for (RFC 7517, 4.2 to 4.4).
fn verifies(jwk: &Jwk, alg: Algorithm) -> bool {
    let common = &jwk.common;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let may = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    // A name that the library does not know is younger than it, and the kind of the key fits.
    let of_kind = common.key_algorithm.is_none_or(|named| {
        named == KeyAlgorithm::UNKNOWN_ALGORITHM || Algorithm::try_from(named).is_ok_and(|named| named == alg)
    });
    // RFC 7518, 3.3: no smaller one.
    let large = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => bits(&rsa.n) >= RSA_BITS_MIN,
        _ => true,
    };
    signs && may && of_kind && large
}

/// How many bits a number has, as a key writes it.
fn bits(number: &str) -> usize {
    let bytes = URL_SAFE_NO_PAD.decode(number).unwrap_or_default();
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let first = bytes.get(zeros).map_or(0, |b| b.leading_zeros() as usize);
    (bytes.len() - zeros) * 8 - first
}

/// Whether claims that were signed hold: the assertion's own id and when it ends.
fn judge(claims: &Value, client_id: &str, issuer: &str, now: Timestamp) -> Option<(String, Timestamp)> {
    let own = claims["iss"] == client_id && claims["sub"] == client_id;
    let endpoint = format!("{issuer}/token");
    let ours = |aud: &Value| aud.as_str().is_some_and(|aud| aud == issuer || aud == endpoint);
    let for_us = match &claims["aud"] {
        Value::Array(all) => !all.is_empty() && all.iter().all(ours),
        one => ours(one),
    };
    let at = |name: &str| {
        claims.get(name).map(|v| v.as_i64().map(|s| Timestamp::from_millis(s.saturating_mul(1_000))))
    };
    let ends_at = at("exp")??;
    let in_time = now < ends_at && ends_at <= now.after(LIFE_MAX);
    let begun = |name: &str| match at(name) {
        None => true,
        Some(Some(when)) => when <= now.after(SKEW),
        Some(None) => false,
    };
    let jti = claims["jti"].as_str().filter(|jti| !jti.is_empty() && jti.len() <= 256)?;
    (own && for_us && in_time && begun("nbf") && begun("iat")).then(|| (jti.to_owned(), ends_at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_assertion_is_the_clients_for_us_and_short() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let good =
            json!({"iss": "c", "sub": "c", "aud": "https://cp.example", "exp": 1_700_000_300, "jti": "1"});
        let holds = |claims: &Value| judge(claims, "c", "https://cp.example", now).is_some();
        assert!(holds(&good));
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            holds(&claims)
        };
        assert!(with("aud", json!("https://cp.example/token")));
        assert!(with("aud", json!(["https://cp.example"])));
        assert!(with("iat", json!(1_700_000_030)));
        for (name, value) in [
            ("iss", json!("other")),
            ("sub", json!("other")),
            ("sub", Value::Null),
            ("aud", json!("https://cp.example/")),
            ("aud", json!("https://other.example")),
            ("aud", json!(["https://cp.example", "https://other.example"])),
            ("aud", json!([])),
            ("aud", Value::Null),
            ("exp", json!(1_700_000_000)),
            ("exp", json!(1_699_999_999)),
            ("exp", json!(1_700_000_301)),
            ("exp", json!("1700000300")),
            ("exp", json!(9.9e99)),
            ("exp", Value::Null),
            ("nbf", json!(1_700_000_061)),
            ("iat", json!(1_700_000_061)),
            ("iat", json!("now")),
            ("jti", Value::Null),
            ("jti", json!("")),
            ("jti", json!("x".repeat(257))),
        ] {
            assert!(!with(name, value.clone()), "{name}: {value}");
        }
    }
}

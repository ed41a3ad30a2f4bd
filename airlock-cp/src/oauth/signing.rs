//! JSON Web Tokens of ours, and the key that others check them with.
//!
//! Sources: RFC 7515 (compact form), RFC 8037 (Ed25519), RFC 7638 (the key's name).

use airlock_core::crypto::{PrivateKey, PublicKey, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// What a token is for: `typ` in its header keeps one from being taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Access,
}

/// A signed token. Equal claims give equal text.
pub(super) fn sign(key: &PrivateKey, kind: Kind, claims: &Value) -> String {
    let typ = match kind {
        Kind::Id => "JWT",
        Kind::Access => "at+jwt",
    };
    let header = json!({"alg": "EdDSA", "typ": typ, "kid": key_id(key.public())});
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&[signed.as_bytes()]));
    format!("{signed}.{signature}")
}

/// The key's name: the thumbprint of its public half.
pub(super) fn key_id(key: PublicKey) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, coordinate(key));
    URL_SAFE_NO_PAD.encode(sha256(&[members.as_bytes()]))
}

/// The key set that we publish.
pub(super) fn key_set(key: PublicKey) -> Value {
    json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key_id(key), "x": coordinate(key),
    }]})
}

fn coordinate(key: PublicKey) -> String {
    URL_SAFE_NO_PAD.encode(key.to_bytes())
}

/// Ties an ID token to its access token: half of the digest that Ed25519 signs with (OpenID Connect Core, 3.1.3.6).
pub(super) fn access_token_hash(access: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha512::digest(access.as_bytes())[..32])
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    use super::*;

    #[test]
    fn others_can_check_what_we_sign() {
        let key = PrivateKey::generate(&SystemHost::new());
        let token = sign(&key, Kind::Access, &json!({"iss": "https://cp.example", "n": 1}));
        let set: JwkSet = serde_json::from_value(key_set(key.public())).unwrap();
        let jwk = set.find(&key_id(key.public())).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let read = decode::<Value>(&token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap();
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(read.claims["n"], 1);
        assert_eq!(token, sign(&key, Kind::Access, &json!({"iss": "https://cp.example", "n": 1})));
    }
}

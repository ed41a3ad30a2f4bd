//! The transcript that both sides sign and check. Hello and challenge are hashed exactly as they travelled.

use bytes::Bytes;
use prost::Message;

use airlock_core::crypto::{BadSignature, PrivateKey, PublicKey, sha256};
use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_core::time::Timestamp;

use crate::convert::{WireError, bounded};
use crate::limits::{CLOCK_SKEW_MAX, FEATURES_MAX, HANDSHAKE_BYTES_MAX, VERSION_BYTES_MAX};
use crate::wire;

/// What a worker says of itself in its hello. Nothing of it is proven yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its name.
    pub worker_id: WorkerId,
    /// SHA-256 of its public key.
    pub key_fingerprint: [u8; 32],
    /// Random, never used before; the shell remembers it for [`NONCE_MEMORY`](crate::limits::NONCE_MEMORY).
    pub nonce: [u8; 32],
    /// Its clock.
    pub ts: Timestamp,
    /// Version of its software.
    pub version: String,
    /// What it can do beyond the protocol's version.
    pub features: Vec<String>,
}

/// What the control plane knows of a worker that says hello.
///
/// Whatever it is, the worker is challenged; only one that proves to have the enrolled key hears more than
/// `not_authenticated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Enrolled with this key.
    Known(PublicKey),
    /// Not enrolled, or the hello was seen before.
    Unknown,
    /// Enrolled with this key, and revoked since.
    Revoked(PublicKey),
    /// Enrolled with this key; its tenant is disabled.
    TenantDisabled(PublicKey),
}

impl Identity {
    pub(super) fn key(self) -> Option<PublicKey> {
        match self {
            Self::Known(key) | Self::Revoked(key) | Self::TenantDisabled(key) => Some(key),
            Self::Unknown => None,
        }
    }
}

/// A message from a peer that is a stranger so far.
pub(super) fn decode<M: Message + Default>(field: &'static str, bytes: &Bytes) -> Result<M, WireError> {
    bounded(field, bytes.len(), HANDSHAKE_BYTES_MAX)?;
    M::decode(bytes.clone()).map_err(|_| WireError::NotProtobuf)
}

pub(super) fn claims(hello: wire::Hello) -> Result<Claims, WireError> {
    let bytes32 = |field, bytes: &Bytes| bytes.as_ref().try_into().map_err(|_| WireError::Invalid(field));
    bounded("hello.version", hello.version.len(), VERSION_BYTES_MAX)?;
    bounded("hello.features", hello.features.len(), FEATURES_MAX)?;
    hello.features.iter().try_for_each(|f| bounded("hello.features[]", f.len(), VERSION_BYTES_MAX))?;
    Ok(Claims {
        tenant_id: hello.tenant_id.parse().map_err(|_| WireError::Invalid("hello.tenant_id"))?,
        worker_id: hello.worker_id.parse().map_err(|_| WireError::Invalid("hello.worker_id"))?,
        key_fingerprint: bytes32("hello.key_fp", &hello.key_fp)?,
        nonce: bytes32("hello.nonce", &hello.nonce)?,
        ts: Timestamp::from_millis(hello.ts_ms),
        version: hello.version,
        features: hello.features,
    })
}

/// Whether two clocks differ too much.
pub(super) fn is_skewed(a: Timestamp, b: Timestamp) -> bool {
    a.since(b).max(b.since(a)) > CLOCK_SKEW_MAX
}

pub(super) fn challenge(
    key: &PrivateKey,
    hello: &[u8],
    nonce: &[u8; 32],
    session: &SessionId,
) -> wire::Challenge {
    let signature = key.sign(&[HUB_CONTEXT, &sha256(&[hello]), nonce, session.as_str().as_bytes()]);
    wire::Challenge {
        nonce: Bytes::copy_from_slice(nonce),
        session_id: session.as_str().to_owned(),
        signature: Bytes::copy_from_slice(&signature),
    }
}

pub(super) fn check_challenge(
    pinned: PublicKey,
    hello: &[u8],
    challenge: &wire::Challenge,
) -> Result<(), BadSignature> {
    // The signed text has one reading only while the nonce has one length.
    if challenge.nonce.len() != 32 {
        return Err(BadSignature);
    }
    let text = [HUB_CONTEXT, &sha256(&[hello]), &challenge.nonce, challenge.session_id.as_bytes()];
    pinned.verify(&text, &challenge.signature)
}

pub(super) fn auth(key: &PrivateKey, hello: &[u8], challenge: &[u8]) -> wire::Auth {
    let signature = key.sign(&[WORKER_CONTEXT, &sha256(&[hello]), &sha256(&[challenge]), &UNBOUND]);
    wire::Auth { signature: Bytes::copy_from_slice(&signature), channel_bound: false }
}

pub(super) fn check_auth(
    key: PublicKey,
    hello: &[u8],
    challenge: &[u8],
    auth: &wire::Auth,
) -> Result<(), BadSignature> {
    // A binding that we cannot check must not be believed.
    if auth.channel_bound {
        return Err(BadSignature);
    }
    key.verify(&[WORKER_CONTEXT, &sha256(&[hello]), &sha256(&[challenge]), &UNBOUND], &auth.signature)
}

const HUB_CONTEXT: &[u8] = b"airlock-tunnel-v1-cp";
const WORKER_CONTEXT: &[u8] = b"airlock-tunnel-v1";
/// In place of the TLS exporter: TLS may end at a proxy before the control plane.
const UNBOUND: [u8; 32] = [0; 32];

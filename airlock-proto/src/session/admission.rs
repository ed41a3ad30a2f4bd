//! Decides whether a worker is let in: the hub's half of the handshake.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use airlock_core::crypto::{PrivateKey, sha256};
use airlock_core::id::SessionId;
use airlock_core::time::Timestamp;

use super::handshake::{self, Claims, Identity};
use super::{RejectCode, SessionError, name_of};
use crate::version::is_spoken;
use crate::wire::{self, frame::Kind};

/// What a frame of the handshake comes to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Who is this? The answer goes to [`Admission::identify`].
    Ask(Claims),
    /// It is who it says.
    Admit(Claims),
    /// It is sent away.
    Reject(RejectCode),
}

#[derive(Debug)]
pub(super) struct Admission {
    key: Arc<PrivateKey>,
    session_id: SessionId,
    nonce: [u8; 32],
    step: Step,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a handshake, boxed by its session")]
enum Step {
    /// Nothing came yet.
    Fresh,
    /// Hello came; the shell looks the worker up.
    Hello { hello: Bytes, claims: Claims },
    /// Challenge sent.
    Challenge { hello: Bytes, challenge: Bytes, claims: Claims, identity: Identity },
    /// Decided.
    Over,
}

impl Admission {
    pub(super) fn new(key: Arc<PrivateKey>, session_id: SessionId, nonce: [u8; 32]) -> Self {
        Self { key, session_id, nonce, step: Step::Fresh }
    }

    pub(super) fn handle(&mut self, wall: Timestamp, kind: Kind) -> Result<Verdict, SessionError> {
        match (std::mem::replace(&mut self.step, Step::Over), kind) {
            (Step::Fresh, Kind::Hello(hello)) => self.handle_hello(wall, hello),
            (Step::Challenge { hello, challenge, claims, identity }, Kind::Auth(bytes)) => {
                let auth: wire::Auth = handshake::decode("auth", &bytes)?;
                Ok(match self.judge(&hello, &challenge, &claims, identity, &auth) {
                    Ok(()) => Verdict::Admit(claims),
                    Err(code) => Verdict::Reject(code),
                })
            }
            (_, other) => Err(SessionError::Unexpected(name_of(&other))),
        }
    }

    /// The challenge, whatever the worker is. `None` when nobody was asked for.
    pub(super) fn identify(&mut self, identity: Identity) -> Option<Kind> {
        let Step::Hello { hello, claims } = &mut self.step else { return None };
        let (hello, claims) = (std::mem::take(hello), claims.clone());
        let challenge = handshake::challenge(&self.key, &hello, &self.nonce, &self.session_id);
        let challenge: Bytes = challenge.encode_to_vec().into();
        self.step = Step::Challenge { hello, challenge: challenge.clone(), claims, identity };
        Some(Kind::Challenge(challenge))
    }

    /// Version and clock are judged before anything is looked up: they say nothing of any worker.
    fn handle_hello(&mut self, wall: Timestamp, hello: Bytes) -> Result<Verdict, SessionError> {
        let said: wire::Hello = handshake::decode("hello", &hello)?;
        if !is_spoken(said.v) {
            return Ok(Verdict::Reject(RejectCode::VersionUnsupported));
        }
        let claims = handshake::claims(said)?;
        if handshake::is_skewed(claims.ts, wall) {
            return Ok(Verdict::Reject(RejectCode::ClockSkew));
        }
        self.step = Step::Hello { hello, claims: claims.clone() };
        Ok(Verdict::Ask(claims))
    }

    /// Whether the worker is let in. An unknown worker costs the same check as a known one, and hears the same.
    fn judge(
        &self,
        hello: &[u8],
        challenge: &[u8],
        claims: &Claims,
        identity: Identity,
        auth: &wire::Auth,
    ) -> Result<(), RejectCode> {
        let key = identity.key().unwrap_or(self.key.public());
        let proven = handshake::check_auth(key, hello, challenge, auth).is_ok();
        let fits = sha256(&[&key.to_bytes()]) == claims.key_fingerprint;
        match identity {
            _ if !(proven && fits) => Err(RejectCode::NotAuthenticated),
            Identity::Unknown => Err(RejectCode::NotAuthenticated),
            Identity::Revoked(_) => Err(RejectCode::Revoked),
            Identity::TenantDisabled(_) => Err(RejectCode::TenantDisabled),
            Identity::Known(_) => Ok(()),
        }
    }
}

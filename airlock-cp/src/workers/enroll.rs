//! Enrollment: a single-use token and a public key become a worker.
//!
//! Expired and used are named only to who holds the exact token; everybody else gets one answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Action, Event};
use airlock_core::crypto::PublicKey;
use airlock_core::{Code, Coded, Host, Timestamp};
use airlock_proto::enroll::{EnrollRequest, EnrollResponse};
use subtle::ConstantTimeEq;

use super::repo::TokenRow;
use super::{EnrollmentStatus, repo, token};
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::http::limits::{Buckets, Rate, neighbourhood};
use crate::revocations::{Revocations, Revoked};
use crate::store::{Store, StoreError};
use crate::tenants::{TenantStatus, default_org};

pub(super) const FAILURES: Rate = Rate::per_minute(10);
const ADDRESSES_MAX: usize = 10_000;
// A reply may be lost on its way: the same worker may ask again for so long.
const REPEAT_FOR: Duration = Duration::from_secs(600);

/// Why a worker was not enrolled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// No such token.
    #[error("the enrollment token is not known")]
    Unknown,
    /// It was used before.
    #[error("the enrollment token was used before; make a new one")]
    Used,
    /// It is past its time.
    #[error("the enrollment token is past its time; make a new one")]
    Expired,
    /// A worker of this id stands with another key.
    #[error("a worker of this id is enrolled with another key; revoke it first")]
    WorkerExists,
    /// The key or the proof does not hold.
    #[error("the request is not as it must be: an Ed25519 public key, and its proof for this token")]
    Invalid,
    /// Nobody of this id, or somebody without its key.
    #[error("no worker of this id stands, or the request is not signed by its key")]
    NotAuthenticated,
    /// The worker's clock and ours differ by more than two minutes.
    #[error("the worker's clock differs from the control plane's by more than 120 s; set it")]
    ClockSkew,
    /// Too many refusals from this address of late.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store or the log does not answer.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for EnrollError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl Coded for EnrollError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown => Code::EnrollmentUnknown,
            Self::Used => Code::EnrollmentUsed,
            Self::Expired => Code::EnrollmentExpired,
            Self::WorkerExists => Code::WorkerExists,
            Self::NotAuthenticated => Code::Unauthorized,
            Self::Invalid | Self::ClockSkew => Code::InvalidArguments,
            Self::TooManyAttempts { .. } => Code::RateLimited,
            Self::Service(e) => e.code(),
        }
    }
}

/// Enrolls workers. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Enrollment {
    pub(super) store: Store,
    pub(super) host: Arc<dyn Host>,
    pub(super) journal: Journal,
    pub(super) revocations: Revocations,
    cp_public_key: PublicKey,
    tunnel_url: Arc<str>,
    pub(super) failures: Arc<Buckets<IpAddr>>,
}

impl Enrollment {
    /// Enrolls workers who will dial `tunnel_url` and pin `cp_public_key`.
    pub fn new(
        store: Store,
        host: Arc<dyn Host>,
        journal: Journal,
        revocations: Revocations,
        cp_public_key: PublicKey,
        tunnel_url: &str,
    ) -> Self {
        let failures = Arc::new(Buckets::new(ADDRESSES_MAX));
        Self { store, host, journal, revocations, cp_public_key, tunnel_url: tunnel_url.into(), failures }
    }

    /// Enrolls a worker that shows a token from this address.
    ///
    /// # Errors
    /// When it is refused; the refusal stands in the log.
    pub async fn enroll(
        &self,
        request: EnrollRequest,
        peer: IpAddr,
        user_agent: Option<&str>,
    ) -> Result<EnrollResponse, EnrollError> {
        let (from, now) = (neighbourhood(peer), self.host.monotonic());
        if let Some(retry_after) = self.failures.wait(&from, FAILURES, now) {
            return Err(EnrollError::TooManyAttempts { retry_after });
        }
        let mut exact = None;
        let result = self.decide(request, &mut exact).await;
        let subject = match &exact {
            Some(t) => Subject {
                org: t.org.clone(),
                tenant: Some(t.record.tenant_id.clone()),
                resource: Some(t.record.id.clone()),
            },
            None => Subject { org: default_org(), tenant: None, resource: None },
        };
        match &result {
            Ok(answer) => {
                let caller = Caller::worker(answer.worker_id.as_str()).at(peer, user_agent);
                self.journal.note(&caller, Action::EnrollmentUsed, subject, None).await?;
            }
            Err(EnrollError::Service(_)) => {}
            Err(refusal) => {
                let _ = self.failures.take(&from, FAILURES, now);
                let caller = Caller::anonymous().at(peer, user_agent);
                self.journal.note(&caller, Action::EnrollmentRefused, subject, Some(refusal.code())).await?;
            }
        }
        result
    }

    // `exact` is filled once the whole token was shown.
    async fn decide(
        &self,
        request: EnrollRequest,
        exact: &mut Option<TokenRow>,
    ) -> Result<EnrollResponse, EnrollError> {
        // Form, key and proof before the store is asked: the same work for every token.
        let request = request.verify().map_err(|_| EnrollError::Invalid)?;
        let key = request.worker_key;
        let hash = token::digest(request.token.expose());
        let id = token::id_of(request.token.expose()).ok_or(EnrollError::Unknown)?;
        let now = self.host.now();
        let found = repo::token_by_id(&self.store, id, now).await?;
        let found = found.filter(|t| t.hash.ct_eq(&hash).into()).ok_or(EnrollError::Unknown)?;
        let found = exact.insert(found);
        if found.tenant_status != TenantStatus::Active {
            return Err(EnrollError::Unknown);
        }
        let mut tx = self.store.begin().await?;
        if repo::consume(&mut tx, id, &hash, key, now).await? {
            let (hostname, version) =
                (Event::clean_name(&request.hostname), Event::clean_name(&request.version));
            let worker = repo::Enrolled {
                tenant: &found.record.tenant_id,
                id: &found.record.worker_id,
                key,
                hostname: &hostname,
                version: &version,
            };
            if !repo::enroll(&mut tx, worker, now).await? {
                return Err(EnrollError::WorkerExists); // the transaction falls, the token stays good
            }
            let what = Revoked::Worker {
                tenant: found.record.tenant_id.clone(),
                worker: found.record.worker_id.to_string(),
            };
            Revocations::record(&mut tx, &what, now).await?;
            tx.commit().await?;
            self.revocations.poll().await?;
            return Ok(self.answer(found, now));
        }
        drop(tx);
        // Somebody was first, or it is too late: read again what is true now.
        let found = repo::token_by_id(&self.store, id, now).await?.ok_or(EnrollError::Unknown)?;
        match (found.record.status, found.record.used_at, &found.used_key) {
            (EnrollmentStatus::Used, Some(used_at), Some(used_key))
                if used_key[..] == key.to_bytes() && now.since(used_at) <= REPEAT_FOR =>
            {
                Ok(self.answer(&found, now))
            }
            (EnrollmentStatus::Used, ..) => Err(EnrollError::Used),
            (EnrollmentStatus::Expired, ..) => Err(EnrollError::Expired),
            _ => Err(EnrollError::Unknown),
        }
    }

    fn answer(&self, token: &TokenRow, now: Timestamp) -> EnrollResponse {
        EnrollResponse {
            tenant_id: token.record.tenant_id.clone(),
            tenant_slug: token.slug.clone(),
            worker_id: token.record.worker_id.clone(),
            cp_public_key: self.cp_public_key.to_base64(),
            tunnel_url: self.tunnel_url.to_string(),
            server_time: now,
        }
    }
}

//! A worker's next key, asked for with the one that it has.

use std::net::IpAddr;
use std::time::Duration;

use airlock_core::audit::Action;
use airlock_core::crypto::PublicKey;
use airlock_core::{Coded as _, Timestamp};
use airlock_proto::rotate::{ProvenRotation, RotateRequest, RotateResponse};

use super::enroll::FAILURES;
use super::{EnrollError, Enrollment, repo};
use crate::audit::{Caller, Subject};
use crate::http::limits::neighbourhood;
use crate::revocations::{Revocations, Revoked};
use crate::tenants::default_org;

/// As at the tunnel's handshake.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(120);

impl Enrollment {
    /// Gives a worker the key that it asks for with its present one; its tunnel drops, and comes back with the new key.
    /// Asking again for the key that it has by now gives the same answer, so a lost answer costs nothing.
    ///
    /// # Errors
    /// When it is refused; the refusal stands in the log. Who asks for an unknown worker, a revoked one, or without its key
    /// hears the same.
    pub async fn rotate(
        &self,
        request: RotateRequest,
        peer: IpAddr,
        user_agent: Option<&str>,
    ) -> Result<RotateResponse, EnrollError> {
        let (from, now) = (neighbourhood(peer), self.host.monotonic());
        if let Some(retry_after) = self.failures.wait(&from, FAILURES, now) {
            return Err(EnrollError::TooManyAttempts { retry_after });
        }
        let mut subject = Subject { org: default_org(), tenant: None, resource: None };
        let result = match request.verify() {
            Ok(request) => self.exchange(&request, &mut subject).await,
            Err(_) => Err(EnrollError::Invalid),
        };
        match &result {
            Ok((_, false)) | Err(EnrollError::Service(_)) => {}
            Ok((answer, true)) => {
                let caller = Caller::worker(answer.worker_id.as_str()).at(peer, user_agent);
                self.journal.note(&caller, Action::WorkerKeyRotated, subject, None).await?;
            }
            Err(refusal) => {
                let _ = self.failures.take(&from, FAILURES, now);
                let caller = Caller::anonymous().at(peer, user_agent);
                self.journal.note(&caller, Action::WorkerRefused, subject, Some(refusal.code())).await?;
            }
        }
        result.map(|(answer, _)| answer)
    }

    /// The answer, and whether anything changed. `subject` is filled once the worker's key has spoken.
    async fn exchange(
        &self,
        request: &ProvenRotation,
        subject: &mut Subject,
    ) -> Result<(RotateResponse, bool), EnrollError> {
        let (tenant, id) = (&request.tenant_id, &request.worker_id);
        let known = repo::key(&self.store, tenant, id).await?;
        let known = known.filter(|known| !known.revoked && !known.tenant_disabled);
        let known = known.ok_or(EnrollError::NotAuthenticated)?;
        let is_done = known.public_key == request.next;
        if !is_done && !request.is_signed_by(known.public_key) {
            return Err(EnrollError::NotAuthenticated);
        }
        *subject = Subject { org: known.org, tenant: Some(tenant.clone()), resource: Some(id.to_string()) };
        if is_done {
            return Ok((answer(request), false));
        }
        if skew(self.host.now(), request.at) > CLOCK_SKEW_MAX {
            return Err(EnrollError::ClockSkew);
        }
        self.write(request, known.public_key).await?;
        Ok((answer(request), true))
    }

    async fn write(&self, request: &ProvenRotation, present: PublicKey) -> Result<(), EnrollError> {
        let (tenant, id) = (&request.tenant_id, &request.worker_id);
        let mut tx = self.store.begin().await?;
        if !repo::rotate(&mut tx, (tenant, id), present, request.next).await? {
            return Err(EnrollError::NotAuthenticated);
        }
        let what = Revoked::Worker { tenant: tenant.clone(), worker: id.to_string() };
        Revocations::record(&mut tx, &what, self.host.now()).await?;
        tx.commit().await?;
        Ok(self.revocations.poll().await?)
    }
}

fn answer(request: &ProvenRotation) -> RotateResponse {
    RotateResponse { worker_id: request.worker_id.clone(), key_fingerprint: request.next.fingerprint() }
}

fn skew(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

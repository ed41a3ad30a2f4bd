//! What the tunnel hub asks about workers, and where it tells what became of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Code;
use airlock_core::audit::Action;
use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_proto::session::{Claims, CloseReason, Identity, RejectCode};
use async_trait::async_trait;
use parking_lot::Mutex;

use super::Workers;
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::hub::{Directory, DirectoryError, Hub, LiveWorker};
use crate::metrics::Metrics;
use crate::revocations::{Revocations, Revoked};
use crate::tenants::default_org;

/// How often live workers are said to be heard of; a third of the time after which they count as gone.
pub(crate) const SEEN_EVERY: Duration = Duration::from_secs(20);

/// The directory of workers over the store. Cloning shares it.
#[derive(Clone, Debug)]
pub struct WorkerDirectory {
    workers: Workers,
    journal: Journal,
    metrics: Metrics,
    // Tunnels that are up in this process.
    live: Arc<Mutex<HashMap<SessionId, (TenantId, WorkerId)>>>,
}

impl WorkerDirectory {
    pub(crate) fn new(workers: Workers, journal: Journal, metrics: Metrics) -> Self {
        Self { workers, journal, metrics, live: Arc::default() }
    }

    /// Drops the tunnels of what is taken back from now on, whichever process took it back.
    pub fn follow(&self, revocations: &Revocations, hub: Hub) {
        revocations.listen(move |what| match what {
            Revoked::Worker { tenant, worker } => {
                if let Ok(worker) = worker.parse() {
                    hub.drop_worker(tenant, &worker);
                }
            }
            Revoked::Tenant { tenant } => hub.drop_tenant(tenant),
            // They dial again, and who may is let in.
            Revoked::Everything => hub.drop_all(),
            _ => {}
        });
    }

    /// Says of every live worker that it is heard of.
    pub(crate) async fn say_seen(&self) {
        let live: Vec<_> =
            self.live.lock().iter().map(|(s, (t, w))| (t.clone(), w.clone(), s.clone())).collect();
        for (tenant, worker, session) in live {
            if let Err(error) = self.workers.seen(&tenant, &worker, &session).await {
                tracing::warn!(%error, "the store did not hear of live workers; the next turn tries again");
                return;
            }
        }
    }

    async fn note(&self, worker: &LiveWorker, action: Action) -> Result<(), ServiceError> {
        let known = self.workers.key(&worker.tenant_id, &worker.worker_id).await?;
        let subject = Subject {
            org: known.map_or_else(default_org, |k| k.org),
            tenant: Some(worker.tenant_id.clone()),
            resource: Some(worker.worker_id.to_string()),
        };
        let caller = Caller::worker(worker.worker_id.as_str()).at(worker.ip, None);
        let via = (worker.worker_id.clone(), worker.session_id.clone());
        self.journal.note_tunnel(&caller, action, subject, via).await
    }
}

// The cause goes to the log here; the hub needs to know only that there is no answer.
fn told(error: ServiceError) -> DirectoryError {
    tracing::error!(%error, "the directory of workers does not answer");
    DirectoryError
}

#[async_trait]
impl Directory for WorkerDirectory {
    async fn worker(&self, tenant: &TenantId, worker: &WorkerId) -> Result<Identity, DirectoryError> {
        Ok(match self.workers.key(tenant, worker).await.map_err(told)? {
            None => Identity::Unknown,
            Some(known) if known.revoked => Identity::Revoked(known.public_key),
            Some(known) if known.tenant_disabled => Identity::TenantDisabled(known.public_key),
            Some(known) => Identity::Known(known.public_key),
        })
    }

    async fn connected(&self, worker: &LiveWorker) -> Result<(), DirectoryError> {
        let of = (worker.tenant_id.clone(), worker.worker_id.clone());
        // First, so that a revocation from now on finds it.
        self.live.lock().insert(worker.session_id.clone(), of);
        let written = async {
            let LiveWorker { tenant_id, worker_id, session_id, version, .. } = worker;
            self.workers.connected(tenant_id, worker_id, session_id, version).await?;
            self.note(worker, Action::WorkerConnected).await
        };
        if let Err(error) = written.await {
            self.live.lock().remove(&worker.session_id);
            return Err(told(error));
        }
        self.metrics.worker_connected(&worker.tenant_id, 1);
        Ok(())
    }

    async fn disconnected(&self, worker: &LiveWorker, why: CloseReason) {
        if self.live.lock().remove(&worker.session_id).is_some() {
            self.metrics.worker_connected(&worker.tenant_id, -1);
        }
        let action = match why {
            CloseReason::Rejected(RejectCode::Superseded) => Action::WorkerSuperseded,
            _ => Action::WorkerDisconnected,
        };
        let written = async {
            let LiveWorker { tenant_id, worker_id, session_id, .. } = worker;
            self.workers.disconnected(tenant_id, worker_id, session_id).await?;
            self.note(worker, action).await
        };
        if let Err(error) = written.await {
            tracing::error!(%error, "a worker's end could not be written down");
        }
    }

    async fn refused(&self, claims: &Claims, ip: IpAddr, code: RejectCode) {
        self.metrics.auth_failure("tunnel");
        // Of a worker that we know, into its tenant's log; else nothing that it says of itself is kept but its address.
        let known = self.workers.key(&claims.tenant_id, &claims.worker_id).await.ok().flatten();
        let subject = match known {
            Some(known) => Subject {
                org: known.org,
                tenant: Some(claims.tenant_id.clone()),
                resource: Some(claims.worker_id.to_string()),
            },
            None => Subject { org: default_org(), tenant: None, resource: None },
        };
        let caller = Caller::anonymous().at(ip, None);
        let why = match code {
            RejectCode::VersionUnsupported => Code::WorkerIncompatible,
            _ => Code::Unauthorized,
        };
        if let Err(error) = self.journal.note(&caller, Action::WorkerRefused, subject, Some(why)).await {
            tracing::error!(%error, "a refused worker could not be written down");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use airlock_core::audit::Action;
    use airlock_core::crypto::PrivateKey;
    use airlock_core::runtime::SystemHost;

    use super::*;
    use crate::audit::{AuditFilter, Scope};
    use crate::tenants::{NewTenant, TenantPatch, TenantStatus};
    use crate::workers::{EnrollRequest, NewEnrollment, WorkerStatus};
    use crate::{App, Config, Store};

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    async fn app_with_a_worker() -> (App, TenantId, WorkerId, PrivateKey) {
        let (host, store) = (Arc::new(SystemHost::new()), Store::memory().await.unwrap());
        let app = App::new(Config::from_vars([]).unwrap(), store, host.clone()).await.unwrap();
        let operator = Caller::operator();
        let new = NewTenant { slug: "acme".into(), id: None, name: None };
        let tenant = app.tenants().create(&operator, new).await.unwrap().id;
        let new = NewEnrollment { worker_id: "w_acme_prod".into(), ttl_s: None };
        let minted = app.workers().mint(&operator, &tenant, new).await.unwrap();
        let key = PrivateKey::generate(&*host);
        let request = EnrollRequest::signed(minted.text.expose(), &key, "db-1", "0.1.0");
        let enrolled = app.enrollment().enroll(request, PEER, None).await.unwrap();
        (app, tenant, enrolled.worker_id, key)
    }

    fn live(app: &App, tenant: &TenantId, worker: &WorkerId) -> LiveWorker {
        LiveWorker {
            tenant_id: tenant.clone(),
            worker_id: worker.clone(),
            session_id: SessionId::new(&*app.host()),
            version: "0.1.0".into(),
            connected_at: app.host().now(),
            ip: PEER,
            in_flight: 0,
            draining: false,
        }
    }

    #[tokio::test]
    async fn the_hub_is_told_who_a_worker_is_now() {
        let (app, tenant, worker, key) = app_with_a_worker().await;
        let directory = app.directory();
        let who = async || directory.worker(&tenant, &worker).await.unwrap();
        assert!(matches!(who().await, Identity::Known(k) if k == key.public()));
        let nobody = "w_nobody".parse().unwrap();
        assert!(matches!(directory.worker(&tenant, &nobody).await.unwrap(), Identity::Unknown));
        let elsewhere = "t_other".parse().unwrap();
        assert!(matches!(directory.worker(&elsewhere, &worker).await.unwrap(), Identity::Unknown));

        let disabled = TenantPatch { name: None, status: Some(TenantStatus::Disabled) };
        app.tenants().patch(&Caller::operator(), &tenant, disabled, None).await.unwrap();
        assert!(matches!(who().await, Identity::TenantDisabled(_)));
        app.workers().revoke(&Caller::operator(), &tenant, &worker).await.unwrap();
        assert!(matches!(who().await, Identity::Revoked(_)));
    }

    #[tokio::test]
    async fn tunnels_stand_in_the_book_and_in_the_log() {
        let (app, tenant, worker, _) = app_with_a_worker().await;
        let (directory, tunnel) = (app.directory(), live(&app, &tenant, &worker));
        let status = async || app.workers().show(&tenant, &worker).await.unwrap().status;
        directory.connected(&tunnel).await.unwrap();
        assert_eq!(status().await, WorkerStatus::Connected);
        assert!(app.metrics().render().contains("airlock_cp_workers_connected{tenant=\"t_acme\"} 1"));
        directory.say_seen().await;
        directory.disconnected(&tunnel, CloseReason::Disconnected).await;
        assert_eq!(status().await, WorkerStatus::Disconnected);
        assert!(app.metrics().render().contains("airlock_cp_workers_connected{tenant=\"t_acme\"} 0"));
        let scope = Scope { org: default_org(), tenant: tenant.clone() };
        let log = app.audit_log().after(&scope, &AuditFilter::default(), 0, 100).await.unwrap();
        let of_tunnel: Vec<_> =
            log.iter().filter(|r| r.event.context.session_id.is_some()).map(|r| r.event.action).collect();
        assert_eq!(of_tunnel, [Action::WorkerConnected, Action::WorkerDisconnected]);
        assert!(log.iter().all(|r| r.event.org_id == default_org()));
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_lets_no_tunnel_up() {
        let (app, tenant, worker, _) = app_with_a_worker().await;
        let (directory, tunnel) = (app.directory(), live(&app, &tenant, &worker));
        app.store().close().await;
        assert!(directory.worker(&tenant, &worker).await.is_err());
        assert!(directory.connected(&tunnel).await.is_err());
        assert!(directory.live.lock().is_empty());
    }
}

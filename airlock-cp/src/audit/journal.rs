//! Acts of people and of the control plane itself, each with its row: intent, act, outcome.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use airlock_core::audit::{Action, AuditSink, Context, Counts, Event, Target};
use airlock_core::id::{AuditId, OrgId, SessionId, TenantId, UserId, WorkerId};
use airlock_core::principal::{Actor, ActorKind};
use airlock_core::{Code, Coded, Host, Outcome};

use crate::error::ServiceError;
use crate::tasks::{TaskKind, Tasks};

/// Who acts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The peer's address.
    pub ip: Option<IpAddr>,
    /// The HTTP user agent, cleaned.
    pub user_agent: Option<String>,
}

impl Caller {
    /// The holder of the operator token.
    pub fn operator() -> Self {
        Self::of(ActorKind::Operator, "operator")
    }
    /// The control plane itself.
    pub fn system() -> Self {
        Self::of(ActorKind::System, "system")
    }
    /// Nobody we know.
    pub fn anonymous() -> Self {
        Self::of(ActorKind::Anonymous, "anonymous")
    }
    /// A person.
    pub fn person(id: &UserId) -> Self {
        Self::of(ActorKind::User, id.as_str())
    }
    /// A worker.
    pub fn worker(id: &str) -> Self {
        Self::of(ActorKind::Worker, id)
    }
    fn of(kind: ActorKind, id: &str) -> Self {
        Self { actor: Actor { kind, id: id.to_owned(), name: None }, ip: None, user_agent: None }
    }
    /// The same, seen at this address with this user agent.
    #[must_use]
    pub fn at(mut self, ip: IpAddr, user_agent: Option<&str>) -> Self {
        self.ip = Some(ip);
        self.user_agent = user_agent.map(Event::clean_user_agent);
        self
    }

    /// What the caller does, as it stands before its outcome is known.
    pub(super) fn event(&self, host: &dyn Host, action: Action, subject: Subject) -> Event {
        Event {
            id: AuditId::new(host),
            ts: host.now(),
            org_id: subject.org,
            tenant_id: subject.tenant,
            trace_id: None,
            actor: self.actor.clone(),
            action,
            target: Target { resource: subject.resource, ..Target::default() },
            outcome: Outcome::Unknown,
            error_class: None,
            error_code: None,
            detail_code: None,
            context: Context {
                ip: self.ip.map(|ip| ip.to_string()),
                user_agent: self.user_agent.clone(),
                ..Context::default()
            },
            counts: Counts::default(),
        }
    }
}

/// What an act is done to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// In whose log it stands.
    pub org: OrgId,
    /// Which tenant it concerns.
    pub tenant: Option<TenantId>,
    /// The thing: a key, a worker, a token, by its id.
    pub resource: Option<String>,
}

/// Writes acts into the audit log. Cloning shares it.
#[derive(Clone)]
pub struct Journal {
    sink: Arc<dyn AuditSink>,
    host: Arc<dyn Host>,
    tasks: Tasks,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    /// A journal that writes into `sink`.
    pub fn new(sink: Arc<dyn AuditSink>, host: Arc<dyn Host>, tasks: Tasks) -> Self {
        Self { sink, host, tasks }
    }

    /// Does `work` between its intent and its outcome in the log. It runs to its end even if the returned future is
    /// dropped.
    ///
    /// # Errors
    /// As `work`; and when the log cannot be written: before it, then nothing was done; after it, then it was, and the
    /// log will say `unknown`.
    pub async fn act<T: Send + 'static>(
        &self,
        caller: &Caller,
        action: Action,
        subject: Subject,
        work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        self.run(caller.event(&*self.host, action, subject), work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        mut event: Event,
        work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (sink, host) = (self.sink.clone(), self.host.clone());
        let act = async move {
            let begun = host.monotonic();
            sink.open(&event).await?;
            let result = work.await;
            event.counts.latency_ms =
                u64::try_from(host.monotonic().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
            match &result {
                Ok(_) => event.outcome = Outcome::Ok,
                Err(e) => fail(&mut event, Outcome::Error, e.code()),
            }
            sink.close(event).await?;
            result
        };
        self.tasks.spawn(TaskKind::Act, act).await.unwrap_or(Err(ServiceError::Ended))
    }

    /// Writes down what happened already or was refused.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn note(
        &self,
        caller: &Caller,
        action: Action,
        subject: Subject,
        refused: Option<Code>,
    ) -> Result<(), ServiceError> {
        let mut event = caller.event(&*self.host, action, subject);
        event.outcome = Outcome::Ok;
        if let Some(why) = refused {
            fail(&mut event, Outcome::Denied, why);
        }
        Ok(self.sink.close(event).await?)
    }

    /// Does what [`Journal::act`] does, with a finer word on both rows, so that they stand out.
    ///
    /// # Errors
    /// As [`Journal::act`].
    pub async fn act_marked<T: Send + 'static>(
        &self,
        caller: &Caller,
        action: Action,
        subject: Subject,
        mark: &'static str,
        work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let mut event = caller.event(&*self.host, action, subject);
        event.detail_code = Some(mark.to_owned());
        self.run(event, work).await
    }

    /// Writes down what happened to a worker's tunnel.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn note_tunnel(
        &self,
        caller: &Caller,
        action: Action,
        subject: Subject,
        via: (WorkerId, SessionId),
    ) -> Result<(), ServiceError> {
        let mut event = caller.event(&*self.host, action, subject);
        event.outcome = Outcome::Ok;
        (event.context.worker_id, event.context.session_id) = (Some(via.0), Some(via.1));
        Ok(self.sink.close(event).await?)
    }
}

fn fail(event: &mut Event, outcome: Outcome, why: Code) {
    event.outcome = outcome;
    event.error_class = Some(why.to_string());
    event.error_code = Some(why.rpc_code());
}

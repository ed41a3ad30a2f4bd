//! The composition root: the only place that knows all rooms. Their routes are in `routers`, their chores in `upkeep`.

mod routers;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use airlock_core::Host;
use airlock_core::audit::AuditSink;
use airlock_core::crypto::{PrivateKey, PublicKey};

use crate::approvals::Approvals;
use crate::apps::Apps;
use crate::audit::keeper::Keeper;
use crate::audit::retention::Retention;
use crate::audit::{AuditLog, Journal, StoreSink, Tail};
use crate::config::Config;
use crate::error::StartError;
use crate::fetch::Fetch;
use crate::gateway::Gateway;
use crate::grants::Grants;
use crate::http::Operators;
use crate::http::idempotency::Idempotency;
use crate::identity::{Ground, Invitations, Logins, Orgs, SignIn, Users};
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::oauth::{self, Oauth};
use crate::pats::Pats;
use crate::revocations::Revocations;
use crate::store::{Store, StoreError};
use crate::tasks::Tasks;
use crate::tenants::hashing::Hashing;
use crate::tenants::verify::Keys;
use crate::tenants::{ApiKeys, Tenants};
use crate::trust::Trust;
use crate::workers::{Enrollment, WorkerDirectory, Workers};

/// A control plane, composed. Cloning shares it.
#[derive(Clone, Debug)]
pub struct App {
    rooms: Arc<Rooms>,
}

#[derive(Debug)]
struct Rooms {
    config: Config,
    store: Store,
    host: Arc<dyn Host>,
    tasks: Tasks,
    metrics: Metrics,
    signing_key: Arc<PrivateKey>,
    sink: StoreSink,
    keeper: Keeper,
    retention: Retention,
    journal: Journal,
    log: AuditLog,
    tail: Tail,
    revocations: Revocations,
    tenants: Tenants,
    api_keys: ApiKeys,
    keys: Keys,
    workers: Workers,
    directory: WorkerDirectory,
    enrollment: Enrollment,
    idempotency: Idempotency,
    operators: Operators,
    users: Users,
    mailer: Mailer,
    orgs: Orgs,
    invitations: Invitations,
    sign_in: SignIn,
    logins: Logins,
    pats: Pats,
    oauth: Oauth,
    approvals: Approvals,
    apps: Apps,
    grants: Grants,
    gateway: Gateway,
}

impl App {
    /// Brings the store to this program's schema and starts what runs in the background.
    ///
    /// # Errors
    /// When the store cannot be used, was written by a newer program, or the signing key is none.
    pub async fn new(config: Config, store: Store, host: Arc<dyn Host>) -> Result<Self, StartError> {
        // On the heap: the rooms together are more than a caller's future should hold.
        Box::pin(Self::compose(config, store, host)).await
    }

    async fn compose(config: Config, store: Store, host: Arc<dyn Host>) -> Result<Self, StartError> {
        store.migrate().await?;
        let signing_key = Arc::new(match &config.signing_key {
            Some(pem) => PrivateKey::from_pem(pem.expose()).map_err(|_| StartError::SigningKey)?,
            None => store.signing_key(&*host).await?,
        });
        let (tasks, metrics, process) = (Tasks::new(), Metrics::new(), process_name(&*host));
        let keeper = Keeper::new(store.clone(), host.clone(), process.clone(), signing_key.clone());
        keeper.renew_lease().await?;
        let retention =
            Retention::new(store.clone(), host.clone(), signing_key.clone(), config.audit_retention);
        let sink = StoreSink::start(store.clone(), process, host.clone(), metrics.clone(), &tasks);
        let journal = Journal::new(Arc::new(sink.clone()), host.clone(), tasks.clone());
        let log = AuditLog::new(store.clone(), signing_key.public(), keeper.clone());
        let tail = Tail::start(store.clone(), sink.committed(), &tasks);
        let revocations = Revocations::new(store.clone(), host.clone());
        let hashing = Hashing::new(&*host);
        let tenants = Tenants::new(store.clone(), host.clone(), journal.clone(), revocations.clone());
        let api_keys = ApiKeys::new(
            store.clone(),
            host.clone(),
            journal.clone(),
            revocations.clone(),
            tenants.clone(),
            hashing.clone(),
        );
        let keys = Keys::new(store.clone(), host.clone(), revocations.clone(), hashing.clone());
        let workers =
            Workers::new(store.clone(), host.clone(), journal.clone(), revocations.clone(), tenants.clone());
        let directory = WorkerDirectory::new(workers.clone(), journal.clone(), metrics.clone());
        let enrollment = Enrollment::new(
            store.clone(),
            host.clone(),
            journal.clone(),
            revocations.clone(),
            signing_key.public(),
            config.public_url.as_str().trim_end_matches('/'),
        );
        let idempotency = Idempotency::new(store.clone(), host.clone(), tasks.clone());
        let logins =
            Logins::new(store.clone(), host.clone(), revocations.clone(), config.operator_token.as_ref());
        let trust = Trust::read(config.ca_file.as_deref())?;
        let mailer = Mailer::new(&config, &trust, tasks.clone())?;
        let ground = Ground::new(
            store.clone(),
            host.clone(),
            journal.clone(),
            revocations.clone(),
            logins.clone(),
            &hashing,
            mailer.clone(),
            tasks.clone(),
            config.signup,
        );
        let users = Users::new(ground.clone());
        let orgs = Orgs::new(ground.clone());
        let sign_in = SignIn::new(ground.clone(), config.operator_token.clone());
        let invitations = Invitations::new(ground, sign_in.clone());
        let pats = Pats::new(
            store.clone(),
            host.clone(),
            users.clone(),
            orgs.clone(),
            journal.clone(),
            revocations.clone(),
        );
        let token_secret = Arc::new(store.token_secret(&*host).await?);
        let approvals = Approvals::new(
            store.clone(),
            host.clone(),
            journal.clone(),
            mailer.clone(),
            tasks.clone(),
            config.approvals.clone(),
            &token_secret,
        );
        let base = oauth::Base {
            store: store.clone(),
            host: host.clone(),
            journal: journal.clone(),
            revocations: revocations.clone(),
            issuer: config.issuer().into(),
            key: signing_key.clone(),
            token_secret,
        };
        let fetch = Fetch::new(&config.fetch_allow, trust)?;
        let oauth = Oauth::new(base, config.oauth, fetch, orgs.clone(), tenants.clone());
        let apps = Apps::new(store.clone(), host.clone(), journal.clone(), revocations.clone());
        let grants = Grants::new(store.clone(), host.clone(), journal.clone(), revocations.clone());
        let gateway = Gateway {
            approvals: approvals.clone(),
            revocations: revocations.clone(),
            tasks: tasks.clone(),
            pats: pats.clone(),
            apps: apps.clone(),
            tokens: oauth.access().clone(),
            orgs: orgs.clone(),
            devices: oauth.devices().clone(),
            issuing: oauth.tokens().clone(),
            issuer: config.issuer().into(),
            consent_page: config
                .console
                .then(|| format!("{}{}", config.issuer(), crate::console::CONSENTS).into()),
            host: host.clone(),
            metrics: metrics.clone(),
            limits: Arc::default(),
        };
        let token = config.operator_token.clone();
        let operators = Operators::new(token, host.clone(), journal.clone(), metrics.clone());
        // Before the first request: what is revoked is known, and what the last process left open is closed.
        revocations.poll().await?;
        keeper.close_left_open().await?;
        let rooms = Rooms {
            config,
            store,
            host,
            tasks,
            metrics,
            signing_key,
            sink,
            keeper,
            retention,
            journal,
            log,
            tail,
            revocations,
            tenants,
            api_keys,
            keys,
            workers,
            directory,
            enrollment,
            idempotency,
            operators,
            users,
            mailer,
            orgs,
            invitations,
            sign_in,
            logins,
            pats,
            oauth,
            approvals,
            apps,
            grants,
            gateway,
        };
        let app = Self { rooms: Arc::new(rooms) };
        app.start();
        Ok(app)
    }

    /// Stops: no new work, what is under way ends within `drain`, then the audit log is written out.
    pub async fn shut_down(&self, drain: Duration) {
        let rooms = &*self.rooms;
        rooms.tasks.shut_down(drain).await;
        told("last use of keys", rooms.keys.flush_used().await);
        told("last use of tokens", rooms.pats.flush_used().await);
        told("audit lease", rooms.keeper.end_lease().await);
        rooms.store.close().await;
    }

    /// Takes out of the audit log what is older than it is kept: how many records. Done every hour by itself.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn prune_audit(&self) -> Result<u64, StoreError> {
        self.rooms.retention.prune().await
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.rooms.config
    }
    /// Where it keeps things.
    pub fn store(&self) -> &Store {
        &self.rooms.store
    }
    /// Time and randomness.
    pub fn host(&self) -> Arc<dyn Host> {
        self.rooms.host.clone()
    }
    /// Its tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.rooms.tasks
    }
    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.rooms.metrics
    }
    /// The key that signs checkpoints and the tunnel's challenge.
    pub fn signing_key(&self) -> Arc<PrivateKey> {
        self.rooms.signing_key.clone()
    }
    /// Its public half.
    pub fn public_key(&self) -> PublicKey {
        self.rooms.signing_key.public()
    }
    /// Where every call leaves its row.
    pub fn audit(&self) -> Arc<dyn AuditSink> {
        Arc::new(self.rooms.sink.clone())
    }
    /// The log, to be read.
    pub fn audit_log(&self) -> &AuditLog {
        &self.rooms.log
    }
    /// Where acts are written down.
    pub fn journal(&self) -> &Journal {
        &self.rooms.journal
    }
    /// What was taken back.
    pub fn revocations(&self) -> &Revocations {
        &self.rooms.revocations
    }
    /// Tenants.
    pub fn tenants(&self) -> &Tenants {
        &self.rooms.tenants
    }
    /// API keys, to be made and taken back.
    pub fn api_keys(&self) -> &ApiKeys {
        &self.rooms.api_keys
    }
    /// API keys, to be checked.
    pub fn keys(&self) -> &Keys {
        &self.rooms.keys
    }
    /// Sign-in and sign-out.
    pub fn sign_in(&self) -> &SignIn {
        &self.rooms.sign_in
    }
    /// People.
    pub fn users(&self) -> &Users {
        &self.rooms.users
    }
    /// Orgs, and who is what in them.
    pub fn orgs(&self) -> &Orgs {
        &self.rooms.orgs
    }
    /// Invitations.
    pub fn invitations(&self) -> &Invitations {
        &self.rooms.invitations
    }
    /// Browsers' sessions.
    pub fn logins(&self) -> &Logins {
        &self.rooms.logins
    }
    /// Personal access tokens.
    pub fn pats(&self) -> &Pats {
        &self.rooms.pats
    }
    /// What waits for people.
    pub fn approvals(&self) -> &Approvals {
        &self.rooms.approvals
    }
    /// Registered apps.
    pub fn apps(&self) -> &Apps {
        &self.rooms.apps
    }
    /// What roles reach of tenants through OAuth.
    pub fn grants(&self) -> &Grants {
        &self.rooms.grants
    }
    /// Enrollment of workers.
    pub fn enrollment(&self) -> &Enrollment {
        &self.rooms.enrollment
    }
    /// What the tunnel hub asks about workers and tells of them.
    pub fn directory(&self) -> WorkerDirectory {
        self.rooms.directory.clone()
    }
    /// The authorization server: clients, consents, tokens, devices.
    pub fn oauth(&self) -> &Oauth {
        &self.rooms.oauth
    }
    /// Workers.
    pub fn workers(&self) -> &Workers {
        &self.rooms.workers
    }
}

fn told(what: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "the store did not take part; the next turn tries again");
    }
}

fn process_name(host: &dyn Host) -> String {
    let mut random = [0; 12];
    host.random(&mut random);
    format!("p_{}", hex::encode(random))
}

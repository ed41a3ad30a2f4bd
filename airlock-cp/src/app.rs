//! The composition root: the only place that knows all rooms.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::AuditSink;
use airlock_core::crypto::{PrivateKey, PublicKey};
use airlock_core::{Code, Host};
use axum::Router;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;

use crate::admin::{self, StatusRoutes};
use crate::apps::{self, Apps};
use crate::audit::keeper::{self, Keeper};
use crate::audit::{AuditLog, AuditRoutes, Journal, StoreSink, Tail};
use crate::config::Config;
use crate::console::{self, Console};
use crate::error::StartError;
use crate::fetch::Fetch;
use crate::gateway::{self, Gateway};
use crate::grants::{self, Grants};
use crate::http::idempotency::{self, Idempotency};
use crate::http::request_id::{self, Edge};
use crate::http::{Api, Operators, Principals, Problem, operator, principal};
use crate::identity::{self, Ground, Invitations, Logins, Orgs, People, SignIn, Users};
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::oauth::{self, Oauth};
use crate::pats::{self, Pats};
use crate::revocations::{self, Revocations};
use crate::store::{Store, StoreError};
use crate::tasks::Tasks;
use crate::tenants::hashing::Hashing;
use crate::tenants::verify::Keys;
use crate::tenants::{self, ApiKeys, Tenants};
use crate::workers::{self, Enrollment, WorkerDirectory, Workers};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

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
    orgs: Orgs,
    invitations: Invitations,
    sign_in: SignIn,
    logins: Logins,
    pats: Pats,
    oauth: Oauth,
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
        let ground = Ground::new(
            store.clone(),
            host.clone(),
            journal.clone(),
            revocations.clone(),
            logins.clone(),
            &hashing,
            Mailer::new(&config, tasks.clone())?,
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
        let base = oauth::Base {
            store: store.clone(),
            host: host.clone(),
            journal: journal.clone(),
            revocations: revocations.clone(),
            issuer: config.issuer().into(),
            key: signing_key.clone(),
            token_secret: Arc::new(store.token_secret(&*host).await?),
        };
        let oauth =
            Oauth::new(base, config.oauth, Fetch::new(&config.fetch_allow)?, orgs.clone(), tenants.clone());
        let apps = Apps::new(store.clone(), host.clone(), journal.clone(), revocations.clone());
        let grants = Grants::new(store.clone(), host.clone(), journal.clone(), revocations.clone());
        let gateway = Gateway {
            pats: pats.clone(),
            apps: apps.clone(),
            tokens: oauth.access().clone(),
            orgs: orgs.clone(),
            devices: oauth.devices().clone(),
            issuing: oauth.tokens().clone(),
            issuer: config.issuer().into(),
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
            orgs,
            invitations,
            sign_in,
            logins,
            pats,
            oauth,
            apps,
            grants,
            gateway,
        };
        let app = Self { rooms: Arc::new(rooms) };
        app.start();
        Ok(app)
    }

    // What runs again and again. Each failure is told; the next turn tries anew.
    fn start(&self) {
        let tasks = &self.rooms.tasks;
        let revocations = self.rooms.revocations.clone();
        tasks.every(revocations::POLL_EVERY, move || {
            let revocations = revocations.clone();
            async move { told("revocations", revocations.poll().await) }
        });
        let keeper = self.rooms.keeper.clone();
        tasks.every(keeper::EVERY, move || {
            let keeper = keeper.clone();
            async move {
                told("audit lease", keeper.renew_lease().await);
                told("audit intents", keeper.close_left_open().await.map(|_| ()));
                told("audit checkpoints", keeper.sign_checkpoints(false).await);
            }
        });
        let keeper = self.rooms.keeper.clone();
        tasks.every(keeper::CHECKPOINT_EVERY, move || {
            let keeper = keeper.clone();
            async move { told("audit checkpoints", keeper.sign_checkpoints(true).await) }
        });
        let (keys, pats) = (self.rooms.keys.clone(), self.rooms.pats.clone());
        tasks.every(MINUTE, move || {
            let (keys, pats) = (keys.clone(), pats.clone());
            async move {
                told("last use of keys", keys.flush_used().await);
                told("last use of tokens", pats.flush_used().await);
            }
        });
        let directory = self.rooms.directory.clone();
        tasks.every(workers::SEEN_EVERY, move || {
            let directory = directory.clone();
            async move { directory.say_seen().await }
        });
        let sign_in = self.rooms.sign_in.clone();
        tasks.every(HOUR, move || {
            let sign_in = sign_in.clone();
            async move { told("old counts and links", sign_in.clear_old().await) }
        });
        let oauth = self.rooms.oauth.clone();
        tasks.every(HOUR, move || {
            let oauth = oauth.clone();
            async move { told("old tokens", oauth.clear_old().await) }
        });
        let (revocations, idempotency, logins) =
            (self.rooms.revocations.clone(), self.rooms.idempotency.clone(), self.rooms.logins.clone());
        tasks.every(HOUR, move || {
            let (revocations, idempotency, logins) =
                (revocations.clone(), idempotency.clone(), logins.clone());
            async move {
                told("old revocations", revocations.clear_old().await);
                told("old answers", idempotency.clear_old().await);
                told("old sessions", logins.clear_old().await);
            }
        });
    }

    /// All routes. `mcp`: the endpoint that agents call; `tunnel`: the service that workers dial. An embedder without
    /// them passes empty routers.
    pub fn router(&self, mcp: Router, tunnel: Router) -> Router {
        let api = self.api();
        let edge = Edge { host: self.rooms.host.clone(), tls: self.rooms.config.tls.is_some() };
        api.into_router()
            .merge(self.rooms.oauth.router())
            .merge(self.pages())
            .merge(mcp)
            .merge(tunnel)
            .fallback(no_such_path.layer(from_fn_with_state(console::assets::root(), console::page_headers)))
            .method_not_allowed_fallback(|| async {
                Problem::new(Code::MethodNotAllowed, "this path does not take this method")
            })
            .layer(from_fn_with_state(edge, request_id::layer))
    }

    /// The admin API with the description of every route.
    pub fn api(&self) -> Api {
        let rooms = &*self.rooms;
        let status = self.status();
        let audit = AuditRoutes {
            log: rooms.log.clone(),
            tail: rooms.tail.clone(),
            tenants: rooms.tenants.clone(),
            journal: rooms.journal.clone(),
            metrics: rooms.metrics.clone(),
            host: rooms.host.clone(),
        };
        let for_operator = tenants::api(rooms.tenants.clone())
            .merge(tenants::keys_api(rooms.api_keys.clone()))
            .merge(workers::admin_api(rooms.workers.clone()))
            .merge(grants::operator_api(rooms.grants.clone(), rooms.tenants.clone()))
            .merge(crate::audit::api(audit))
            .merge(admin::operator_api(status.clone()))
            .guard(|router| {
                router
                    .route_layer(from_fn_with_state(rooms.idempotency.clone(), idempotency::layer))
                    .route_layer(from_fn_with_state(rooms.operators.clone(), operator::layer))
            });
        let for_people = pats::api(rooms.pats.clone())
            .merge(rooms.oauth.people_api())
            .merge(rooms.oauth.admin_api())
            .merge(apps::api(rooms.apps.clone()))
            .merge(grants::org_api(rooms.grants.clone(), rooms.tenants.clone()))
            .guard(|router| router.route_layer(from_fn_with_state(self.principals(), principal::layer)));
        let open = admin::open_api(status)
            .merge(workers::enroll_api(rooms.enrollment.clone(), rooms.metrics.clone()))
            .merge(gateway::api(rooms.gateway.clone()));
        let people = identity::api(&self.people(), &self.principals(), &rooms.idempotency);
        admin::with_document(for_operator.merge(people).merge(for_people).merge(open))
    }

    fn people(&self) -> People {
        let rooms = &*self.rooms;
        People {
            sign_in: rooms.sign_in.clone(),
            users: rooms.users.clone(),
            orgs: rooms.orgs.clone(),
            invitations: rooms.invitations.clone(),
            logins: rooms.logins.clone(),
            origin: rooms.config.origin().into(),
        }
    }

    // The pages; none where the configuration wants none.
    fn pages(&self) -> Router {
        let rooms = &*self.rooms;
        if !rooms.config.console {
            return Router::new();
        }
        let console = Console {
            people: self.people(),
            oauth: rooms.oauth.clone(),
            pats: rooms.pats.clone(),
            apps: rooms.apps.clone(),
            grants: rooms.grants.clone(),
            tenants: rooms.tenants.clone(),
            host: rooms.host.clone(),
            assets: console::assets::root(),
            issuer: rooms.config.issuer().into(),
            signup: rooms.config.signup,
        };
        console::router(console, self.principals())
    }

    /// What tells who asks.
    pub(crate) fn principals(&self) -> Principals {
        let rooms = &*self.rooms;
        Principals {
            operators: rooms.operators.clone(),
            logins: rooms.logins.clone(),
            pats: rooms.pats.clone(),
            users: rooms.users.clone(),
            orgs: rooms.orgs.clone(),
            origin: rooms.config.origin().into(),
        }
    }

    /// What the status routes need.
    pub(crate) fn status(&self) -> StatusRoutes {
        let rooms = &*self.rooms;
        StatusRoutes {
            store: rooms.store.clone(),
            revocations: rooms.revocations.clone(),
            public_key: rooms.signing_key.public(),
            host: rooms.host.clone(),
        }
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

// A person who follows a dead link is shown a page.
async fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "no such path")
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

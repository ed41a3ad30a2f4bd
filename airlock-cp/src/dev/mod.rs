//! `airlock-cp dev`: the whole passage in one process, on a sample database. What `make demo` runs.
//!
//! Every hop is the real one: the control plane listens, the worker enrolls and dials it, queries run in confined
//! children, the question comes in over MCP with a key. Everything lives in a folder that is removed at the end.

mod agent;
mod sample;
mod show;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airlock_core::id::TenantId;
use airlock_core::runtime::SystemHost;
use airlock_core::{Host, Secret};
use airlock_worker::config::{Environment, Flags, Settings};
use airlock_worker::isolate::ChildCommand;
use airlock_worker::{Worker, WorkerError};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::audit::Caller;
use crate::config::{Config, ConfigError};
use crate::error::{ServiceError, StartError};
use crate::passage::Passage;
use crate::serve::{Listeners, serve_on};
use crate::store::{Store, StoreError};
use crate::tenants::{NewKey, NewTenant};
use crate::workers::NewEnrollment;

use agent::{Agent, AgentError};

const SLUG: &str = "demo";
const WORKER: &str = "w_demo_dev";
const PORT: u16 = 8080;
const TUNNEL_WITHIN: Duration = Duration::from_secs(20);
const DRAIN: Duration = Duration::from_secs(5);

/// How the demo runs.
#[derive(Clone, Debug, Default)]
pub struct DevOptions {
    /// End after the answer instead of staying up.
    pub once: bool,
    /// Show the worker's and control plane's log.
    pub verbose: bool,
}

/// Why the demo did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevError {
    /// A file could not be made.
    #[error("{doing}: {error}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// The sample database could not be written or read.
    #[error("the sample database: {0}")]
    Sample(#[from] sqlx::Error),
    /// The demo's own settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The control plane did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Tenant, key or token could not be made.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The worker did not start.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The worker's settings.
    #[error(transparent)]
    Settings(#[from] airlock_worker::config::ConfigError),
    /// The tunnel did not come up.
    #[error("the worker's tunnel did not come up within {} s; run with --verbose to see why", TUNNEL_WITHIN.as_secs())]
    NoTunnel,
    /// The question was not answered.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Everything that runs.
struct Running {
    folder: Folder,
    passage: Passage,
    tenant: TenantId,
    url: String,
    key: String,
    worker: tokio::task::JoinHandle<Result<(), WorkerError>>,
    stop_worker: CancellationToken,
}

/// Runs the demo, telling it on `out` as it goes; stays up until `stop` unless `options.once`.
///
/// # Errors
/// With what stood in the way.
pub async fn run(
    options: &DevOptions,
    out: &mut (dyn std::io::Write + Send),
    stop: impl Future<Output = ()> + Send,
) -> Result<(), DevError> {
    let mut tell = Telling { out, step: 0 };
    tell.line("\nAirlock demo: an agent asks about one customer of a sample bank.\n");
    let running = start(&mut tell).await?;
    let told = story::tell(&running, &mut tell).await;
    if told.is_ok() && !options.once {
        story::invite(&running, &mut tell);
        stop.await;
        tell.line("\nstopping…");
    }
    running.stop_worker.cancel();
    let _ = tokio::time::timeout(DRAIN, running.worker).await;
    running.passage.shut_down(DRAIN).await;
    told
}

async fn start(tell: &mut Telling<'_>) -> Result<Running, DevError> {
    let host: Arc<dyn Host> = Arc::new(SystemHost::new());
    let folder = Folder::make(&*host)?;

    tell.step("sample database");
    let database = folder.path.join("bank.sqlite");
    let made = sample::write(&database).await?;
    tell.done(&format!(
        "{} users, {} accounts, {} transactions, {} tickets",
        made.users, made.accounts, made.transactions, made.tickets
    ));

    tell.step("control plane");
    let (passage, url) = control_plane(&folder, host.clone()).await?;
    let app = passage.app().clone();
    tell.done(&format!("{url}, one tenant `{SLUG}`"));

    let operator = Caller::operator();
    let new = NewTenant { slug: SLUG.into(), id: None, name: None };
    let tenant = app.tenants().create(&operator, new).await?.id;
    let new = NewEnrollment { worker_id: WORKER.into(), ttl_s: None };
    let token = app.workers().mint(&operator, &tenant, new).await?.text;
    let key =
        app.api_keys().create(&operator, &tenant, NewKey::named("demo-agent")).await?.text.expose().clone();

    tell.step("worker");
    let stop_worker = CancellationToken::new();
    let worker = worker(&folder, &database, &url, token, host).await?;
    let stopped = stop_worker.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "the demo awaits it below; the worker is no task of the control plane's"
    )]
    let worker = tokio::spawn(async move { worker.run(stopped).await });
    let session = tunnel_up(&passage, &tenant).await?;
    tell.done(&format!("enrolled, dialed out, tunnel up: tenant={tenant} worker={WORKER} session={session}"));

    Ok(Running { folder, passage, tenant, url, key, worker, stop_worker })
}

/// A control plane on the usual port, or on a free one when that is taken.
async fn control_plane(folder: &Folder, host: Arc<dyn Host>) -> Result<(Passage, String), DevError> {
    let store = folder.path.join("control-plane");
    std::fs::create_dir(&store).map_err(|error| DevError::File { doing: "making a folder", error })?;
    let mut token = [0; 32];
    host.random(&mut token);
    let vars = [
        ("AIRLOCK_CP_OPERATOR_TOKEN", hex::encode(token)),
        ("AIRLOCK_CP_BIND", format!("127.0.0.1:{PORT}")),
        ("AIRLOCK_CP_DATA_DIR", store.display().to_string()),
        ("AIRLOCK_CP_METRICS_BIND", "off".into()),
    ];
    let mut config = Config::from_vars(vars.map(|(k, v)| (k.to_owned(), v)))?;
    let listeners = match Listeners::bind(&mut config).await {
        Err(StartError::Bind { .. }) => {
            config.bind.set_port(0);
            Listeners::bind(&mut config).await?
        }
        bound => bound?,
    };
    let store = Store::sqlite(&config.sqlite_file()).await?;
    let app = App::new(config, store, host).await?;
    let passage = Passage::new(&app);
    let listening = serve_on(&app, listeners, passage.router()?)?;
    Ok((passage, format!("http://{}", listening.address)))
}

/// A worker beside the sample database, enrolled as any other.
async fn worker(
    folder: &Folder,
    database: &Path,
    url: &str,
    token: Secret<String>,
    host: Arc<dyn Host>,
) -> Result<Worker, DevError> {
    let policy = folder.path.join("airlock.yaml");
    std::fs::write(&policy, POLICY).map_err(|error| DevError::File { doing: "writing the policy", error })?;
    let variables = [
        ("DATABASE_URL", format!("sqlite://{}", database.display())),
        ("AIRLOCK_CONFIG", policy.display().to_string()),
        ("AIRLOCK_DATA_DIR", folder.snapshots.display().to_string()),
        ("AIRLOCK_METRICS_ADDR", "127.0.0.1:0".into()),
        ("AIRLOCK_ENROLLMENT_TOKEN", token.expose().clone()),
        ("AIRLOCK_CP_URL", url.to_owned()),
    ];
    let variables: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let settings = Settings::read(&Environment::of(&variables), Flags::default())?;
    airlock_worker::register(&settings, None, &*host).await?;
    let command = ChildCommand::this_program()
        .map_err(|error| DevError::File { doing: "finding this program", error })?;
    Ok(Worker::prepare(&settings, command, host).await?)
}

async fn tunnel_up(passage: &Passage, tenant: &TenantId) -> Result<String, DevError> {
    let up = async {
        loop {
            if let Some(live) = passage.hub().workers(tenant).first() {
                return live.session_id.to_string();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(TUNNEL_WITHIN, up).await.map_err(|_| DevError::NoTunnel)
}

impl Running {
    fn agent(&self) -> Result<Agent, AgentError> {
        Agent::new(format!("{}/mcp/{SLUG}", self.url), self.key.clone())
    }
    fn database(&self) -> PathBuf {
        self.folder.path.join("bank.sqlite")
    }
}

/// Where the demo keeps its files; removed with everything in it.
struct Folder {
    path: PathBuf,
    snapshots: PathBuf,
}

impl Folder {
    fn make(host: &dyn Host) -> Result<Self, DevError> {
        let mut random = [0; 6];
        host.random(&mut random);
        let name = format!("airlock-demo-{}", hex::encode(random));
        let path = std::env::temp_dir().join(&name);
        let shm = Path::new("/dev/shm");
        let snapshots = if shm.is_dir() { shm.join(&name) } else { path.join("snapshots") };
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| DevError::File { doing: "making a folder", error })?;
        Ok(Self { path, snapshots })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whatever cannot be removed lies in the system's temporary folder, owner-only.
        let _ = std::fs::remove_dir_all(&self.snapshots);
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Tells the demo, one step after another.
struct Telling<'a> {
    out: &'a mut (dyn std::io::Write + Send),
    step: usize,
}

impl Telling<'_> {
    fn line(&mut self, text: &str) {
        // A closed terminal is no reason to stop half-way.
        let _ = writeln!(self.out, "{text}");
    }
    fn step(&mut self, what: &str) {
        self.step += 1;
        let _ = write!(self.out, "  [{}/{STEPS}] {what:<16} ", self.step);
        let _ = self.out.flush();
    }
    fn done(&mut self, how: &str) {
        self.line(how);
    }
}

const STEPS: usize = 6;
const POLICY: &str = include_str!("airlock.yaml");

//! The worker: policy, source, snapshots, query children, engine, tunnel, metrics, composed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Host;
use airlock_core::crypto::PublicKey;
use airlock_core::engine::Engine;
use airlock_core::mask::MaskKeys;
use airlock_core::policy::{self, ControlPlanePolicy, Findings, LintCode, Policy, StorageMode};
use airlock_core::query::check_samples;
use airlock_core::snapshot::{Catalog, ExportPlan, Snapshots, SnapshotsSetup, Source};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cache::{Place, TmpfsSnapshots};
use crate::config::Settings;
use crate::error::WorkerError;
use crate::isolate::{ChildCommand, ChildRunner, IsolateConfig};
use crate::metrics::{self, Counted, CountedStore, Metrics};
use crate::open_source::OpenSource;
use crate::tunnel::{Tunnel, TunnelConfig, TunnelStatus};
use crate::{identity, mask_key};

/// What answers a worker's calls: masked snapshots in files without names, statements in confined children.
pub type WorkerEngine = Engine<WorkerSnapshots, ChildRunner>;
/// Where a worker keeps its snapshots.
pub type WorkerSnapshots = CountedStore<TmpfsSnapshots>;

/// A worker that is ready to run.
#[derive(Debug)]
pub struct Worker {
    snapshots: Snapshots<WorkerSnapshots>,
    tunnel: Tunnel,
    metrics: Metrics,
    metrics_addr: SocketAddr,
}

/// A policy that fits its source.
pub(crate) struct Bound {
    pub(crate) policy: Arc<Policy>,
    pub(crate) plan: Arc<ExportPlan>,
    pub(crate) source: Arc<dyn Source>,
}

impl Worker {
    /// Reads the policy, opens the source, starts the query children. Nothing is dialled yet.
    ///
    /// # Errors
    /// With the first thing that stands in the way, and what to do about it.
    pub async fn prepare(
        settings: &Settings,
        command: ChildCommand,
        host: Arc<dyn Host>,
    ) -> Result<Self, WorkerError> {
        let Bound { policy, plan, source } = bind(settings).await?;
        let control_plane = policy.control_plane.as_ref();
        let control_plane = control_plane.ok_or(WorkerError::Missing(
            "airlock.yaml has no control_plane block; write one with `airlock register`",
        ))?;
        if policy.storage.mode == StorageMode::Memory {
            return Err(WorkerError::Missing(
                "`storage.mode: memory` is for embedders; a worker keeps snapshots in tmpfs",
            ));
        }
        let place = Place::open(&data_dir(settings, &policy), policy.storage.allow_disk)?;
        let (root, _) = mask_key::load_or_create(&settings.mask_key, &*host)?;
        tracing::info!("mask key {}", mask_key::fingerprint(&root));
        let metrics = Metrics::new(&plan.policy_hash, true);
        let snapshots = Snapshots::new(SnapshotsSetup {
            plan: plan.clone(),
            source,
            keys: MaskKeys::new(root, control_plane.tenant_id.clone()),
            limits: policy.limits.clone(),
            ttl: policy.snapshot_ttl,
            store: CountedStore::new(TmpfsSnapshots::new(place, &*host), metrics.clone()),
            host: host.clone(),
        });
        let runner = ChildRunner::start(isolation(command, &policy)).await;
        let runner =
            runner.map_err(|error| WorkerError::System { doing: "starting a query child", error })?;
        let engine = Engine::new(policy.clone(), plan, snapshots.clone(), runner, host.clone());
        let plane = Arc::new(Counted::new(engine, metrics.clone()));
        let tunnel = Tunnel::new(dialled(settings, control_plane)?, plane, host)?;
        Ok(Self { snapshots, tunnel, metrics, metrics_addr: settings.metrics_addr })
    }

    /// Keeps the tunnel up and serves metrics until `shutdown`, then lets running calls finish and drops every
    /// snapshot.
    ///
    /// # Errors
    /// When the metrics' address cannot be had, or dialling the control plane is of no use.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WorkerError> {
        let Self { snapshots, tunnel, metrics, metrics_addr } = self;
        let failed =
            |error: std::io::Error| WorkerError::Listen { address: metrics_addr, kind: error.kind() };
        let listener = TcpListener::bind(metrics_addr).await.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        match local.ip().is_unspecified() {
            true => tracing::info!("metrics listening on :{}/metrics", local.port()),
            false => tracing::info!("metrics listening on {local}/metrics"),
        }
        // Everything beside the tunnel ends with it.
        let ended = CancellationToken::new();
        let mut beside = JoinSet::new();
        let counted = snapshots.clone();
        let refresh = move |metrics: &Metrics| {
            let stats = counted.stats();
            metrics.snapshots(stats.kept, stats.bytes, stats.exported, stats.failed);
        };
        let (served, followed) = (metrics.clone(), metrics);
        let (serving, status) = (ended.clone(), tunnel.status());
        beside.spawn(async move {
            if let Err(error) = metrics::serve(listener, served, refresh, serving).await {
                tracing::error!(%error, "metrics are no longer served");
            }
        });
        beside.spawn(follow(status, followed));
        beside.spawn(sweep(snapshots.clone(), ended.clone()));

        let result = tunnel.run(shutdown).await;
        ended.cancel();
        snapshots.drop_all();
        while beside.join_next().await.is_some() {}
        result.map_err(WorkerError::from)
    }
}

/// Reads the policy, opens the source it is for, and binds one to the other.
pub(crate) async fn bind(settings: &Settings) -> Result<Bound, WorkerError> {
    let wrong = |yaml: &str, findings: Findings| WorkerError::Policy {
        path: settings.config_path.clone(),
        findings: findings.locate(yaml),
    };
    let yaml = settings.policy_text()?;
    let policy = Policy::parse(&yaml).map_err(|findings| wrong(&yaml, findings))?;
    let url = settings.database_url.as_ref();
    let url = url.ok_or(WorkerError::Missing("no source: set DATABASE_URL or AIRLOCK_DATABASE_URL_FILE"))?;
    let source = OpenSource::for_policy(&policy).open(url).await?;
    let catalog = source.catalog().await?;
    let plan = policy::bind(&policy, &catalog).map_err(|findings| wrong(&yaml, findings))?;
    let samples = check_samples(&policy, &plan);
    if !samples.is_empty() {
        return Err(wrong(&yaml, samples));
    }
    summarise(&policy, &plan, &catalog);
    Ok(Bound { policy: Arc::new(policy), plan: Arc::new(plan), source })
}

/// One line that says what is masked.
fn summarise(policy: &Policy, plan: &ExportPlan, catalog: &Catalog) {
    let columns = || plan.tables.iter().flat_map(|t| &t.columns);
    let masked = columns().filter(|c| c.mask.is_some()).count();
    let excluded: usize = plan.tables.iter().map(|t| t.excluded_columns).sum();
    let personal = policy::lint(policy, Some(catalog)).iter().filter(|f| f.code == LintCode::W101).count();
    tracing::info!(
        "policy {}: {} tables, masked {masked}/{} columns, {excluded} excluded, {personal} PII warnings",
        &plan.policy_hash.to_string()[..12],
        plan.tables.len(),
        columns().count(),
    );
}

pub(crate) fn data_dir(settings: &Settings, policy: &Policy) -> std::path::PathBuf {
    settings.data_dir.clone().unwrap_or_else(|| policy.data_dir.clone().into())
}

fn isolation(command: ChildCommand, policy: &Policy) -> IsolateConfig {
    let mut config = IsolateConfig::new(command, policy.limits.query_process_memory);
    if let Ok(wanted @ 1..) = usize::try_from(policy.limits.max_concurrent_queries) {
        config.children = wanted;
    }
    config
}

fn dialled(settings: &Settings, policy: &ControlPlanePolicy) -> Result<TunnelConfig, WorkerError> {
    let url = policy.url.parse().map_err(|_| WorkerError::Missing("control_plane.url is no URL"))?;
    let cp_key = PublicKey::from_base64(&policy.cp_public_key)
        .map_err(|_| WorkerError::Missing("control_plane.cp_public_key is no key; register again"))?;
    Ok(TunnelConfig {
        url,
        tenant_id: policy.tenant_id.clone(),
        worker_id: policy.worker_id.clone(),
        key: Arc::new(identity::load(&settings.worker_key_path(policy.key_path.as_deref()))?),
        cp_key,
        ca_file: policy.ca_file.clone().map(Into::into),
        proxy: settings.proxy_for(policy.proxy.as_deref())?,
        heartbeat: policy.heartbeat,
        reconnect_min: policy.reconnect_min,
        reconnect_max: policy.reconnect_max,
    })
}

/// Tells the metrics how the tunnel is, until it has stopped.
async fn follow(mut status: tokio::sync::watch::Receiver<TunnelStatus>, metrics: Metrics) {
    loop {
        let now = status.borrow_and_update().clone();
        metrics.tunnel(matches!(now, TunnelStatus::Up { .. }));
        if now == TunnelStatus::Stopped || status.changed().await.is_err() {
            metrics.tunnel(false);
            return;
        }
    }
}

/// Drops what is no longer fresh.
async fn sweep(snapshots: Snapshots<WorkerSnapshots>, ended: CancellationToken) {
    let mut tick = interval(SWEEP_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            _ = tick.tick() => {}
        }
        let snapshots = snapshots.clone();
        // Dropping a snapshot overwrites its files, which takes as long as writing them did.
        let swept = tokio::task::spawn_blocking(move || snapshots.sweep());
        if swept.await.is_err() {
            tracing::error!("sweeping snapshots failed");
        }
    }
}

/// Data at rest outlives its freshness by this at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

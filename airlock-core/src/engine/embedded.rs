//! The engine for embedders: snapshots in memory, queries on threads of this process, rows from any [`Source`].

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Engine;
use crate::host::Host;
use crate::id::{CallId, SubjectId, ToolName, TraceId};
use crate::mask::MaskKeys;
use crate::plane::{ContentType, Revision, ToolCall};
use crate::policy::{self, Findings, Policy};
use crate::principal::{Actor, ActorKind, Principal, Scope};
use crate::query::{InProcess, check_samples};
use crate::snapshot::{MemorySnapshots, Snapshots, SnapshotsSetup, Source, SourceError};

/// An [`Engine`] that needs nothing around it.
pub type Embedded = Engine<MemorySnapshots, InProcess>;

/// Why no engine could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The policy is wrong, or does not fit the source.
    #[error("{0}")]
    Policy(Findings),
    /// The source did not tell its catalog.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The threads that run queries could not be started.
    #[error("the threads for queries could not be started: {0}")]
    Threads(std::io::ErrorKind),
}

impl From<Findings> for EmbedError {
    fn from(findings: Findings) -> Self {
        Self::Policy(findings)
    }
}

impl Embedded {
    /// Reads a policy, binds it to the source and makes an engine.
    ///
    /// `yaml`: the text of an `airlock.yaml`; what concerns a worker (`data_dir`, `control_plane`) is not used.
    /// Queries run on `max_concurrent_queries` threads, or on `cores` when the policy does not say. They are not confined to a process of their own: give only statements of agents
    /// that may end this process, or use the worker.
    ///
    /// # Errors
    /// When the policy has errors, does not fit the source, or the source cannot be read.
    pub async fn from_yaml(
        yaml: &str,
        source: Arc<dyn Source>,
        keys: MaskKeys,
        cores: NonZeroUsize,
        host: Arc<dyn Host>,
    ) -> Result<Self, EmbedError> {
        let policy = Arc::new(Policy::parse(yaml)?);
        let plan = Arc::new(policy::bind(&policy, &source.catalog().await?)?);
        let samples = check_samples(&policy, &plan);
        if !samples.is_empty() {
            return Err(samples.into());
        }
        let runner = InProcess::new(threads(&policy, cores)).map_err(|e| EmbedError::Threads(e.kind()))?;
        let snapshots = Snapshots::new(SnapshotsSetup {
            plan: plan.clone(),
            source,
            keys,
            limits: policy.limits.clone(),
            ttl: policy.snapshot_ttl,
            store: MemorySnapshots,
            host: host.clone(),
        });
        Ok(Self::new(policy, plan, snapshots, runner, host))
    }

    /// A call as an embedder makes it: everything allowed, one subject bound, the newest revision with a handshake.
    ///
    /// # Errors
    /// When `arguments` cannot be written as JSON.
    pub fn call_for(
        host: &dyn Host,
        subject: SubjectId,
        tool: ToolName,
        arguments: &serde_json::Value,
    ) -> Result<ToolCall, serde_json::Error> {
        Ok(ToolCall {
            id: CallId::new(host),
            tool,
            arguments: serde_json::value::to_raw_value(arguments)?,
            bound: Some(subject),
            principal: Principal {
                actor: Actor { kind: ActorKind::Embedded, id: "embedded".into(), name: None },
                scope: Scope::EVERYTHING,
            },
            trace: TraceId::new(host),
            budget: std::time::Duration::from_secs(60),
            revision: Revision::V2025_11_25,
            accept: ContentType::McpResult,
        })
    }
}

fn threads(policy: &Policy, cores: NonZeroUsize) -> NonZeroUsize {
    usize::try_from(policy.limits.max_concurrent_queries).ok().and_then(NonZeroUsize::new).unwrap_or(cores)
}

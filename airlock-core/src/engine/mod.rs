//! Policy, snapshots, egress, query and tools in one process: the data airlock as a value.
//!
//! ```text
//! ToolCall ─► arguments ─► scope ─► snapshot (exported if absent) ─► statement admitted and run ─► tool result
//! ```

mod embedded;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use subtle::ConstantTimeEq;

pub use embedded::{EmbedError, Embedded};

use crate::crypto::{hmac_sha256, sha256};
use crate::egress::{self, Checked};
use crate::error::{CallError, Code, Surface};
use crate::host::Host;
use crate::id::{PolicyHash, SubjectId};
use crate::plane::{ContentType, DataPlane, Head, Outcome, Rendered, ToolCall};
use crate::policy::Policy;
use crate::query::{Format, Job, QueryError, QueryRunner};
use crate::snapshot::{Cold, ExportPlan, Manifest, Snapshot, SnapshotStore, Snapshots};
use crate::tool::execute_sql::Answered;
use crate::tool::{self, ExecuteSql, GetSchema, NullRates};

/// The data airlock: answers the agent's tools from masked snapshots of one source.
///
/// `S` keeps snapshots, `R` runs statements over them. Embedders take `MemorySnapshots` and `InProcess`; the worker
/// takes files in memory and confined children.
pub struct Engine<S: SnapshotStore, R> {
    policy: Arc<Policy>,
    plan: Arc<ExportPlan>,
    snapshots: Snapshots<S>,
    runner: R,
    host: Arc<dyn Host>,
    /// Signs cursors and fingerprints statements; never leaves the process.
    key: [u8; 32],
}

impl<S: SnapshotStore, R> std::fmt::Debug for Engine<S, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("policy", &self.plan.policy_hash).finish_non_exhaustive()
    }
}

impl<S: SnapshotStore, R: QueryRunner<S::Data>> Engine<S, R> {
    /// Puts the parts together. `plan` is `policy` bound to the catalog of the source behind `snapshots`.
    pub fn new(
        policy: Arc<Policy>,
        plan: Arc<ExportPlan>,
        snapshots: Snapshots<S>,
        runner: R,
        host: Arc<dyn Host>,
    ) -> Self {
        let mut key = [0; 32];
        host.random(&mut key);
        Self { policy, plan, snapshots, runner, host, key }
    }

    /// Which masks are in force.
    pub fn policy_hash(&self) -> PolicyHash {
        self.plan.policy_hash
    }

    /// The snapshots, for sweeping and dropping.
    pub fn snapshots(&self) -> &Snapshots<S> {
        &self.snapshots
    }

    async fn snapshot(
        &self,
        call: &ToolCall,
        subject: &SubjectId,
        head: &mut Head,
    ) -> Result<Arc<Snapshot<S::Data>>, CallError> {
        let (snapshot, cold) = self.snapshots.get_for(&call.principal.actor, subject).await?;
        head.cold = cold == Cold::Yes;
        head.generation = Some(snapshot.manifest.generation.0);
        Ok(snapshot)
    }

    async fn execute_sql(
        &self,
        call: &ToolCall,
        begun: Duration,
        head: &mut Head,
    ) -> Result<Bytes, CallError> {
        let (args, subject) = ExecuteSql::parse(call)?;
        let subject = subject.ok_or_else(no_subject)?;
        let limits = &self.policy.limits;
        let sql = Checked::new(&args.sql, limits)
            .map_err(|refusal| CallError::from(QueryError::Refused(refusal)))?;
        head.sql_fingerprint = Some(self.fingerprint(&sql));
        let snapshot = self.snapshot(call, &subject, head).await?;
        let offset = match &args.cursor {
            Some(cursor) => self.read_cursor(cursor, &sql, &snapshot.manifest)?,
            None => 0,
        };
        let spent = self.host.monotonic().saturating_sub(begun);
        let wanted = args.timeout_ms.map_or(Duration::MAX, Duration::from_millis);
        let job = Job {
            sql: sql.clone(),
            format: if call.accept == ContentType::ArrowStream { Format::Arrow } else { args.format.into() },
            max_rows: [args.max_rows, call.principal.scope.max_rows.map(u64::from)]
                .into_iter()
                .flatten()
                .fold(limits.max_result_rows, u64::min),
            offset,
            limits: Arc::new(limits.clone()),
            timeout: wanted.min(limits.query_timeout()).min(call.budget.saturating_sub(spent)),
        };
        let (shaped, queued) = self.runner.run(&call.principal.actor, job, snapshot.clone()).await?;
        head.rows = shaped.row_count;
        head.truncated = shaped.truncation.is_some();
        head.queue_ms = millis(queued);
        head.elapsed_ms = millis(self.host.monotonic().saturating_sub(begun));
        let cut_between_rows =
            shaped.truncation.is_some_and(|t| t.reason != crate::query::TruncationReason::Cells);
        let cursor = (cut_between_rows && shaped.ordered)
            .then(|| self.write_cursor(offset + shaped.row_count, &sql, &snapshot.manifest));
        let mut nonce = [0; 8];
        self.host.random(&mut nonce);
        let answered = Answered {
            shaped,
            manifest: &snapshot.manifest,
            cold: head.cold,
            elapsed_ms: head.elapsed_ms,
            queue_ms: head.queue_ms,
            cursor,
            nonce: &hex::encode(nonce),
        };
        Ok(answered.write(&call.trace, call.revision))
    }

    async fn get_schema(&self, call: &ToolCall, head: &mut Head) -> Result<Bytes, CallError> {
        let (args, subject) = GetSchema::parse(call)?;
        let snapshot = match &subject {
            Some(subject) => Some(self.snapshot(call, subject, head).await?),
            None => None,
        };
        let manifest = snapshot.as_ref().map(|s| (&s.manifest, head.cold));
        tool::get_schema::render(&args, &self.policy, &self.plan, manifest, &call.trace, call.revision)
    }

    async fn null_rates(&self, call: &ToolCall, head: &mut Head) -> Result<Bytes, CallError> {
        let (args, subject) = NullRates::parse(call)?;
        let snapshot = self.snapshot(call, &subject.ok_or_else(no_subject)?, head).await?;
        tool::null_rates::render(&args, &self.plan, &snapshot.manifest, head.cold, &call.trace, call.revision)
    }

    /// Groups repeats of a statement without telling it: a keyed digest of its text without literals.
    fn fingerprint(&self, sql: &Checked) -> String {
        hex::encode(&hmac_sha256(&self.key, &[b"fingerprint\0", egress::outline(sql).as_bytes()])[..8])
    }

    fn write_cursor(&self, offset: u64, sql: &Checked, manifest: &Manifest) -> String {
        let offset = offset.to_be_bytes();
        let generation = manifest.generation.0.to_be_bytes();
        let mac = self.cursor_mac(&offset, &generation, sql, manifest);
        URL_SAFE_NO_PAD.encode([&offset[..], &generation, &mac].concat())
    }

    /// Takes a cursor only for the statement, subject and generation that it was made for.
    fn read_cursor(&self, cursor: &str, sql: &Checked, manifest: &Manifest) -> Result<u64, CallError> {
        let invalid =
            || CallError::new(Code::InvalidArguments, "argument `cursor` does not belong to this statement");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| invalid())?;
        let (offset, generation, mac) = (&bytes[..8], &bytes[8..16], &bytes[16..]);
        if !bool::from(self.cursor_mac(offset, generation, sql, manifest).ct_eq(mac)) {
            return Err(invalid());
        }
        if generation != manifest.generation.0.to_be_bytes() {
            return Err(CallError::new(
                Code::CursorExpired,
                "the snapshot was exported anew since this cursor was made",
            )
            .with_hint("run the statement again without cursor"));
        }
        Ok(u64::from_be_bytes(offset.try_into().map_err(|_| invalid())?))
    }

    fn cursor_mac(&self, offset: &[u8], generation: &[u8], sql: &Checked, manifest: &Manifest) -> [u8; 16] {
        let handle = manifest.handle.to_string();
        let statement = sha256(&[sql.as_str().as_bytes()]);
        let mac = hmac_sha256(&self.key, &[b"cursor\0", offset, generation, handle.as_bytes(), &statement]);
        let mut out = [0; 16];
        out.copy_from_slice(&mac[..16]);
        out
    }
}

#[async_trait]
impl<S: SnapshotStore, R: QueryRunner<S::Data>> DataPlane for Engine<S, R> {
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError> {
        let begun = self.host.monotonic();
        let mut head = Head { policy_hash: Some(self.plan.policy_hash.to_string()), ..Head::ok() };
        let result = if call.principal.scope.tools.allows(&call.tool) {
            match call.tool.as_str() {
                tool::EXECUTE_SQL => self.execute_sql(&call, begun, &mut head).await,
                tool::GET_SCHEMA => self.get_schema(&call, &mut head).await,
                tool::NULL_RATES => self.null_rates(&call, &mut head).await,
                _ => Err(no_tool()),
            }
        } else {
            Err(no_tool())
        };
        head.elapsed_ms = millis(self.host.monotonic().saturating_sub(begun));
        match result {
            Ok(body) => {
                let arrow =
                    call.accept == ContentType::ArrowStream && call.tool.as_str() == tool::EXECUTE_SQL;
                let content_type = if arrow { ContentType::ArrowStream } else { ContentType::McpResult };
                Ok(Rendered { head, content_type, body })
            }
            Err(error) if error.code.surface() == Surface::Tool => {
                head.outcome = Outcome::Error;
                head.error_class = Some(error.code.to_string());
                head.detail_code.clone_from(&error.detail);
                let body = tool::error_result(&error, &call.trace, call.revision);
                Ok(Rendered { head, content_type: ContentType::McpResult, body })
            }
            Err(error) => Err(error),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn no_subject() -> CallError {
    CallError::new(Code::InvalidArguments, "argument `snapshot_id` is missing")
}

/// The same for a tool that is hidden and one that does not exist.
fn no_tool() -> CallError {
    CallError::new(Code::ToolNotFound, "unknown tool")
}

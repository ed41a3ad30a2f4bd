//! The sink of all callers: one task writes what has gathered while the last write went to disk.
//!
//! Under load one transaction serves hundreds of callers; alone, a caller waits for its own write and nothing else.

use std::sync::Arc;

use airlock_core::Host;
use airlock_core::audit::{AuditError, AuditSink, Event};
use airlock_core::id::AuditId;
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::write::{Batch, Verdict, write};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use crate::tasks::{TaskKind, Tasks};

// Callers wait when so much is queued (T-158), and one transaction holds at most so much.
const QUEUED_MAX: usize = 4_096;
const BATCH_MAX: usize = 512;

pub(super) enum Op {
    Open(Box<Event>),
    Close(Box<Event>),
    Abandon(AuditId),
}

struct Order {
    op: Op,
    done: oneshot::Sender<Result<(), AuditError>>,
}

/// Writes events into the store, in one hash chain per org. Cloning shares it.
#[derive(Clone, Debug)]
pub struct StoreSink {
    orders: mpsc::Sender<Order>,
    committed: watch::Receiver<u64>,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Order")
    }
}

impl StoreSink {
    /// Starts the writer. Intents stand under the name of `process`, whose lease the keeper renews.
    pub fn start(
        store: Store,
        process: String,
        host: Arc<dyn Host>,
        metrics: Metrics,
        tasks: &Tasks,
    ) -> Self {
        let (orders, queue) = mpsc::channel(QUEUED_MAX);
        let (commits, committed) = watch::channel(0);
        let writer = Writer { store, process, host, metrics, commits };
        tasks.spawn(TaskKind::AuditWriter, writer.run(queue, tasks.end()));
        Self { orders, committed }
    }

    /// Changes with every write that appended to a chain.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    async fn order(&self, op: Op) -> Result<(), AuditError> {
        let ended = |_| AuditError("the writer has ended".to_owned());
        let (done, answer) = oneshot::channel();
        self.orders
            .send(Order { op, done })
            .await
            .map_err(|_| AuditError("the writer has ended".to_owned()))?;
        answer.await.map_err(ended)?
    }
}

#[async_trait]
impl AuditSink for StoreSink {
    async fn open(&self, event: &Event) -> Result<(), AuditError> {
        self.order(Op::Open(Box::new(event.clone()))).await
    }
    async fn close(&self, event: Event) -> Result<(), AuditError> {
        self.order(Op::Close(Box::new(event))).await
    }
    async fn abandon(&self, id: &AuditId) -> Result<(), AuditError> {
        self.order(Op::Abandon(id.clone())).await
    }
}

struct Writer {
    store: Store,
    process: String,
    host: Arc<dyn Host>,
    metrics: Metrics,
    commits: watch::Sender<u64>,
}

impl Writer {
    async fn run(self, mut queue: mpsc::Receiver<Order>, end: CancellationToken) {
        let mut orders = Vec::with_capacity(BATCH_MAX);
        loop {
            tokio::select! {
                n = queue.recv_many(&mut orders, BATCH_MAX) => if n == 0 { return },
                () = end.cancelled(), if !queue.is_closed() => {
                    queue.close(); // what is queued is still written
                    continue;
                }
            }
            let begun = self.host.monotonic();
            self.settle(std::mem::take(&mut orders)).await;
            self.metrics.audit_lag(self.host.monotonic().saturating_sub(begun));
        }
    }

    async fn settle(&self, orders: Vec<Order>) {
        let (ops, done): (Vec<_>, Vec<_>) = orders.into_iter().map(|o| (o.op, o.done)).unzip();
        let verdicts = match write(&self.store, &self.process, &Batch::of(&ops)).await {
            // One event that cannot be written must not take the others with it.
            Err(StoreError::Conflict) if ops.len() > 1 => self.one_by_one(&ops).await,
            Ok(verdicts) => verdicts,
            Err(e) => {
                tracing::error!(error = %e, "the audit log cannot be written");
                ops.iter().map(|_| Verdict::Failed(e.clone())).collect()
            }
        };
        if ops.iter().any(|op| matches!(op, Op::Close(_))) {
            self.commits.send_modify(|n| *n = n.wrapping_add(1));
        }
        for (done, verdict) in done.into_iter().zip(verdicts) {
            // Who does not wait any more needs no answer.
            let _ = done.send(match verdict {
                Verdict::Written => Ok(()),
                Verdict::UnknownOrg => Err(AuditError("no such org".to_owned())),
                Verdict::Failed(StoreError::Conflict) => {
                    Err(AuditError("the event stands in the log already".to_owned()))
                }
                Verdict::Failed(e) => Err(AuditError(e.to_string())),
            });
        }
    }

    async fn one_by_one(&self, ops: &[Op]) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(ops.len());
        for op in ops {
            let one = write(&self.store, &self.process, &Batch::of(std::slice::from_ref(op))).await;
            verdicts.extend(one.unwrap_or_else(|e| vec![Verdict::Failed(e)]));
        }
        verdicts
    }
}

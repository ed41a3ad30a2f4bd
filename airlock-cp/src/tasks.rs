//! Every task of the process, by kind: what it does when the process stops, and what happens when it ends on its own.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// Accepts connections; ends at once when the process stops.
    Accept,
    /// One connection: finishes what it has begun, within the drain time.
    Connection,
    /// One administrative act, which runs to its end even if the one who asked is gone.
    Act,
    /// One agent's call, which closes its audit row even if the agent is gone.
    Call,
    /// Runs again and again; ends at once when the process stops.
    Periodic,
    /// Follows the audit log for those who watch it; ends at once.
    Follow,
    /// Writes the audit log; ends after all others, with nothing left unwritten.
    AuditWriter,
}

/// The registry of tasks. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    first: TaskTracker,
    last: TaskTracker,
    stop: CancellationToken,
    end: CancellationToken,
}

impl Tasks {
    /// A registry with no task in it.
    pub fn new() -> Self {
        Self::default()
    }
    /// Cancelled when the process begins to stop.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }
    /// Cancelled when all tasks but those of [`TaskKind::AuditWriter`] have ended.
    pub fn end(&self) -> CancellationToken {
        self.end.clone()
    }
    /// Starts a task. What it returns can be awaited; dropping the handle does not end it.
    pub fn spawn<T: Send + 'static>(
        &self,
        kind: TaskKind,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        match kind {
            TaskKind::AuditWriter => self.last.spawn(work),
            _ => self.first.spawn(work),
        }
    }
    /// Runs `work` every `period` until the process stops. The first run is at once.
    pub fn every<F, W>(&self, period: Duration, mut work: F)
    where
        F: FnMut() -> W + Send + 'static,
        W: Future<Output = ()> + Send,
    {
        let stop = self.stop();
        self.spawn(TaskKind::Periodic, async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = ticks.tick() => work().await,
                }
            }
        });
    }
    /// Stops: tells every task, waits for them at most `drain`, then lets the audit log be written out.
    pub async fn shut_down(&self, drain: Duration) {
        self.stop.cancel();
        self.first.close();
        if tokio::time::timeout(drain, self.first.wait()).await.is_err() {
            tracing::warn!(tasks = self.first.len(), "stopped without waiting longer for open connections");
        }
        self.end.cancel();
        self.last.close();
        if tokio::time::timeout(drain, self.last.wait()).await.is_err() {
            tracing::error!("the audit log was not written out in time");
        }
    }
}

//! Port [`QueryRunner`]: runs a statement over a snapshot, in process or in a child.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Format, Shaped};
use crate::egress::{Checked, Refusal};
use crate::error::{CallError, Code, Coded};
use crate::policy::limits::Limits;
use crate::principal::Actor;
use crate::snapshot::Snapshot;

/// One statement to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The statement; its size and tokens are within bounds.
    pub sql: Checked,
    /// How the answer is written.
    pub format: Format,
    /// Most rows to return; at most the policy's limit.
    pub max_rows: u64,
    /// Rows to skip: where a cursor continues.
    pub offset: u64,
    /// The policy's limits.
    pub limits: Arc<Limits>,
    /// Time left for the call, queueing included.
    pub timeout: Duration,
}

/// Port: runs statements over snapshots whose data is `D`.
#[async_trait]
pub trait QueryRunner<D>: Send + Sync + 'static {
    /// Admits and runs the statement; the duration is the time spent queueing. A runner with a queue may serve
    /// its askers in turn. Dropping the future stops it.
    async fn run(
        &self,
        asker: &Actor,
        job: Job,
        snapshot: Arc<Snapshot<D>>,
    ) -> Result<(Shaped, Duration), QueryError>;
}

/// Why a query produced no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The statement could reach outside the snapshot, or is no query.
    #[error("{0}")]
    Refused(Refusal),
    /// The statement is allowed and wrong. The text is ours, never a cell's.
    #[error("{message}")]
    Sql {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// It ran past its deadline.
    #[error("the query ran past its deadline")]
    Timeout,
    /// It ended the process that ran it.
    #[error("the query ended the process that ran it")]
    Crashed,
    /// It passed a limit.
    #[error("the query passed {limit}")]
    LimitExceeded {
        /// The limit's name in `limits:`.
        limit: &'static str,
    },
    /// Too many queries are waiting.
    #[error("too many queries are waiting")]
    Busy {
        /// When to try again, milliseconds.
        retry_after_ms: u64,
    },
    /// A bug of ours. The kind says where; it quotes nothing.
    #[error("the query engine failed: {0}")]
    Engine(String),
}

impl Coded for QueryError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(_) => Code::EgressBlocked,
            Self::Sql { .. } => Code::SqlError,
            Self::Timeout => Code::QueryTimeout,
            Self::Crashed => Code::QueryCrashed,
            Self::LimitExceeded { .. } => Code::LimitExceeded,
            Self::Busy { .. } => Code::Busy,
            Self::Engine(_) => Code::Internal,
        }
    }
}

impl From<QueryError> for CallError {
    fn from(error: QueryError) -> Self {
        let base = CallError::new(error.code(), error.to_string());
        match error {
            QueryError::Refused(refusal) => {
                CallError { hint: refusal.hint, ..base }.with_detail(refusal.detail.as_str())
            }
            QueryError::Sql { hint, .. } => CallError { hint, ..base },
            QueryError::Timeout => {
                base.with_hint("ask for less: filter earlier, join fewer tables, or aggregate")
            }
            QueryError::Crashed => {
                base.with_hint("write the statement differently; the same text is refused for a minute")
            }
            QueryError::LimitExceeded { limit } => base.with_limit(limit).with_hint("ask for less"),
            QueryError::Busy { retry_after_ms } => base.with_retry_after_ms(retry_after_ms),
            QueryError::Engine(kind) => CallError::internal(&kind),
        }
    }
}

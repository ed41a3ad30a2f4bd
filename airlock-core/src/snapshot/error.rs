//! Why there is no snapshot.

use std::time::Duration;

use super::newcomers::TooMany;
use super::source::SourceError;
use super::store::StoreError;
use crate::audit::ENUMERATION_SUSPECTED;
use crate::error::{CallError, Code, Coded};
use crate::mask::MaskError;

/// Why there is no snapshot. One failure is given to everyone who waited for the export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// No row of the root table has this id.
    #[error("No record in {root_table}")]
    NotFound {
        /// The root table's name in the snapshot.
        root_table: String,
    },
    /// More than one row of the root table has this id.
    #[error("more than one record in {root_table}")]
    Ambiguous {
        /// The root table's name in the snapshot.
        root_table: String,
    },
    /// The source gave no rows.
    #[error("export: {0}")]
    Source(#[from] SourceError),
    /// The source's last exports failed one after the other; it is left alone for a while.
    #[error("the source failed repeatedly")]
    Resting {
        /// When it will be asked again.
        retry_after: Duration,
    },
    /// The caller asked for more different subjects within a minute than `new_subjects_per_minute`.
    #[error("too many different snapshots within a minute")]
    TooManySubjects {
        /// When it may ask for another.
        retry_after: Duration,
        /// The first refusal of the minute: people are told once.
        first: bool,
    },
    /// The export took longer than `export_timeout_ms`.
    #[error("the export took too long")]
    TimedOut,
    /// Too many exports are running.
    #[error("too many exports are running")]
    Busy,
    /// A batch could not be masked.
    #[error("export: {0}")]
    Mask(#[from] MaskError),
    /// A limit was passed, and the snapshot was not kept.
    #[error("the snapshot exceeds {limit}")]
    TooLarge {
        /// The limit's name in `limits:`.
        limit: &'static str,
    },
    /// The store could not keep it.
    #[error("export: {0}")]
    Store(#[from] StoreError),
    /// The plan cannot be followed: a bug of whoever made it.
    #[error("the export plan is broken at {table}: {what}")]
    Plan {
        /// The table's name in the snapshot.
        table: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl From<TooMany> for ExportError {
    fn from(TooMany { retry_after, first }: TooMany) -> Self {
        Self::TooManySubjects { retry_after, first }
    }
}

impl Coded for ExportError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::SnapshotNotFound,
            Self::Ambiguous { .. } => Code::ExportFailed,
            Self::Source(e) => e.code(),
            Self::Resting { .. } | Self::TimedOut => Code::SourceUnavailable,
            Self::TooManySubjects { .. } => Code::RateLimited,
            Self::Busy => Code::Busy,
            Self::Mask(e) => e.code(),
            Self::TooLarge { .. } => Code::LimitExceeded,
            Self::Store(e) => e.code(),
            Self::Plan { .. } => Code::Internal,
        }
    }
}

impl ExportError {
    /// Whether the source itself failed, rather than what it holds.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::TimedOut => true,
            Self::Source(e) => {
                matches!(e.code(), Code::SourceUnavailable) || matches!(e, SourceError::Failed(_))
            }
            _ => false,
        }
    }
}

/// What the caller may know: the kind of failure. Names of source tables and columns stay in the log.
impl From<ExportError> for CallError {
    fn from(error: ExportError) -> Self {
        let code = error.code();
        let call = |message: &str| Self::new(code, message);
        match error {
            ExportError::NotFound { .. } => Self::new(code, error.to_string()),
            ExportError::Ambiguous { .. } => {
                Self::new(code, error.to_string()).with_detail("snapshot_ambiguous")
            }
            ExportError::Source(
                SourceError::Denied(_) | SourceError::Drift { .. } | SourceError::Unsafe(_),
            ) => call("the source is not what the policy expects").with_detail("schema_drift"),
            ExportError::Source(_) if code == Code::SourceUnavailable => {
                call("the source cannot be read at the moment")
            }
            ExportError::Source(_) => call("the source failed"),
            ExportError::Resting { retry_after } => call("the source cannot be read at the moment")
                .with_retry_after_ms(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX)),
            ExportError::TooManySubjects { retry_after, first } => {
                let detail = if first { ENUMERATION_SUSPECTED } else { "too_many_subjects" };
                Self::new(code, error.to_string())
                    .with_detail(detail)
                    .with_limit("new_subjects_per_minute")
                    .with_hint("go on with the snapshots already asked for, or wait")
                    .with_retry_after_ms(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX))
            }
            ExportError::TimedOut => call("the export took too long").with_limit("export_timeout_ms"),
            ExportError::Busy => call("too many exports are running").with_limit("max_concurrent_exports"),
            ExportError::Mask(MaskError::Collision { .. }) => {
                call("two values were masked to the same one").with_detail("mask_collision")
            }
            ExportError::Mask(MaskError::Drift { .. }) => {
                call("the source is not what the policy expects").with_detail("schema_drift")
            }
            ExportError::Mask(_) => call("a value could not be masked").with_detail("mask_failed"),
            ExportError::TooLarge { limit } => Self::new(code, error.to_string()).with_limit(limit),
            ExportError::Store(StoreError::Full) => {
                call("no room for the snapshot").with_limit("max_total_bytes")
            }
            ExportError::Store(StoreError::Io(_)) => call("the snapshot could not be kept"),
            ExportError::Plan { .. } => call("the export plan is broken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::TableRef;

    #[track_caller]
    fn check(error: ExportError, class: &str, detail: Option<&str>, limit: Option<&str>) {
        let call = CallError::from(error);
        assert_eq!(
            (call.code.as_str(), call.detail.as_deref(), call.limit.as_deref()),
            (class, detail, limit)
        );
        assert!(!call.message.contains("secret_table"), "{}", call.message);
    }

    #[test]
    fn callers_get_the_kind_and_not_the_names() {
        let table = TableRef { schema: "public".into(), name: "secret_table".into() };
        check(ExportError::NotFound { root_table: "users".into() }, "snapshot_not_found", None, None);
        check(
            ExportError::Ambiguous { root_table: "users".into() },
            "export_failed",
            Some("snapshot_ambiguous"),
            None,
        );
        check(SourceError::Denied(table.clone()).into(), "export_failed", Some("schema_drift"), None);
        check(SourceError::Unavailable("secret_table".into()).into(), "source_unavailable", None, None);
        let many = |first| ExportError::TooManySubjects { retry_after: Duration::ZERO, first };
        let limit = Some("new_subjects_per_minute");
        check(many(true), "rate_limited", Some("enumeration_suspected"), limit);
        check(many(false), "rate_limited", Some("too_many_subjects"), limit);
        check(ExportError::TimedOut, "source_unavailable", None, Some("export_timeout_ms"));
        check(
            MaskError::Collision { column: "secret_table.x".into() }.into(),
            "export_failed",
            Some("mask_collision"),
            None,
        );
        check(
            ExportError::TooLarge { limit: "max_rows_total" },
            "limit_exceeded",
            None,
            Some("max_rows_total"),
        );
        check(StoreError::Full.into(), "limit_exceeded", None, Some("max_total_bytes"));
        let found = CallError::from(ExportError::NotFound { root_table: "users".into() });
        assert_eq!(found.message, "No record in users");
    }
}

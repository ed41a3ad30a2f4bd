//! Which rows: always of one tenant, and of those the ones that were asked for.

use airlock_core::Timestamp;
use airlock_core::audit::Event;
use airlock_core::id::{OrgId, TenantId};
use serde::Deserialize;

use crate::store::Sql;

/// Whose rows. Nothing is read from the log without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Whose chain.
    pub org: OrgId,
    /// Whose rows in it.
    pub tenant: TenantId,
}

/// Which of a tenant's rows. What is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// Rows of this trace.
    pub trace_id: Option<String>,
    /// Rows about this tool.
    pub tool: Option<String>,
    /// Rows that ended so.
    pub outcome: Option<String>,
    /// Rows that failed so.
    pub error_class: Option<String>,
    /// Rows of this key.
    pub kid: Option<String>,
    /// Rows through this worker.
    pub worker_id: Option<String>,
    /// Rows about this snapshot.
    pub snapshot_id: Option<String>,
    /// Rows of this action, such as `mcp.tools.call`.
    pub action: Option<String>,
    /// Rows from this time on.
    pub from: Option<Timestamp>,
    /// Rows before this time.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// Adds the conditions to a statement over `audit` that has a WHERE already.
    pub(super) fn push(&self, sql: Sql) -> Sql {
        sql.push_if(" AND trace_id = ?", self.trace_id.as_deref())
            .push_if(" AND tool = ?", self.tool.as_deref())
            .push_if(" AND outcome = ?", self.outcome.as_deref())
            .push_if(" AND error_class = ?", self.error_class.as_deref())
            .push_if(" AND kid = ?", self.kid.as_deref())
            .push_if(" AND worker_id = ?", self.worker_id.as_deref())
            .push_if(" AND snapshot_id = ?", self.snapshot_id.as_deref())
            .push_if(" AND action = ?", self.action.as_deref())
            .push_if(" AND ts >= ?", self.from)
            .push_if(" AND ts < ?", self.to)
    }

    /// The same conditions over an event in memory.
    pub(super) fn matches(&self, scope: &Scope, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        event.org_id == scope.org
            && event.tenant_id.as_ref() == Some(&scope.tenant)
            && is(&self.trace_id, event.trace_id.as_ref().map(|t| t.as_str()))
            && is(&self.tool, event.target.tool.as_deref())
            && is(&self.outcome, Some(event.outcome.as_str()))
            && is(&self.error_class, event.error_class.as_deref())
            && is(&self.kid, super::row::kid(event))
            && is(&self.worker_id, event.context.worker_id.as_ref().map(|w| w.as_str()))
            && is(&self.snapshot_id, event.target.snapshot_id.as_deref())
            && is(&self.action, Some(event.action.as_str()))
            && self.from.is_none_or(|from| event.ts >= from)
            && self.to.is_none_or(|to| event.ts < to)
    }
}

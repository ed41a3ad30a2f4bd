//! What an approver decided in advance.

use airlock_core::Timestamp;
use airlock_core::approval::Verdict;
use airlock_core::approval::dnd::{Asked, DndPolicy, evaluate};
use pyo3::prelude::*;

/// What is asked, as Python holds it: workspace, enforcer, session, artifact type, command.
type Question = (String, String, Option<String>, String, Option<String>);

/// Whether it is approved, and by which policy; `None` if none applies. A policy that cannot be read does not apply.
#[pyfunction]
#[pyo3(signature = (policies, asked, now, /))]
pub(crate) fn evaluate_dnd(
    py: Python<'_>,
    policies: Vec<String>,
    asked: Question,
    now: i64,
) -> Option<(bool, String)> {
    py.detach(|| {
        let policies: Vec<DndPolicy> =
            policies.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        let (workspace, enforcer, session, artifact_type, command) = &asked;
        let asked = Asked {
            workspace,
            enforcer,
            session: session.as_deref(),
            artifact_type,
            command: command.as_deref(),
        };
        let standing = evaluate(&policies, &asked, Timestamp::from_millis(now))?;
        Some((standing.verdict == Verdict::Approve, standing.policy_id))
    })
}

//! What an approver decided in advance.

use std::collections::BTreeMap;

use airlock_core::Timestamp;
use airlock_core::approval::Verdict;
use airlock_core::approval::dnd::{Asked, believe, evaluate};
use pyo3::prelude::*;

use crate::error::NativeError;
use crate::verify::known;

/// What is asked, as Python holds it: workspace, enforcer, session, artifact type, command.
type Question = (String, String, Option<String>, String, Option<String>);

/// Whether it is approved, and by which policy; `None` if none applies. `policies` is JSON, each as the gateway sent it: one that
/// cannot be read, or says yes without a known signer's signature, does not apply.
#[pyfunction]
#[pyo3(signature = (policies, signers, asked, now, /))]
pub(crate) fn evaluate_dnd(
    py: Python<'_>,
    policies: Vec<String>,
    signers: BTreeMap<String, String>,
    asked: Question,
    now: i64,
) -> Result<Option<(bool, String)>, NativeError> {
    py.detach(|| {
        let (signers, now) = (known(signers)?, Timestamp::from_millis(now));
        let read = |text: &String| believe(&serde_json::from_str(text).ok()?, &signers, now);
        let policies: Vec<_> = policies.iter().filter_map(read).collect();
        let (workspace, enforcer, session, artifact_type, command) = &asked;
        let asked = Asked {
            workspace,
            enforcer,
            session: session.as_deref(),
            artifact_type,
            command: command.as_deref(),
        };
        let standing = evaluate(&policies, &asked, now);
        Ok(standing.map(|standing| (standing.verdict == Verdict::Approve, standing.policy_id)))
    })
}

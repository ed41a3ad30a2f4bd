//! The agent's tools as values.

use crate::plane::ToolCall;

/// The subject that a call names, for its audit row: bound outside the model, or the argument as given.
///
/// Cut to 256 characters; `None` when the call names none.
pub fn subject_of(call: &ToolCall) -> Option<String> {
    if let Some(bound) = &call.bound {
        return Some(bound.expose().to_owned());
    }
    #[derive(serde::Deserialize)]
    struct Named {
        snapshot_id: Option<String>,
        subject: Option<String>,
    }
    let named: Named = serde_json::from_str(call.arguments.get()).ok()?;
    named.snapshot_id.or(named.subject).map(|id| id.chars().take(256).collect())
}

//! Why a message that is JSON is not one of ours.

/// A member is missing, or not what it must be. Never holds what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct ShapeError {
    /// The member, as it is written: `body.artifactHash`.
    pub field: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

impl ShapeError {
    /// A member and its rule.
    pub const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }
}

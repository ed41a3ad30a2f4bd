//! Decides whether a statement may run: one read-only statement over this snapshot's tables, with known functions and
//! bounded shape. Whatever is not known is refused.

mod refusal;
mod size;

pub use refusal::{Detail, Refusal};
pub use size::Checked;

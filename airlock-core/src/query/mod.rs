//! Runs an admitted statement over one snapshot and bounds the answer.

mod answer;
mod runner;

pub use answer::{AnswerColumn, Format, Rows, Shaped, Truncation, TruncationReason};
pub use runner::{Job, QueryError, QueryRunner};

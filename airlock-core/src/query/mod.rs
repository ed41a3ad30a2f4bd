//! Runs an admitted statement over one snapshot and bounds the answer.

mod answer;
mod cell;
mod doors;
mod fault;
mod in_process;
mod lineage;
mod plans;
mod run;
mod runner;
mod session;
mod shape;
mod slots;
mod table;

pub use answer::{AnswerColumn, Format, Rows, Shaped, Truncation, TruncationReason};
pub use in_process::{InProcess, QUERY_STACK_BYTES};
pub use runner::{Job, QueryError, QueryRunner};
pub use session::Session;

pub(crate) use table::is_snapshot_table;

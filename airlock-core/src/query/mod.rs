//! Runs an admitted statement over one snapshot and bounds the answer.
//!
//! ```text
//! text ─► admitted ─► template + values ─► plan with slots (kept by template) ─► slots filled ─► run ─► shaped
//! ```
//!
//! Planning is nine tenths of a query, so a session keeps plans. The rule that makes this safe: a plan depends on the
//! statement without its compared values and on nothing else, and is the same whether it is kept or new. Every text is
//! admitted anew before it may use one (a text that was answered before, by its bytes); what a value could decide
//! (sizes, types, names, order) is no slot but part of the template. `egress::template` says what may be a value,
//! `slots` where one may stand.

mod answer;
mod cell;
mod checked;
mod doors;
mod fault;
mod in_process;
pub(crate) mod json;
mod lineage;
mod plans;
mod run;
mod runner;
mod samples;
mod session;
mod shape;
mod slots;
mod table;

pub use answer::{AnswerColumn, Format, Rows, Shaped, Truncation, TruncationReason};
pub use in_process::{InProcess, QUERY_STACK_BYTES};
pub use runner::{Job, QueryError, QueryRunner};
pub use samples::check_samples;
pub use session::Session;

pub(crate) use table::is_snapshot_table;

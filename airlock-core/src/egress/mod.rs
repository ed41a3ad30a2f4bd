//! Decides whether a statement may run: one read-only statement over this snapshot's tables, with known functions and
//! bounded shape. Whatever is not known is refused.
//!
//! Layers, each of which alone stops file access and everything that is no query:
//!
//! | layer | where | looks at |
//! |---|---|---|
//! | L0, L1 | [`Checked::new`] | bytes, characters, tokens |
//! | L2 | `parse` | one statement, and it is a query |
//! | L3 | `statement`, `table`, `expr`, `types` | every node of the syntax tree, default deny |
//! | L4 | `names`, `functions`, `cost` | relations, functions, sizes |
//! | L5 | `plan::check_logical` | every node and function of the logical plan |
//! | L6 | `plan::check_physical` | every operator that would run, and its estimated rows |

mod admitted;
mod call;
mod classify;
mod cost;
mod dialect;
mod expr;
mod functions;
mod marks;
mod names;
mod operators;
mod outline;
mod parse;
pub(crate) mod plan;
mod refusal;
mod size;
mod statement;
mod table;
mod template;
mod tokens;
mod types;
mod walk;

pub use admitted::{AdmittedSql, TableShape, Verdict, admit};
pub use outline::outline;
pub use refusal::{Detail, Refusal};
pub use size::Checked;

pub(crate) use functions::{is_allowed, nearest};
pub(crate) use refusal::quoted;
pub(crate) use template::Template;

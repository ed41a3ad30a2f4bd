//! May this role do this? One table, no I/O. What is not in the table is not allowed.

mod roles;

pub use roles::{Act, Role};

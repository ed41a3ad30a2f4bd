//! Why a batch could not be masked. Names tables, columns and types, never a value.

use arrow::datatypes::DataType;

use super::MaskKind;
use crate::error::{Code, Coded};

/// Why a batch could not be masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The mask cannot handle the column's type, or cannot give the type that the plan states.
    #[error("{column}: {kind} cannot turn {from} into {to}")]
    Type {
        /// `table.column`.
        column: String,
        /// The mask.
        kind: MaskKind,
        /// Type of the values given.
        from: DataType,
        /// Type that the plan states.
        to: DataType,
    },
    /// The source's batch lacks a column of the plan, or gives it another type: the source is not what the catalog
    /// said, and guessing could let raw values through.
    #[error("{column} is missing or has another type than planned")]
    Drift {
        /// `table.column`.
        column: String,
    },
    /// A cell could not be masked and the policy says `on_error: fail`.
    #[error("{column}: a value could not be masked")]
    Cell {
        /// `table.column`.
        column: String,
    },
    /// Two different values of one key class became equal.
    #[error("{column}: two different values were masked to the same one")]
    Collision {
        /// `table.column`.
        column: String,
    },
    /// Arrow failed; its own text may quote cells, so it is not kept.
    #[error("{column}: the values could not be rebuilt")]
    Arrow {
        /// `table.column`.
        column: String,
    },
}

impl Coded for MaskError {
    fn code(&self) -> Code {
        Code::ExportFailed
    }
}

/// A cell that a kernel cannot handle. Whoever calls the kernel makes it NULL and counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadCell;

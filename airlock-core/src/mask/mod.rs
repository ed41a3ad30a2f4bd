//! What happens to a column's values on their way into a snapshot. Only this module makes [`Masked`].

mod masked;
mod spec;

pub use masked::Masked;
pub use spec::{
    ConstantValue, DateUnit, EmailDomain, Entity, MaskKind, MaskSpec, Masking, OnMaskError, ParseMaskKindError,
};

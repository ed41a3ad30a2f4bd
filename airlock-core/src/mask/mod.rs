//! What happens to a column's values on their way into a snapshot. Only this module makes [`Masked`].
//!
//! [`MaskSpec`] is a mask as written; [`TableMasks`] are masks bound to a table's columns and [`MaskKeys`]. The kernels
//! lie in families: what destroys, hashes, shows a part, generalizes, or scrubs free text.

mod masked;
mod spec;

#[cfg(feature = "snapshot")]
mod canonical;
#[cfg(feature = "snapshot")]
mod copy;
#[cfg(feature = "snapshot")]
mod destroy;
#[cfg(feature = "snapshot")]
mod distinct;
#[cfg(feature = "snapshot")]
mod error;
#[cfg(feature = "snapshot")]
mod generalize;
#[cfg(feature = "snapshot")]
mod hash;
#[cfg(feature = "snapshot")]
mod keys;
#[cfg(feature = "snapshot")]
mod partial;
#[cfg(feature = "snapshot")]
mod permute;
#[cfg(feature = "snapshot")]
mod plan;
#[cfg(feature = "snapshot")]
mod scrub;
#[cfg(feature = "snapshot")]
mod step;
#[cfg(feature = "snapshot")]
mod texts;
#[cfg(feature = "snapshot")]
mod wipe;

pub use masked::Masked;
pub use spec::{
    ConstantValue, DateUnit, EmailDomain, Entity, MaskKind, MaskSpec, Masking, OnMaskError,
    ParseMaskKindError,
};
#[cfg(feature = "snapshot")]
pub use {
    error::MaskError,
    keys::MaskKeys,
    plan::{MaskCounts, MaskState, TableMasks},
    step::masked_type,
    wipe::wipe,
};

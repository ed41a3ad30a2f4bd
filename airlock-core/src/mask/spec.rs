//! Masks as a policy states them, before they are bound to columns and keys.

use std::fmt;
use std::str::FromStr;

/// What happens to one column: masks applied left to right.
#[derive(Clone, Debug, PartialEq)]
pub struct Masking {
    /// At least one; left to right.
    pub steps: Vec<MaskSpec>,
    /// What happens to a cell that a mask cannot handle.
    pub on_error: OnMaskError,
    /// Columns that share this word share a key: `domain:`.
    pub domain: Option<String>,
    /// `table.column` whose key this column shares: `same_as:`.
    pub same_as: Option<(String, String)>,
}

impl Masking {
    /// One mask with default handling.
    pub fn one(spec: MaskSpec) -> Self {
        Self { steps: vec![spec], on_error: OnMaskError::Null, domain: None, same_as: None }
    }
}

/// What happens to a cell that a mask cannot handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMaskError {
    /// The cell becomes NULL and is counted.
    #[default]
    Null,
    /// The export fails.
    Fail,
}

/// One mask and its parameters.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MaskSpec {
    /// NULL; the column is not even selected at the source.
    Null,
    /// A fixed text; columns of other types become NULL.
    Redact {
        /// The text; `***`.
        text: String,
    },
    /// Lower-case hex of a keyed digest: equal values stay equal.
    Hash {
        /// Hex digits, 8-64; 16.
        length: usize,
        /// Put in front; empty.
        prefix: String,
        /// Name of the key; `k1`.
        key: String,
        /// Lower-case the value first.
        lower: bool,
        /// Trim the value first.
        trim: bool,
        /// Text even for integer columns, which otherwise become `hash_int`.
        as_text: bool,
    },
    /// A keyed, non-negative integer of the column's width.
    HashInt {
        /// Bits of the result; 53 for int8, 31 for int4, 15 for int2 at most.
        bits: u32,
        /// Name of the key; `k1`.
        key: String,
    },
    /// A valid e-mail address with a keyed local part.
    Email {
        /// What becomes of the domain; kept.
        domain: EmailDomain,
        /// Hex digits of the local part, 8-64; 10.
        length: usize,
        /// Name of the key; `k1`.
        key: String,
    },
    /// Some characters kept, the rest replaced.
    Partial {
        /// Characters kept in front; 0.
        keep_first: usize,
        /// Characters kept at the end; 4.
        keep_last: usize,
        /// The replacement; `*`.
        char: char,
        /// Characters masked at least; 4.
        min_masked: usize,
        /// Keep spaces, dashes, dots, slashes; true.
        keep_separators: bool,
        /// The same length for every value; false.
        fixed_length: bool,
    },
    /// A literal of the column's type.
    Constant {
        /// The literal.
        value: ConstantValue,
        /// NULL becomes the literal as well.
        apply_to_null: bool,
    },
    /// The first characters.
    Truncate {
        /// Characters kept; 3.
        length: usize,
    },
    /// A date or timestamp cut to a unit.
    DateTrunc {
        /// The unit; year.
        unit: DateUnit,
    },
    /// Free text without the entities found in it.
    Scrub {
        /// What is looked for; all.
        entities: Vec<Entity>,
        /// Text put in place; `<EMAIL>` and so on when absent.
        replacement: Option<String>,
    },
    /// Not masked, on purpose.
    Clear {
        /// Why.
        reason: String,
    },
}

impl MaskSpec {
    /// Which kind it is.
    pub fn kind(&self) -> MaskKind {
        match self {
            Self::Null => MaskKind::Null,
            Self::Redact { .. } => MaskKind::Redact,
            Self::Hash { .. } => MaskKind::Hash,
            Self::HashInt { .. } => MaskKind::HashInt,
            Self::Email { .. } => MaskKind::Email,
            Self::Partial { .. } => MaskKind::Partial,
            Self::Constant { .. } => MaskKind::Constant,
            Self::Truncate { .. } => MaskKind::Truncate,
            Self::DateTrunc { .. } => MaskKind::DateTrunc,
            Self::Scrub { .. } => MaskKind::Scrub,
            Self::Clear { .. } => MaskKind::Clear,
        }
    }
}

macro_rules! kinds {
    ($($variant:ident = $name:literal, $label:literal;)+) => {
        /// A mask's kind, as written in `kind:` and shown to agents.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "the names say it; MaskSpec documents each")]
        pub enum MaskKind { $($variant,)+ }

        impl MaskKind {
            /// Every kind that this version has.
            pub const ALL: &'static [MaskKind] = &[$(MaskKind::$variant,)+];
            /// The word in YAML.
            pub const fn as_str(self) -> &'static str {
                match self { $(MaskKind::$variant => $name,)+ }
            }
            /// What an agent is told.
            pub const fn label(self) -> &'static str {
                match self { $(MaskKind::$variant => $label,)+ }
            }
        }

        impl FromStr for MaskKind {
            type Err = ParseMaskKindError;
            fn from_str(text: &str) -> Result<Self, ParseMaskKindError> {
                match text { $($name => Ok(MaskKind::$variant),)+ _ => Err(ParseMaskKindError) }
            }
        }
    };
}

kinds! {
    Null = "null", "always NULL";
    Redact = "redact", "replaced by a fixed text";
    Hash = "hash", "keyed hash, joinable";
    HashInt = "hash_int", "keyed integer, joinable";
    Email = "email", "keyed e-mail address, joinable";
    Partial = "partial", "partly hidden";
    Constant = "constant", "replaced by a constant";
    Truncate = "truncate", "cut to its first characters";
    DateTrunc = "date_trunc", "cut to a coarser date";
    Scrub = "scrub", "personal data removed from the text";
    Clear = "clear", "not masked";
}

impl MaskKind {
    /// Equal values stay equal, so that joins and grouping give the same answers.
    pub const fn joinable(self) -> bool {
        matches!(self, Self::Hash | Self::HashInt | Self::Email | Self::Clear)
    }
    /// The raw value is never selected at the source.
    pub const fn hides_source(self) -> bool {
        matches!(self, Self::Null | Self::Constant)
    }
}

impl fmt::Display for MaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No mask of this version has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no mask of this kind")]
pub struct ParseMaskKindError;

/// What becomes of an address's domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailDomain {
    /// Kept.
    Keep,
    /// Keyed digest under `.example`.
    Hash,
    /// This domain.
    Constant(String),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ConstantValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// A unit that dates are cut to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum DateUnit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
}

/// What scrubbing looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Entity {
    Email,
    Phone,
    Card,
    Iban,
    Ssn,
    Ip,
    Url,
    Crypto,
}

//! One mask bound to a type and a key, and the type that a column has after it.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::DataType;

use super::canonical::{TextRules, is_canonical};
use super::destroy::{Constant, redact};
use super::distinct::Distinct;
use super::generalize::{can_truncate, date_trunc};
use super::hash::{EmailHash, HexHash, IntHash, Keyed, int_bits};
use super::keys::MaskKeys;
use super::partial::{Partial, truncate};
use super::scrub::{KnownValues, Scrubber};
use super::texts::{Texts, is_text, map_texts};
use super::{DateUnit, MaskKind, MaskSpec, Masking};
use crate::snapshot::plan::ColumnPlan;

/// A column's masks, and the type of what they give.
pub(super) struct Bound {
    /// Without those that change nothing.
    pub(super) steps: Vec<Step>,
    pub(super) to: DataType,
}

/// One mask, ready to run.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Null,
    /// `None` where the type has no place for a text.
    Redact(Option<String>),
    Hash(HexHash),
    HashInt(IntHash),
    Email(EmailHash),
    Partial(Partial),
    Truncate(usize),
    Constant(Constant),
    DateTrunc(DateUnit),
    Scrub(Scrubber),
}

/// Why a column could not be masked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepError {
    Collision,
    /// The kernel met a type that binding did not allow.
    Unsupported,
}

/// The Arrow type of a column after its masks; `None` when one of them cannot handle the type it is given (E202).
///
/// Integers stay integers of their width under `hash` and `hash_int`, text stays text, everything else that is hashed
/// becomes text.
pub fn masked_type(masking: &Masking, raw: &DataType) -> Option<DataType> {
    masking.steps.iter().try_fold(plain(raw), |from, spec| after(spec, &from))
}

/// # Errors
/// The first mask that cannot handle its input, or whose result is not of the planned type.
pub(super) fn bind(plan: &ColumnPlan, keys: &MaskKeys) -> Result<Bound, MaskKind> {
    let wanted = &plan.data_type;
    let Some(mask) = &plan.mask else {
        let to = reached(&plan.raw_type, wanted, &plan.labels).ok_or(MaskKind::Clear)?;
        return Ok(Bound { steps: vec![], to });
    };
    let specs = &mask.masking.steps;
    let (mut steps, mut from, mut is_null) = (vec![], plain(&plan.raw_type), specs.is_empty());
    for (i, spec) in specs.iter().enumerate() {
        let to = after(spec, &from).ok_or(spec.kind())?;
        let is_raw = steps.is_empty();
        is_null |= matches!(spec, MaskSpec::Null | MaskSpec::Redact { .. }) && !is_text(&from);
        let keyed = |kind: MaskKind, key: &str| Keyed {
            prf: keys.prf(key, &mask.domain),
            class: format!("{kind}/{key}/{}", mask.domain).into(),
        };
        // The policy's type decides the width of the last integer: it must hold what joins it.
        let width = |t: &DataType| int_bits(t).and_then(|bits| int_bits(wanted).map(|w| bits.min(w)));
        match spec {
            MaskSpec::Clear { .. } => {}
            MaskSpec::Null => steps.push(Step::Null),
            MaskSpec::Redact { text } => steps.push(Step::Redact(is_text(&from).then(|| text.clone()))),
            MaskSpec::Hash { key, as_text: false, .. } if int_bits(&from).is_some() => {
                let bits = width(&from).ok_or(spec.kind())?;
                let keyed = keyed(MaskKind::HashInt, key);
                steps.push(Step::HashInt(IntHash {
                    keyed,
                    bits,
                    to: int_target(&from, wanted, i + 1 == specs.len()),
                }));
            }
            MaskSpec::HashInt { bits, key } => {
                let bits = width(&from).ok_or(spec.kind())?.min(*bits).max(2);
                let keyed = keyed(MaskKind::HashInt, key);
                steps.push(Step::HashInt(IntHash {
                    keyed,
                    bits,
                    to: int_target(&from, wanted, i + 1 == specs.len()),
                }));
            }
            MaskSpec::Hash { length, prefix, key, lower, trim, as_text } => steps.push(Step::Hash(HexHash {
                keyed: keyed(MaskKind::Hash, key),
                length: *length,
                prefix: prefix.clone(),
                rules: rules(plan, *lower, *trim),
                uuid: is_raw && !as_text && plan.source_type.eq_ignore_ascii_case("uuid"),
            })),
            MaskSpec::Email { domain, length, key } => steps.push(Step::Email(EmailHash {
                keyed: keyed(MaskKind::Email, key),
                domain: domain.clone(),
                length: *length,
                rules: rules(plan, false, false),
            })),
            MaskSpec::Partial { keep_first, keep_last, char, min_masked, keep_separators, fixed_length } => {
                steps.push(Step::Partial(Partial {
                    keep_first: *keep_first,
                    keep_last: *keep_last,
                    char: *char,
                    min_masked: *min_masked,
                    keep_separators: *keep_separators,
                    fixed_length: *fixed_length,
                }));
            }
            MaskSpec::Truncate { length } => steps.push(Step::Truncate(*length)),
            MaskSpec::DateTrunc { unit } => steps.push(Step::DateTrunc(*unit)),
            MaskSpec::Scrub { entities, replacement } => {
                steps.push(Step::Scrub(Scrubber::new(entities, replacement.clone())));
            }
            MaskSpec::Constant { value, apply_to_null } => {
                // The last literal takes the planned type; what is between masks keeps the column's.
                let literal_type = if i + 1 == specs.len() { plain(wanted) } else { to };
                let constant =
                    Constant::new(value, *apply_to_null, &literal_type).map_err(|_| spec.kind())?;
                steps.push(Step::Constant(constant));
                from = literal_type;
                continue;
            }
        }
        from = to;
    }
    if is_null {
        // Whatever its masks, the column holds nothing: it can have any type.
        return Ok(Bound { steps: vec![Step::Null], to: plain(wanted) });
    }
    let kind = mask.kind();
    let is_clear = steps.is_empty();
    let labels = if is_clear { &plan.labels[..] } else { &[] };
    let given = if is_clear { plan.raw_type.clone() } else { from };
    let to = reached(&given, wanted, labels)
        .or_else(|| matches!(steps.last(), Some(Step::HashInt(h)) if h.to == *wanted).then(|| wanted.clone()))
        .ok_or(kind)?;
    Ok(Bound { steps, to })
}

/// The type after one mask, given the type before it.
fn after(spec: &MaskSpec, from: &DataType) -> Option<DataType> {
    let text = || DataType::Utf8View;
    match spec {
        MaskSpec::Null | MaskSpec::Clear { .. } => Some(from.clone()),
        MaskSpec::Constant { .. } => Some(from.clone()),
        MaskSpec::Redact { .. } => Some(if is_text(from) { text() } else { from.clone() }),
        MaskSpec::Hash { as_text: false, .. } if int_bits(from).is_some() => Some(from.clone()),
        MaskSpec::Hash { .. } => is_canonical(from).then(text),
        MaskSpec::HashInt { .. } => int_bits(from).map(|_| from.clone()),
        MaskSpec::Email { .. }
        | MaskSpec::Partial { .. }
        | MaskSpec::Truncate { .. }
        | MaskSpec::Scrub { .. } => is_text(from).then(text),
        MaskSpec::DateTrunc { unit } => can_truncate(from, *unit).then(|| from.clone()),
    }
}

/// Dictionaries and long text are read as plain text.
fn plain(raw: &DataType) -> DataType {
    match raw {
        DataType::Dictionary(..) | DataType::LargeUtf8 if is_text(raw) => DataType::Utf8View,
        other => other.clone(),
    }
}

/// The planned type, if values of the given type can have it: the same type, or another layout of text. A dictionary
/// needs labels to be the same in every batch; without them the column is plain text.
fn reached(given: &DataType, wanted: &DataType, labels: &[String]) -> Option<DataType> {
    match wanted {
        DataType::Dictionary(key, _) if is_text(given) && is_text(wanted) => {
            let is_enum = **key == DataType::Int32 && !labels.is_empty();
            Some(if is_enum { enum_type() } else { DataType::Utf8View })
        }
        _ if given == wanted || (is_text(given) && is_text(wanted)) => Some(wanted.clone()),
        _ => None,
    }
}

fn enum_type() -> DataType {
    DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
}

fn int_target(from: &DataType, wanted: &DataType, is_last: bool) -> DataType {
    if is_last { wanted.clone() } else { from.clone() }
}

fn rules(plan: &ColumnPlan, lower: bool, trim: bool) -> TextRules {
    let source_type = plan.source_type.to_ascii_lowercase();
    TextRules {
        lower: lower || source_type == "citext",
        trim,
        trim_end: ["character(", "char(", "bpchar"].iter().any(|t| source_type.starts_with(t))
            || source_type == "character",
    }
}

impl Step {
    /// Whether text under this mask is not to be read elsewhere in the snapshot. Free text that is scrubbed is shown
    /// by itself, so its words are not secret.
    pub(super) fn hides_text(&self) -> bool {
        !matches!(self, Self::Scrub(_))
    }

    /// The masked column: as many rows, the same NULLs, and one more for each cell counted in `errors`.
    pub(super) fn apply(
        &self,
        array: &ArrayRef,
        known: &KnownValues,
        distinct: &mut Distinct,
        errors: &mut u64,
    ) -> Result<ArrayRef, StepError> {
        let texts = || Texts::of(array).ok_or(StepError::Unsupported);
        match self {
            Self::Null | Self::Redact(None) => Ok(new_null_array(array.data_type(), array.len())),
            Self::Redact(Some(text)) => Ok(redact(array, text)),
            Self::Hash(hash) => hash
                .apply(array, distinct, errors)
                .ok_or(StepError::Unsupported)?
                .map_err(|_| StepError::Collision),
            Self::HashInt(hash) => {
                hash.apply(array, distinct).ok_or(StepError::Unsupported)?.map_err(|_| StepError::Collision)
            }
            Self::Email(email) => email.apply(texts()?, distinct, errors).map_err(|_| StepError::Collision),
            Self::Partial(partial) => Ok(map_texts(texts()?, errors, |value, out| {
                partial.write(value, out);
                Ok(())
            })),
            Self::Truncate(length) => Ok(map_texts(texts()?, errors, |value, out| {
                truncate(value, *length, out);
                Ok(())
            })),
            Self::Constant(constant) => {
                constant.fill(array.len(), Some(array)).map_err(|_| StepError::Unsupported)
            }
            Self::DateTrunc(unit) => date_trunc(array, *unit, errors).ok_or(StepError::Unsupported),
            Self::Scrub(scrubber) => {
                Ok(map_texts(texts()?, errors, |value, out| scrubber.write(value, known, out)))
            }
        }
    }
}

//! Keyed masks that keep equality: hash, hash_int, email. Each cell is checked against what its class gave before.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, UInt32Type};
use zeroize::Zeroize;

use super::EmailDomain;
use super::canonical::{TextRules, canonical};
use super::distinct::Distinct;
use super::error::BadCell;
use super::keys::Prf;
use super::permute::{permute, permute_above};
use super::texts::{Texts, map_texts};

/// Two inputs of a class gave one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Collision;

/// A keyed function and the class of columns that share it.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    pub(super) prf: Prf,
    /// Kind, key name and domain.
    pub(super) class: Arc<str>,
}

/// `hash`: lower-case hex, or a uuid of version 8 (RFC 9562) where the input was a uuid.
#[derive(Clone, Debug)]
pub(super) struct HexHash {
    pub(super) keyed: Keyed,
    pub(super) length: usize,
    pub(super) prefix: String,
    pub(super) rules: TextRules,
    pub(super) uuid: bool,
}

impl HexHash {
    /// The hashed column; empty text stays empty. `None` when the type has no canonical bytes.
    pub(super) fn apply(
        &self,
        array: &dyn Array,
        distinct: &mut Distinct,
        errors: &mut u64,
    ) -> Option<Result<ArrayRef, Collision>> {
        let write = canonical(array, self.rules)?;
        let is_text = Texts::of(array).is_some();
        let mut out = StringViewBuilder::with_capacity(array.len());
        let (mut input, mut previous, mut shown) = (vec![], vec![], String::new());
        let mut result = Ok(());
        for row in 0..array.len() {
            if array.is_null(row) {
                out.append_null();
                continue;
            }
            input.zeroize();
            if write(row, &mut input).is_err()
                || (self.uuid && !input.is_empty() && normalize_uuid(&mut input).is_err())
            {
                *errors += 1;
                out.append_null();
                continue;
            }
            if input.is_empty() && is_text {
                out.append_value("");
                continue;
            }
            // Rows of one parent lie together: the cell above is often the same.
            if shown.is_empty() || input != previous {
                let digest = self.keyed.prf.digest(&[&input]);
                shown.clear();
                if self.uuid {
                    self.show_uuid(&digest, &mut shown)
                } else {
                    self.show_hex(&digest, &mut shown)
                }
                if !self.admit(&digest, distinct) {
                    result = Err(Collision);
                    break;
                }
                previous.zeroize();
                previous.extend_from_slice(&input);
            }
            out.append_value(&shown);
        }
        input.zeroize();
        previous.zeroize();
        Some(result.map(|()| Arc::new(out.finish()) as ArrayRef))
    }

    fn show_hex(&self, digest: &[u8; 32], out: &mut String) {
        out.push_str(&self.prefix);
        let end = out.len() + self.length.min(64);
        out.push_str(&hex::encode(digest));
        out.truncate(end);
    }

    fn show_uuid(&self, digest: &[u8; 32], out: &mut String) {
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        id[6] = 0x80 | (id[6] & 0x0f);
        id[8] = 0x80 | (id[8] & 0x3f);
        let hex = hex::encode(id);
        for (i, part) in [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().enumerate() {
            if i > 0 {
                out.push('-');
            }
            out.push_str(&hex[part]);
        }
    }

    /// From 128 bits on a collision is not to be expected before the heat death; below, it is looked for.
    fn admit(&self, digest: &[u8; 32], distinct: &mut Distinct) -> bool {
        if self.uuid || self.length >= 32 {
            return true;
        }
        let (first, second) = halves(digest);
        let bits = 4 * self.length as u32;
        distinct.admit(&self.keyed.class, first >> (128 - bits.max(1)), second)
    }
}

/// Lower-cases 36 characters of a uuid; braces, missing dashes and the like are no uuid of a catalog that says uuid.
fn normalize_uuid(input: &mut [u8]) -> Result<(), BadCell> {
    input.make_ascii_lowercase();
    let well_formed = input.len() == 36
        && input.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    if well_formed { Ok(()) } else { Err(BadCell) }
}

/// `hash_int`: a keyed, non-negative integer.
#[derive(Clone, Debug)]
pub(super) struct IntHash {
    pub(super) keyed: Keyed,
    /// Bits of the result, 2-53, within the width of `to`.
    pub(super) bits: u32,
    pub(super) to: DataType,
}

impl IntHash {
    /// The mapped column. `None` when the type is no integer.
    pub(super) fn apply(
        &self,
        array: &dyn Array,
        distinct: &mut Distinct,
    ) -> Option<Result<ArrayRef, Collision>> {
        let ints = Ints::of(array)?;
        let mut out = Int64Array::builder(array.len());
        let mut previous = None;
        for row in 0..array.len() {
            if array.is_null(row) {
                out.append_null();
                continue;
            }
            let value = ints.value(row);
            let image = match previous {
                Some((same, image)) if same == value => image,
                _ => {
                    let (image, input) = self.map(value);
                    if !distinct.admit(&self.keyed.class, u128::from(image), input) {
                        return Some(Err(Collision));
                    }
                    previous = Some((value, image));
                    image
                }
            };
            out.append_value(i64::try_from(image).expect("at most 53 bits"));
        }
        let wide: ArrayRef = Arc::new(out.finish());
        Some(Ok(cast(&wide, &self.to).expect("the bits fit the type")))
    }

    /// The image, and what tells this input from others with the same image.
    ///
    /// Keys are small non-negative numbers, so those are permuted, which cannot collide. What an int4 can hold is
    /// mapped alike at every width from 31 bits on, so that an int4 still joins an int8. Negative and very large
    /// numbers do not fit the range twice; they are digested, and a collision is found out.
    fn map(&self, value: i64) -> (u64, u128) {
        let narrow = self.bits.min(NARROW_BITS);
        match u64::try_from(value) {
            Ok(v) if v >> narrow == 0 => (permute(&self.keyed.prf, v, narrow), PERMUTED),
            Ok(v) if v >> self.bits == 0 => (permute_above(&self.keyed.prf, v, narrow, self.bits), PERMUTED),
            _ => {
                let bits = if i32::try_from(value).is_ok() { narrow } else { self.bits };
                let digest = self.keyed.prf.digest(&[
                    b"airlock/hash_int/v1",
                    &[bits as u8],
                    value.to_string().as_bytes(),
                ]);
                let (first, second) = halves(&digest);
                ((first & ((1 << bits) - 1)) as u64, second | 1)
            }
        }
    }
}

/// Bits of the non-negative int4.
const NARROW_BITS: u32 = 31;
/// A permuted image names its input by itself. Even, so that no digest equals it.
const PERMUTED: u128 = 0;

/// Bits that a masked integer of this type may have; `None` when it is no integer.
pub(super) fn int_bits(data_type: &DataType) -> Option<u32> {
    match data_type {
        DataType::Int16 => Some(15),
        DataType::Int32 | DataType::UInt32 => Some(31),
        DataType::Int64 => Some(53),
        _ => None,
    }
}

enum Ints<'a> {
    I16(&'a arrow::array::Int16Array),
    I32(&'a arrow::array::Int32Array),
    I64(&'a Int64Array),
    U32(&'a arrow::array::UInt32Array),
}

impl<'a> Ints<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Int16 => Self::I16(array.as_primitive::<Int16Type>()),
            DataType::Int32 => Self::I32(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Self::I64(array.as_primitive::<Int64Type>()),
            DataType::UInt32 => Self::U32(array.as_primitive::<UInt32Type>()),
            _ => return None,
        })
    }
    fn value(&self, row: usize) -> i64 {
        match self {
            Self::I16(a) => a.value(row).into(),
            Self::I32(a) => a.value(row).into(),
            Self::I64(a) => a.value(row),
            Self::U32(a) => a.value(row).into(),
        }
    }
}

/// `email`: a valid address with a keyed local part.
#[derive(Clone, Debug)]
pub(super) struct EmailHash {
    pub(super) keyed: Keyed,
    pub(super) domain: EmailDomain,
    pub(super) length: usize,
    pub(super) rules: TextRules,
}

impl EmailHash {
    /// The masked column; empty text stays empty. A value that is no address keeps nothing of itself: its domain
    /// becomes `invalid.example`.
    pub(super) fn apply(
        &self,
        texts: Texts<'_>,
        distinct: &mut Distinct,
        errors: &mut u64,
    ) -> Result<ArrayRef, Collision> {
        let mut result = Ok(());
        let masked = map_texts(texts, errors, |value, out| {
            let value = self.rules.apply(value);
            if value.is_empty() {
                return Ok(());
            }
            let digest = self.keyed.prf.digest(&[b"airlock/email/v1", value.as_bytes()]);
            let hex = hex::encode(digest);
            // A letter first: some readers refuse a local part that begins with a digit.
            write!(out, "h{}@", &hex[..self.length.min(64)]).map_err(|_| BadCell)?;
            let domain_at = out.len();
            match (&self.domain, domain_of(&value)) {
                (EmailDomain::Constant(domain), _) => out.push_str(domain),
                (EmailDomain::Keep, Some(domain)) => out.push_str(&domain.to_lowercase()),
                (EmailDomain::Hash, Some(domain)) => {
                    let digest = self
                        .keyed
                        .prf
                        .digest(&[b"airlock/email-domain/v1", domain.to_lowercase().as_bytes()]);
                    write!(out, "d{}.example", hex::encode(&digest[..5])).map_err(|_| BadCell)?;
                }
                (_, None) => out.push_str("invalid.example"),
            }
            let (first, second) = halves(&digest);
            let mut of_domain = DefaultHasher::new();
            out[domain_at..].hash(&mut of_domain);
            let local = first >> (128 - 4 * self.length.clamp(1, 16) as u32);
            let output = (local << 64) | u128::from(of_domain.finish());
            if !distinct.admit(&self.keyed.class, output, second) {
                result = Err(Collision);
            }
            Ok(())
        });
        result.map(|()| masked)
    }
}

/// The domain of an address: labels of letters, digits and dashes, the last one of letters. Anything else could be a
/// value that is no address, and would be shown.
fn domain_of(address: &str) -> Option<&str> {
    let (local, domain) = address.rsplit_once('@')?;
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let (_, last) = domain.rsplit_once('.')?;
    let is_last =
        last.starts_with("xn--") || (last.chars().count() >= 2 && last.chars().all(char::is_alphabetic));
    (!local.is_empty()
        && !local.contains('@')
        && domain.len() <= 253
        && domain.split('.').all(label)
        && is_last)
        .then_some(domain)
}

fn halves(digest: &[u8; 32]) -> (u128, u128) {
    let half = |range: std::ops::Range<usize>| {
        u128::from_be_bytes(digest[range].try_into().expect("16 of 32 bytes"))
    };
    (half(0..16), half(16..32))
}

#[cfg(test)]
mod tests;

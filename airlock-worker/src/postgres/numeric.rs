//! Reads the binary form of `numeric`: digits of base 10,000, exactly.
//!
//! Source: `numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`.

use std::fmt::Write as _;

use arrow::array::ArrowNativeTypeOp;

/// A finite number as it came: `0.d₀d₁d₂… × 10,000^(weight + 1)`.
struct Digits<'a> {
    /// Two bytes each, 0–9999.
    groups: &'a [u8],
    weight: i32,
    negative: bool,
    /// Digits shown after the point.
    shown: usize,
}

impl<'a> Digits<'a> {
    /// `None` for NaN, the infinities, and bytes that are no numeric.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, groups) = bytes.split_first_chunk::<8>()?;
        let [n0, n1, w0, w1, s0, s1, d0, d1] = *head;
        let negative = match u16::from_be_bytes([s0, s1]) {
            0x0000 => false,
            0x4000 => true,
            _ => return None,
        };
        let shown = u16::from_be_bytes([d0, d1]);
        let count = usize::from(u16::from_be_bytes([n0, n1]));
        if groups.len() != count * 2 || shown > 0x3fff {
            return None;
        }
        let digits =
            Self { groups, weight: i16::from_be_bytes([w0, w1]).into(), negative, shown: shown.into() };
        digits.groups().all(|g| g < 10_000).then_some(digits)
    }

    fn groups(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.groups.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }

    /// The group that stands for `10,000^power`.
    fn group_at(&self, power: i32) -> u16 {
        usize::try_from(self.weight - power).ok().and_then(|at| self.groups().nth(at)).unwrap_or(0)
    }
}

/// The number in units of `10^-scale`, if it has at most `precision` digits then. Digits beyond the scale are rounded
/// half away from zero, as Postgres does on assignment; a `numeric(p, s)` column never has any.
pub(super) fn decimal<T>(bytes: &[u8], precision: u8, scale: i8) -> Option<T>
where
    T: ArrowNativeTypeOp + From<i128>,
{
    let number = Digits::read(bytes)?;
    let (ten, groups_of) = (T::from(10), T::from(10_000));
    let mut units = T::ZERO;
    // Power of ten, counted in units, of the last decimal digit taken in so far.
    let mut last = 0_i32;
    for (at, group) in number.groups().enumerate() {
        let power = 4 * (number.weight - i32::try_from(at).ok()?) + i32::from(scale);
        if power >= 0 {
            units = units.mul_checked(groups_of).ok()?.add_checked(T::from(i128::from(group))).ok()?;
            last = power;
            continue;
        }
        // This group reaches below one unit: take its upper digits and round by the first that is left out.
        let dropped = u32::try_from(-power).ok()?.min(5);
        let (kept, cut) = if dropped >= 5 {
            (0, 0)
        } else {
            (group / 10_u16.pow(dropped), group / 10_u16.pow(dropped - 1) % 10)
        };
        for _ in dropped..4 {
            units = units.mul_checked(ten).ok()?;
        }
        units = units.add_checked(T::from(i128::from(kept) + i128::from(cut >= 5))).ok()?;
        last = 0;
        break;
    }
    if !units.is_zero() && last > 0 {
        units = units.mul_checked(ten.pow_checked(u32::try_from(last).ok()?).ok()?).ok()?;
    }
    let limit = ten.pow_checked(u32::from(precision)).ok()?;
    if units >= limit {
        return None;
    }
    if number.negative { T::ZERO.sub_checked(units).ok() } else { Some(units) }
}

/// The number as Postgres writes it. For columns wider than any Arrow decimal.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let number = Digits::read(bytes)?;
    let mut out = String::with_capacity(number.groups.len() * 2 + number.shown + 3);
    if number.negative {
        out.push('-');
    }
    let _ = write!(out, "{}", number.group_at(number.weight.max(0)));
    for power in (0..number.weight).rev() {
        let _ = write!(out, "{:04}", number.group_at(power));
    }
    if number.shown > 0 {
        out.push('.');
        let end = out.len() + number.shown;
        let mut power = -1;
        while out.len() < end {
            let _ = write!(out, "{:04}", number.group_at(power));
            power -= 1;
        }
        out.truncate(end);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::i256;
    use proptest::prelude::*;

    use super::*;

    /// The wire form of `digits × 10^-scale`, as Postgres sends it: no zero groups at either end.
    fn wire(units: i128, scale: usize) -> Vec<u8> {
        let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
        let padded = format!("{whole}{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
        let mut groups: Vec<u16> =
            padded.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap().parse().unwrap()).collect();
        let mut weight = i16::try_from(whole.len() / 4).unwrap() - 1;
        while groups.first() == Some(&0) {
            groups.remove(0);
            weight -= 1;
        }
        while groups.last() == Some(&0) {
            groups.pop();
        }
        if groups.is_empty() {
            weight = 0;
        }
        let sign: u16 = if units < 0 { 0x4000 } else { 0 };
        let mut out = Vec::new();
        out.extend(u16::try_from(groups.len()).unwrap().to_be_bytes());
        out.extend(weight.to_be_bytes());
        out.extend(sign.to_be_bytes());
        out.extend(u16::try_from(scale).unwrap().to_be_bytes());
        groups.iter().for_each(|g| out.extend(g.to_be_bytes()));
        out
    }

    #[track_caller]
    fn check(units: i128, scale: usize, (precision, to): (u8, i8), expected: Option<i128>) {
        assert_eq!(decimal::<i128>(&wire(units, scale), precision, to), expected);
        assert_eq!(decimal::<i256>(&wire(units, scale), precision, to), expected.map(i256::from_i128));
    }

    #[test]
    fn numbers_scale_and_round_half_away_from_zero() {
        check(0, 0, (10, 2), Some(0));
        check(12_345, 2, (10, 2), Some(12_345));
        check(-12_345, 2, (10, 4), Some(-1_234_500));
        check(10_000, 0, (10, 2), Some(1_000_000));
        check(100_000_000, 0, (9, 0), Some(100_000_000));
        check(12_345, 3, (10, 2), Some(1_235));
        check(-12_345, 3, (10, 2), Some(-1_235));
        check(12_344, 3, (10, 2), Some(1_234));
        check(5, 5, (10, 4), Some(1));
        check(4, 5, (10, 4), Some(0));
        check(5, 9, (10, 4), Some(0));
        check(9_999, 4, (10, 0), Some(1));
        check(123_456_789, 8, (10, 1), Some(12));
    }

    #[test]
    fn too_many_digits_do_not_fit() {
        check(999, 0, (3, 0), Some(999));
        check(1_000, 0, (3, 0), None);
        check(9_995, 1, (3, 0), None);
        check(i128::MAX, 0, (38, 0), None);
        check(10_i128.pow(38) - 1, 0, (38, 0), Some(10_i128.pow(38) - 1));
        check(1, 0, (38, 38), None);
    }

    #[test]
    fn not_a_number_and_infinities_have_no_decimal() {
        for sign in [0xc000_u16, 0xd000, 0xf000, 0x1234] {
            let mut bytes = wire(0, 0);
            bytes[4..6].copy_from_slice(&sign.to_be_bytes());
            assert_eq!(decimal::<i128>(&bytes, 38, 0), None);
            assert_eq!(text(&bytes), None);
        }
    }

    proptest! {
        #[test]
        fn a_number_that_fits_comes_back(units in -10_i128.pow(37)..10_i128.pow(37), scale in 0_usize..38) {
            let bytes = wire(units, scale);
            prop_assert_eq!(decimal::<i128>(&bytes, 38, i8::try_from(scale).unwrap()), Some(units));
            let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            let point = if scale > 0 { "." } else { "" };
            let sign = if units < 0 { "-" } else { "" };
            prop_assert_eq!(text(&bytes), Some(format!("{sign}{whole}{point}{fraction}")));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), p in 1_u8..76, s in 0_i8..76) {
            let _ = decimal::<i128>(&bytes, p.min(38), s.min(38));
            let _ = decimal::<i256>(&bytes, p, s);
            let _ = text(&bytes);
        }
    }
}

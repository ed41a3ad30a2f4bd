//! Decodes the binary form of cells, bytes to value. Every length is checked; `None` says that the bytes are no value
//! of the type or one that its Arrow type cannot hold. Nothing here panics.
//!
//! Source: the `*_send` functions of PostgreSQL's `src/backend/utils/adt`.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use arrow::datatypes::IntervalMonthDayNano;
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};

/// Days and microseconds from 1970 to 2000, where Postgres counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 10_957 * DAY_MICROS;
const DAY_MICROS: i64 = 86_400_000_000;

/// `true` or `false`.
pub(super) fn boolean(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// The bytes of a number with a fixed length.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// Text, which is UTF-8 unless the database itself is not.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Text of `jsonb`: one byte of version, then the text.
pub(super) fn jsonb(bytes: &[u8]) -> Option<&str> {
    bytes.strip_prefix(&[1]).and_then(text)
}

/// Days since 1970; none for the infinities and for years that Arrow cannot print.
pub(super) fn date(bytes: &[u8]) -> Option<i32> {
    let days = i32::from_be_bytes(fixed(bytes)?).checked_add(EPOCH_DAYS)?;
    date32_to_datetime(days).map(|_| days)
}

/// Microseconds since 1970; none for the infinities and for years that Arrow cannot print.
pub(super) fn timestamp(bytes: &[u8]) -> Option<i64> {
    let micros = i64::from_be_bytes(fixed(bytes)?).checked_add(EPOCH_MICROS)?;
    timestamp_us_to_datetime(micros).map(|_| micros)
}

/// Microseconds since midnight; none for 24:00, which Arrow does not have.
pub(super) fn time(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(fixed(bytes)?)).filter(|t| (0..DAY_MICROS).contains(t))
}

/// `12:00:00.5+02`, as Postgres writes it.
pub(super) fn timetz(bytes: &[u8]) -> Option<String> {
    let (time, zone) = bytes.split_first_chunk::<8>()?;
    let time = Some(i64::from_be_bytes(*time)).filter(|t| (0..=DAY_MICROS).contains(t))?;
    // Seconds west of Greenwich.
    let west = Some(i32::from_be_bytes(fixed(zone)?)).filter(|z| z.unsigned_abs() < 86_400)?;
    let (seconds, fraction) = (time / 1_000_000, time % 1_000_000);
    let mut out = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction > 0 {
        let _ = write!(out, ".{fraction:06}");
        out.truncate(out.trim_end_matches('0').len());
    }
    let east = west.unsigned_abs();
    let _ = write!(out, "{}{:02}", if west > 0 { '-' } else { '+' }, east / 3600);
    if east % 3600 > 0 {
        let _ = write!(out, ":{:02}", east / 60 % 60);
    }
    if east % 60 > 0 {
        let _ = write!(out, ":{:02}", east % 60);
    }
    Some(out)
}

/// Months, days and nanoseconds; none for the infinities and beyond 292 years of time.
pub(super) fn interval(bytes: &[u8]) -> Option<IntervalMonthDayNano> {
    let (micros, rest) = bytes.split_first_chunk::<8>()?;
    let (days, months) = rest.split_first_chunk::<4>()?;
    let nanos = i64::from_be_bytes(*micros).checked_mul(1_000)?;
    Some(IntervalMonthDayNano::new(i32::from_be_bytes(fixed(months)?), i32::from_be_bytes(*days), nanos))
}

/// 36 characters.
pub(super) fn uuid(bytes: &[u8]) -> Option<String> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = fixed::<16>(bytes)?;
    let head = u32::from_be_bytes([a, b, c, d]);
    let (mid, high, low) =
        (u16::from_be_bytes([e, f]), u16::from_be_bytes([g, h]), u16::from_be_bytes([i, j]));
    let node = u64::from_be_bytes([0, 0, k, l, m, n, o, p]);
    Some(format!("{head:08x}-{mid:04x}-{high:04x}-{low:04x}-{node:012x}"))
}

/// An address; of `inet` the prefix length only when it is not the whole.
pub(super) fn inet(bytes: &[u8], is_cidr: bool) -> Option<String> {
    let ([family, prefix, _, length], address) = bytes.split_first_chunk::<4>()?;
    if usize::from(*length) != address.len() {
        return None;
    }
    let (mut out, whole) = match family {
        2 => (Ipv4Addr::from(fixed::<4>(address)?).to_string(), 32),
        3 => (Ipv6Addr::from(fixed::<16>(address)?).to_string(), 128),
        _ => return None,
    };
    if *prefix > whole {
        return None;
    }
    if is_cidr || *prefix < whole {
        let _ = write!(out, "/{prefix}");
    }
    Some(out)
}

/// `08:00:2b:01:02:03`, of six or eight bytes.
pub(super) fn macaddr(bytes: &[u8]) -> Option<String> {
    if !matches!(bytes.len(), 6 | 8) {
        return None;
    }
    let pairs: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Some(pairs.join(":"))
}

/// `0101`.
pub(super) fn bits(bytes: &[u8]) -> Option<String> {
    let (count, bytes) = bytes.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    if count.div_ceil(8) != bytes.len() {
        return None;
    }
    Some((0..count).map(|at| if bytes[at / 8] & (0x80 >> (at % 8)) == 0 { '0' } else { '1' }).collect())
}

/// The elements of an array of one dimension, or of none when it is empty. Where it begins to count does not matter.
pub(super) fn array(bytes: &[u8], element: u32) -> Option<Vec<Option<&[u8]>>> {
    let (dimensions, rest) = int(bytes)?;
    let (_has_nulls, rest) = int(rest)?;
    let (element_type, rest) = int(rest)?;
    if element_type.cast_unsigned() != element {
        return None;
    }
    match dimensions {
        0 => return rest.is_empty().then(Vec::new),
        1 => {}
        _ => return None,
    }
    let (count, rest) = int(rest)?;
    let (_lower_bound, mut rest) = int(rest)?;
    let count = usize::try_from(count).ok()?;
    // Each element takes four bytes at least, so foreign bytes cannot make us reserve more than they are.
    if count > rest.len() / 4 {
        return None;
    }
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        let length;
        (length, rest) = int(rest)?;
        if length == -1 {
            elements.push(None);
            continue;
        }
        let cell;
        (cell, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        elements.push(Some(cell));
    }
    rest.is_empty().then_some(elements)
}

/// Four bytes as a number, and what follows.
fn int(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((i32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ends_of_time_have_no_value() {
        assert_eq!(date(&0_i32.to_be_bytes()), Some(10_957));
        assert_eq!(date(&i32::MAX.to_be_bytes()), None);
        assert_eq!(date(&i32::MIN.to_be_bytes()), None);
        assert_eq!(timestamp(&0_i64.to_be_bytes()), Some(946_684_800_000_000));
        assert_eq!(timestamp(&i64::MAX.to_be_bytes()), None);
        assert_eq!(timestamp(&i64::MIN.to_be_bytes()), None);
        assert_eq!(time(&DAY_MICROS.to_be_bytes()), None);
        assert_eq!(time(&(DAY_MICROS - 1).to_be_bytes()), Some(DAY_MICROS - 1));
    }

    #[test]
    fn zones_are_written_as_postgres_does() {
        let at = |time: i64, zone: i32| timetz(&[&time.to_be_bytes()[..], &zone.to_be_bytes()[..]].concat());
        assert_eq!(at(43_200_500_000, -7_200).as_deref(), Some("12:00:00.5+02"));
        assert_eq!(at(0, 12_600).as_deref(), Some("00:00:00-03:30"));
        assert_eq!(at(DAY_MICROS, 0).as_deref(), Some("24:00:00+00"));
        assert_eq!(at(DAY_MICROS + 1, 0), None);
        assert_eq!(at(0, 86_400), None);
    }

    #[test]
    fn arrays_of_one_dimension_only() {
        let words = |words: &[i32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
        assert_eq!(array(&words(&[0, 0, 23]), 23), Some(vec![]));
        let two = words(&[1, 1, 23, 2, 1, -1, 4, 7]);
        assert_eq!(array(&two, 23), Some(vec![None, Some(&7_i32.to_be_bytes()[..])]));
        assert_eq!(array(&two, 25), None);
        assert_eq!(array(&two[..two.len() - 1], 23), None);
        assert_eq!(array(&words(&[2, 0, 23, 1, 1, 1, 1, 4, 7]), 23), None);
        assert_eq!(array(&words(&[1, 0, 23, i32::MAX, 1]), 23), None);
        assert_eq!(array(&words(&[1, 0, 23, 1, 1, -2]), 23), None);
    }

    #[test]
    fn addresses_show_their_prefix_when_it_matters() {
        assert_eq!(inet(&[2, 32, 0, 4, 10, 0, 0, 1], false).as_deref(), Some("10.0.0.1"));
        assert_eq!(inet(&[2, 8, 0, 4, 10, 0, 0, 1], false).as_deref(), Some("10.0.0.1/8"));
        assert_eq!(inet(&[2, 32, 1, 4, 10, 0, 0, 1], true).as_deref(), Some("10.0.0.1/32"));
        assert_eq!(inet(&[2, 33, 0, 4, 10, 0, 0, 1], false), None);
        assert_eq!(inet(&[4, 0, 0, 4, 10, 0, 0, 1], false), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), element in 0_u32..30) {
            let _ = (boolean(&bytes), text(&bytes), jsonb(&bytes), date(&bytes), timestamp(&bytes), time(&bytes));
            let _ = (timetz(&bytes), interval(&bytes), uuid(&bytes), inet(&bytes, true), macaddr(&bytes), bits(&bytes));
            let _ = array(&bytes, element);
        }

        #[test]
        fn a_damaged_array_is_read_without_panic(at in 0_usize..32, byte in any::<u8>()) {
            let mut bytes: Vec<u8> = [1, 0, 23, 2, 1, 4, 7, -1].iter().flat_map(|w: &i32| w.to_be_bytes()).collect();
            bytes[at] = byte;
            let _ = array(&bytes, 23);
        }
    }
}

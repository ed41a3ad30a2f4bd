//! Masks that keep a coarser value: date_trunc.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate};

use super::DateUnit;

/// Whether values of this type can be cut to the unit. A date has no hours to cut.
pub(super) fn can_truncate(data_type: &DataType, unit: DateUnit) -> bool {
    match data_type {
        DataType::Date32 => unit != DateUnit::Hour,
        DataType::Timestamp(TimeUnit::Microsecond, _) => true,
        _ => false,
    }
}

/// Each value cut to the beginning of its unit, UTC; weeks begin on Monday (ISO 8601). What lies outside the calendar
/// becomes NULL and is counted. `None` when the type has no dates.
pub(super) fn date_trunc(array: &dyn Array, unit: DateUnit, errors: &mut u64) -> Option<ArrayRef> {
    let mut count = |cut: Option<i64>| {
        *errors += u64::from(cut.is_none());
        cut
    };
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            let cut = days
                .iter()
                .map(|d| d.and_then(|d| count(day(i64::from(d), unit)).and_then(|d| i32::try_from(d).ok())));
            Some(Arc::new(cut.collect::<Date32Array>()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let instants = array.as_primitive::<TimestampMicrosecondType>();
            let cut = instants.iter().map(|t| t.and_then(|t| count(instant(t, unit))));
            let cut: TimestampMicrosecondArray = cut.collect();
            Some(Arc::new(cut.with_timezone_opt(zone.clone())))
        }
        _ => None,
    }
}

fn instant(micros: i64, unit: DateUnit) -> Option<i64> {
    match unit {
        DateUnit::Hour => micros.div_euclid(MICROS_PER_HOUR).checked_mul(MICROS_PER_HOUR),
        _ => day(micros.div_euclid(MICROS_PER_DAY), unit)?.checked_mul(MICROS_PER_DAY),
    }
}

fn day(days: i64, unit: DateUnit) -> Option<i64> {
    let date = NaiveDate::from_epoch_days(i32::try_from(days).ok()?)?;
    let first = match unit {
        DateUnit::Hour | DateUnit::Day => return Some(days),
        DateUnit::Week => return Some(days - i64::from(date.weekday().num_days_from_monday())),
        DateUnit::Month => date.with_day(1)?,
        DateUnit::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)?,
        DateUnit::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1)?,
    };
    Some(i64::from(first.to_epoch_days()))
}

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(date: &str, unit: DateUnit, expected: &str) {
        let days = |text: &str| text.parse::<NaiveDate>().unwrap().to_epoch_days();
        let mut errors = 0;
        let cut = date_trunc(&Date32Array::from(vec![Some(days(date)), None]), unit, &mut errors).unwrap();
        assert_eq!(cut.as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(days(expected)), None]);

        let micros = |text: &str| i64::from(days(text)) * MICROS_PER_DAY;
        let late =
            TimestampMicrosecondArray::from(vec![micros(date) + MICROS_PER_DAY - 1]).with_timezone("UTC");
        let cut = date_trunc(&late, unit, &mut errors).unwrap();
        assert_eq!(cut.data_type(), late.data_type());
        assert_eq!(cut.as_primitive::<TimestampMicrosecondType>().value(0), micros(expected));
        assert_eq!(errors, 0);
    }

    #[test]
    fn dates_are_cut_to_the_beginning_of_their_unit() {
        check("1987-11-29", DateUnit::Year, "1987-01-01");
        check("1987-11-29", DateUnit::Quarter, "1987-10-01");
        check("1987-11-29", DateUnit::Month, "1987-11-01");
        check("1987-11-29", DateUnit::Week, "1987-11-23");
        check("1987-11-29", DateUnit::Day, "1987-11-29");
        check("1969-12-31", DateUnit::Year, "1969-01-01");
        check("1969-12-31", DateUnit::Week, "1969-12-29");
        check("0001-03-01", DateUnit::Quarter, "0001-01-01");
    }

    #[test]
    fn hours_are_cut_before_the_epoch_as_well() {
        assert_eq!(instant(-1, DateUnit::Hour), Some(-MICROS_PER_HOUR));
        assert_eq!(instant(MICROS_PER_HOUR + 1, DateUnit::Hour), Some(MICROS_PER_HOUR));
    }

    #[test]
    fn what_lies_outside_the_calendar_becomes_null_and_is_counted() {
        let mut errors = 0;
        let far = TimestampMicrosecondArray::from(vec![Some(i64::MAX), None, Some(i64::MIN)]);
        let cut = date_trunc(&far, DateUnit::Year, &mut errors).unwrap();
        assert_eq!((cut.null_count(), errors), (3, 2));
        assert!(
            !can_truncate(&DataType::Date32, DateUnit::Hour)
                && !can_truncate(&DataType::Int32, DateUnit::Day)
        );
    }
}

//! What is told of many measurements: the median, and how far they lie apart.

use std::time::Duration;

/// One figure, measured once a round.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds one round.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }
    /// The middle one; of an even number the mean of both. Not a number without any.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }
    /// Round by round this one over the other: both were measured one after the other, so what the machine did in the
    /// meantime is in both.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
    /// `median (smallest–largest)`, with as many digits as are worth reading.
    pub fn show(&self) -> String {
        let sorted = self.sorted();
        match (sorted.first(), sorted.last()) {
            (Some(first), Some(last)) => {
                format!("{} ({}–{})", short(self.median()), short(*first), short(*last))
            }
            _ => "none".to_owned(),
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// How long each of many took.
#[derive(Clone, Debug, Default)]
pub struct Timings(Vec<Duration>);

impl Timings {
    /// Adds one.
    pub fn push(&mut self, took: Duration) {
        self.0.push(took);
    }
    /// Adds all of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
    /// Milliseconds that this share of them stayed within: 0.5 is the median. Not a number without any.
    pub fn ms(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        self.0.sort();
        let at = (share * (self.0.len() - 1) as f64).round() as usize;
        self.0[at.min(self.0.len() - 1)].as_secs_f64() * 1e3
    }
}

/// The contestants' numbers in this round's order: each begins once in a while, so that none always follows the same.
pub fn rotated(round: usize, contestants: usize) -> impl Iterator<Item = usize> {
    (0..contestants).map(move |n| (n + round) % contestants)
}

/// A whole number with its thousands apart.
pub fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

fn short(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "–".to_owned(),
        0.0..1.0 => format!("{value:.3}"),
        1.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => whole(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], shown: &str) {
        assert_eq!(Series(values.to_vec()).show(), shown);
    }

    #[test]
    fn a_series_is_told_by_its_median_and_its_ends() {
        check(&[], "none");
        check(&[3.0, 1.0, 2.0], "2.00 (1.00–3.00)");
        check(&[1_234_567.0, 0.25], "617,284 (0.250–1,234,567)");
        check(&[12.34, 12.34], "12.3 (12.3–12.3)");
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let ratio = Series(vec![2.0, 30.0]).over(&Series(vec![1.0, 10.0]));
        assert_eq!(ratio.show(), "2.50 (2.00–3.00)");
    }

    #[test]
    fn shares_of_timings_are_those_of_the_sorted_ones() {
        let mut timings = Timings((1..=101).rev().map(Duration::from_millis).collect());
        assert_eq!(
            (timings.ms(0.0), timings.ms(0.5), timings.ms(0.99), timings.ms(1.0)),
            (1.0, 51.0, 100.0, 101.0)
        );
        assert!(Timings::default().ms(0.5).is_nan());
    }

    #[test]
    fn each_contestant_begins_in_its_turn() {
        let orders: Vec<Vec<usize>> = (0..3).map(|round| rotated(round, 3).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
    }
}

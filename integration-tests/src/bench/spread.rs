//! A figure of several rounds: the one in the middle, and how far the rounds were apart.

use serde::Serialize;

/// Minimum, median and maximum of at least one figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The one in the middle; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these figures, in any order; `None` of none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { min, median: f64::midpoint(low, high), max })
    }

    /// `median (min–max)`, each with so many digits behind the point; a single round has no range to show.
    pub fn text(&self, decimals: usize) -> String {
        let Self { min, median, max } = self;
        if min.to_bits() == max.to_bits() {
            return format!("{median:.decimals$}");
        }
        format!("{median:.decimals$} ({min:.decimals$}–{max:.decimals$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_number_of_rounds_has_one_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { min: 1.0, median: 2.0, max: 3.0 });
    }

    #[test]
    fn an_even_number_of_rounds_has_two() {
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
    }

    #[test]
    fn no_round_has_no_figure() {
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn the_range_is_shown_where_there_is_one() {
        assert_eq!(Spread::of([1.234, 5.0, 2.0]).unwrap().text(2), "2.00 (1.23–5.00)");
        assert_eq!(Spread::of([1.234]).unwrap().text(1), "1.2");
    }
}

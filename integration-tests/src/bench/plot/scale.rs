//! Where a figure lies on its axis, from 0 to 1.

/// Percentiles that the axis names.
pub(super) const PERCENTILES: [(f64, &str); 5] =
    [(0.0, "0 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];

/// The axis of percentiles: each nine more takes as much room as the one before.
pub(super) mod percentile {
    /// Nines on the axis.
    const NINES: f64 = 3.0;

    /// Where the quantile lies.
    pub(in super::super) fn place(quantile: f64) -> f64 {
        -(1.0 - quantile).log10() / NINES
    }

    /// The quantile that lies there.
    pub(in super::super) fn at(place: f64) -> f64 {
        1.0 - 10_f64.powf(-place * NINES)
    }
}

/// The axis of latencies: logarithmic, from mark to mark.
#[derive(Debug, PartialEq)]
pub(super) struct Millis {
    from: f64,
    to: f64,
}

impl Millis {
    /// One that has room for all these latencies; `None` if there are none.
    pub(super) fn spanning(latencies: impl Iterator<Item = f64>) -> Option<Self> {
        let (least, most) =
            latencies.fold((f64::INFINITY, 0.0_f64), |(least, most), it| (least.min(it), most.max(it)));
        if !least.is_finite() {
            return None;
        }
        let from = marks().filter(|mark| *mark <= least).last().unwrap_or(0.001);
        let to = marks().find(|mark| *mark >= most && *mark > from).unwrap_or(100_000.0);
        Some(Self { from, to })
    }

    /// Where a latency lies.
    pub(super) fn place(&self, millis: f64) -> f64 {
        ((millis.max(self.from) / self.from).log10() / (self.to / self.from).log10()).clamp(0.0, 1.0)
    }

    /// What the axis names: latencies with their labels.
    pub(super) fn marks(&self) -> impl Iterator<Item = (f64, String)> {
        let within = marks().filter(|mark| (self.from..=self.to).contains(mark));
        within.map(|mark| (mark, mark.to_string()))
    }
}

/// 1, 2, 5, 10, … from a microsecond on.
fn marks() -> impl Iterator<Item = f64> {
    let decades = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0];
    decades.into_iter().flat_map(|decade| [1.0, 2.0, 5.0].map(|step| round(step * decade))).chain([100_000.0])
}

/// So that 5 times a thousandth is written as such.
fn round(mark: f64) -> f64 {
    (mark * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_their_places() {
        for (quantile, expected) in [(0.0, 0.0), (0.9, 1.0 / 3.0), (0.999, 1.0)] {
            assert!((percentile::place(quantile) - expected).abs() < 1e-9);
            assert!((percentile::at(expected) - quantile).abs() < 1e-9);
        }
    }

    #[test]
    fn latencies_lie_between_the_marks_around_them() {
        let scale = Millis::spanning([0.3, 7.0].into_iter()).unwrap();
        assert_eq!(scale, Millis { from: 0.2, to: 10.0 });
        assert_eq!((scale.place(0.2), scale.place(10.0)), (0.0, 1.0));
        assert_eq!((scale.place(0.0), scale.place(99.0)), (0.0, 1.0), "nothing leaves the panel");
        let labels: Vec<String> = scale.marks().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0.2", "0.5", "1", "2", "5", "10"]);
    }

    #[test]
    fn one_latency_has_room_as_well() {
        let scale = Millis::spanning([1.0].into_iter()).unwrap();
        assert_eq!(scale, Millis { from: 1.0, to: 2.0 });
        assert_eq!(Millis::spanning(std::iter::empty()), None);
    }
}

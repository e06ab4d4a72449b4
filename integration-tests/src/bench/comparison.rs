//! What was measured of everybody at one load, and the figures that can be made of it.

use anyhow::Result;
use serde::Serialize;

use super::child::Role;
use super::progress::say;
use super::sample::Sample;
use super::spread::Spread;

/// Name of the series that is the broker by itself.
pub const FLOOR: &str = "broker alone";
/// Name of the series that is the HTTP server by itself.
pub const PLAIN: &str = "HTTP alone";
/// Name of the series that is this project.
pub const OURS: &str = "gateway and worker";

/// What was measured of everybody at one load.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Requests in flight.
    pub in_flight: usize,
    /// Bytes of `data` in each request.
    pub data_bytes: usize,
    /// One for each contender, in their order.
    pub series: Vec<Series>,
}

/// What was measured of one contender.
#[derive(Debug, Serialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// What each round measured; `None` where it failed.
    pub rounds: Vec<Option<Round>>,
    /// Why rounds failed.
    pub failures: Vec<String>,
}

/// What one turn measured.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// The latencies.
    #[serde(flatten)]
    pub sample: Sample,
    /// What its processes took meanwhile.
    pub spent: Vec<Spent>,
}

/// What one process took over some time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spent {
    /// What it is.
    pub role: Role,
    /// CPU seconds of all its threads.
    pub cpu_seconds: f64,
    /// Resident memory at the end, in MiB.
    pub resident_mib: f64,
}

impl Round {
    /// CPU seconds of all its processes for 10,000 requests; `None` if none is known.
    #[expect(clippy::cast_precision_loss, reason = "counts of exchanges are far below 2^52")]
    pub fn cpu_per_10_000(&self) -> Option<f64> {
        let cpu: f64 = self.spent.iter().map(|spent| spent.cpu_seconds).sum();
        (!self.spent.is_empty()).then(|| cpu / self.sample.count() as f64 * 10_000.0)
    }

    /// MiB of all its processes; `None` if none is known.
    pub fn resident_mib(&self) -> Option<f64> {
        (!self.spent.is_empty()).then(|| self.spent.iter().map(|spent| spent.resident_mib).sum())
    }
}

impl Series {
    /// No round yet.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rounds: Vec::new(), failures: Vec::new() }
    }

    /// Adds what a turn came to.
    pub(super) fn add(&mut self, measured: Result<Round>) {
        match measured {
            Ok(round) => self.rounds.push(Some(round)),
            Err(error) => {
                say(&format!("{} failed: {error:#}", self.name));
                self.failures.push(format!("{error:#}"));
                self.rounds.push(None);
            }
        }
    }

    /// A figure of each round that did not fail.
    pub fn spread(&self, figure: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::of(self.rounds.iter().flatten().map(figure))
    }

    /// The latencies of all rounds.
    pub fn all(&self) -> Option<Sample> {
        let mut samples = self.rounds.iter().flatten().map(|round| &round.sample);
        let mut all = samples.next()?.clone();
        samples.for_each(|sample| all.merge(sample));
        Some(all)
    }
}

impl Comparison {
    /// The series of that name.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name)
    }

    /// A figure made of several series, round by round, of the rounds in which all of them were measured.
    pub fn spread<const N: usize>(
        &self,
        names: [&str; N],
        figure: impl Fn([&Round; N]) -> Option<f64>,
    ) -> Option<Spread> {
        let series: Vec<&Series> = names.iter().map(|name| self.series(name)).collect::<Option<_>>()?;
        let rounds = series.iter().map(|series| series.rounds.len()).min()?;
        Spread::of((0..rounds).filter_map(|round| {
            let measured: Option<Vec<&Round>> =
                series.iter().map(|series| series.rounds[round].as_ref()).collect();
            figure(measured?.try_into().ok()?)
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    /// A round of so many exchanges, each of `millis`, in one second.
    pub(crate) fn round(count: u64, millis: u64) -> Option<Round> {
        let mut sample = Sample::new(Duration::from_secs(1));
        (0..count).for_each(|_| sample.record(Duration::from_millis(millis)));
        let spent = Spent { role: Role::Plain, cpu_seconds: 0.5, resident_mib: 8.0 };
        Some(Round { sample, spent: vec![spent] })
    }

    pub(crate) fn series(name: &str, rounds: Vec<Option<Round>>) -> Series {
        let failures = rounds.iter().filter(|round| round.is_none()).map(|_| "broken".to_owned()).collect();
        Series { name: name.to_owned(), rounds, failures }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let comparison = Comparison {
            in_flight: 64,
            data_bytes: 100,
            series: vec![
                series("a", vec![round(100, 1), None, round(400, 1)]),
                series("b", vec![round(200, 1), round(1, 1), round(400, 1)]),
            ],
        };
        let ratio = comparison.spread(["a", "b"], |[a, b]| Some(a.sample.rate() / b.sample.rate())).unwrap();
        assert_eq!(ratio, Spread { min: 0.5, median: 0.75, max: 1.0 });
        assert_eq!(comparison.spread(["a", "c"], |_| Some(1.0)), None);
    }

    #[test]
    fn cpu_time_is_that_of_10_000_requests() {
        let round = round(5_000, 1).unwrap();
        assert_eq!(round.cpu_per_10_000(), Some(1.0));
        assert_eq!(round.resident_mib(), Some(8.0));
        assert_eq!(Round { spent: Vec::new(), ..round }.cpu_per_10_000(), None);
    }
}

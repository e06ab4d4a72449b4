//! What the environment asks for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a target runs where nobody asks for more: a share of `cargo test`.
const MOMENT: Duration = Duration::from_millis(200);
/// How many inputs it tries then, and from which seed: the same ones each time, so that a test that passed says the same of
/// the same code tomorrow. New ones are for the long runs.
const FEW: u64 = 2000;
const SEED_OF_FEW: u64 = 1;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) inputs: u64,
    pub(crate) seed: u64,
    /// Somebody asked for a run of its own, and wants to hear of it.
    pub(crate) is_long: bool,
}

impl Options {
    /// # Panics
    /// If a variable is not what it should be: a run that was asked for in vain must not pass.
    pub(crate) fn from_environment() -> Self {
        let seconds = number::<f64>("FUZZ_SECONDS", "seconds");
        let time =
            seconds.map(|seconds| Duration::try_from_secs_f64(seconds).expect("FUZZ_SECONDS is a time"));
        let seed = number::<u64>("FUZZ_SEED", "a number of 64 bits");
        match time {
            Some(time) => Self { time, inputs: u64::MAX, seed: seed.unwrap_or_else(now), is_long: true },
            None => Self { time: MOMENT, inputs: FEW, seed: seed.unwrap_or(SEED_OF_FEW), is_long: false },
        }
    }
}

fn number<N: std::str::FromStr>(name: &str, kind: &str) -> Option<N> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not {kind}: {text}")))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}

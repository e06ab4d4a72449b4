//! The one clock that everything in a run is timed by.

use std::time::{Duration, Instant};

/// Counts from the begin of the run; monotonic. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// The run begins now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// How long the run has gone on.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When the run will have gone on for `at`.
    pub fn instant(&self, at: Duration) -> Instant {
        self.began + at
    }
}

//! When to read batch by batch.

/// For how many fetches to decode batches by our own hand before rskafka is tried again.
///
/// rskafka fails a whole fetch for one bad record in it: trying it again behind each good batch would fetch the same
/// megabytes over and over, so a run of fetches goes on until something was passed that may have been the cause. Where
/// a producer compresses with a codec that rskafka lacks every batch is bad, so each run is twice as long as the last.
#[derive(Debug)]
pub(super) struct ByBatch {
    left: u32,
    next_run: u32,
}

impl ByBatch {
    const SHORTEST_RUN: u32 = 16;
    const LONGEST_RUN: u32 = 1024;

    pub(super) fn new() -> Self {
        Self { left: 0, next_run: Self::SHORTEST_RUN }
    }

    /// Whether a run is under way.
    pub(super) fn is_on(&self) -> bool {
        self.left > 0
    }

    /// rskafka could not read on.
    pub(super) fn begin(&mut self) {
        self.left = self.next_run;
        self.next_run = (self.next_run * 2).min(Self::LONGEST_RUN);
    }

    /// A fetch was decoded; `was_cause` if rskafka may well be able to read on behind it.
    pub(super) fn read(&mut self, was_cause: bool) {
        self.left = if was_cause { 0 } else { self.left.saturating_sub(1) };
    }

    /// rskafka could read.
    pub(super) fn forget(&mut self) {
        self.next_run = Self::SHORTEST_RUN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(by_batch: &mut ByBatch) -> u32 {
        by_batch.begin();
        let mut length = 0;
        while by_batch.is_on() {
            by_batch.read(false);
            length += 1;
        }
        length
    }

    #[test]
    fn runs_double_until_rskafka_can_read_again() {
        let mut by_batch = ByBatch::new();
        assert!(!by_batch.is_on());
        let runs: Vec<_> = (0..8).map(|_| run(&mut by_batch)).collect();
        assert_eq!(runs, [16, 32, 64, 128, 256, 512, 1024, 1024]);
        by_batch.forget();
        assert_eq!(run(&mut by_batch), 16);
    }

    #[test]
    fn the_cause_ends_a_run() {
        let mut by_batch = ByBatch::new();
        by_batch.begin();
        by_batch.read(true);
        assert!(!by_batch.is_on());
    }
}

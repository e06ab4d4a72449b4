//! When trouble with a partition is worth a warning.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row. One that passes within two seconds is everyday life (a leader moved, an idle connection was
/// closed); one that stays is told once, and once more when it is over. What keeps everybody from Kafka is told once for
/// all by [`Health`](crate::Health), so that an outage is not as many warnings as there are partitions.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    since: Option<Instant>,
    is_told: bool,
}

impl Trouble {
    /// What lasts so long is told.
    pub(crate) const TOLD_AFTER: Duration = Duration::from_secs(2);

    /// Another attempt failed; true if that is the one to tell of, which it is not while everybody is cut off from Kafka
    /// and it `is_ours` no more than theirs.
    pub(crate) fn again(&mut self, now: Instant, is_ours: bool) -> bool {
        let since = *self.since.get_or_insert(now);
        let lasts = now.saturating_duration_since(since) >= Self::TOLD_AFTER;
        let is_news = lasts && is_ours && !self.is_told;
        self.is_told |= is_news;
        is_news
    }

    /// An attempt worked; true if there had been trouble that was told of.
    pub(crate) fn over(&mut self) -> bool {
        self.since = None;
        std::mem::take(&mut self.is_told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lasting_trouble_is_told_once_and_so_is_its_end() {
        let (start, mut trouble) = (Instant::now(), Trouble::default());
        let later = start + Trouble::TOLD_AFTER;
        assert_eq!([trouble.again(start, true), trouble.over()], [false, false]);
        assert!(!trouble.again(later, true), "it began anew");
        let later = later + Trouble::TOLD_AFTER;
        assert!(!trouble.again(later, false), "everybody's trouble");
        assert_eq!([trouble.again(later, true), trouble.again(later, true)], [true, false]);
        assert_eq!([trouble.over(), trouble.over()], [true, false]);
    }
}

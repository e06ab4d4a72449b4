//! When it is worth a warning that nothing works.

use tokio::time::Instant;

use crate::client::Trouble;

/// Nothing works. The fall of the last connection is told at once; that none was made only when it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Silence {
    since: Option<Instant>,
    is_told: bool,
}

impl Silence {
    /// Another attempt failed, or a connection fell; true if that is the one to tell of.
    pub(super) fn goes_on(&mut self, now: Instant, fell: bool) -> bool {
        let since = *self.since.get_or_insert(now);
        let lasts = fell || now.saturating_duration_since(since) >= Trouble::TOLD_AFTER;
        let is_news = lasts && !self.is_told;
        self.is_told |= is_news;
        is_news
    }

    /// Whether it was told.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_works_is_told_at_a_fall_and_when_nothing_comes_up_at_all() {
        let (start, mut silence) = (Instant::now(), Silence::default());
        let later = start + Trouble::TOLD_AFTER;
        let told = [(start, false), (later, false), (later, false), (later, true)];
        assert_eq!(told.map(|(now, fell)| silence.goes_on(now, fell)), [false, true, false, false]);
        assert!(Silence::default().goes_on(start, true));
    }
}

//! What is known of each caller. Bounded: who is idle is forgotten, and a crowd beyond the bound shares one entry.

use std::collections::HashMap;
use std::time::Duration;

use super::allowance::{Allowance, Quota, Used};
use super::who::Who;

/// Callers remembered at once.
const MAX_CALLERS: usize = 100_000;

/// Callers from which on idle ones are looked for.
const FIRST_SWEEP: usize = 1_024;

/// Shortest time between two looks for idle ones: in a full table whose callers are all busy each look finds little.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The limits and what is taken of them.
#[derive(Debug)]
pub(super) struct Table {
    max_pending: Option<u32>,
    allowance: Option<Allowance>,
    callers: HashMap<Who, Taken>,
    /// So many entries make it worth the time to look for idle ones.
    next_sweep: usize,
    /// When they were last looked for.
    swept: Option<Duration>,
}

#[derive(Debug, Default)]
struct Taken {
    pending: u32,
    used: Used,
}

/// Why a caller gets no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// So many are under way.
    Pending(u32),
    /// It comes too often.
    Rate {
        /// What it has left.
        quota: Quota,
        /// Time until it may come again.
        wait: Duration,
    },
}

impl Table {
    pub(super) fn new(max_pending: Option<u32>, allowance: Option<Allowance>) -> Self {
        Self { max_pending, allowance, callers: HashMap::new(), next_sweep: FIRST_SWEEP, swept: None }
    }

    /// One more request of `who`'s, counted under whom it names. It has to [`leave`](Self::leave) as that.
    ///
    /// # Errors
    /// If a limit is reached; nothing is taken then.
    pub(super) fn enter(&mut self, who: Who, now: Duration) -> Result<(Who, Option<Quota>), Refusal> {
        self.make_room(now);
        let is_known = self.callers.len() < MAX_CALLERS || self.callers.contains_key(&who);
        let who = if is_known { who } else { Who::Others };
        let taken = self.callers.entry(who.clone()).or_default();
        if let Some(limit) = self.max_pending.filter(|limit| taken.pending >= *limit) {
            return Err(Refusal::Pending(limit));
        }
        let quota = self.allowance.map(|allowance| allowance.take(&mut taken.used, now)).transpose();
        let quota = quota.map_err(|(quota, wait)| Refusal::Rate { quota, wait })?;
        taken.pending += 1;
        Ok((who, quota))
    }

    /// A request that was counted under `who` has ended.
    pub(super) fn leave(&mut self, who: &Who) {
        if let Some(taken) = self.callers.get_mut(who) {
            taken.pending = taken.pending.saturating_sub(1);
        }
    }

    fn make_room(&mut self, now: Duration) {
        let is_rested = self.swept.is_none_or(|swept| now.saturating_sub(swept) >= SWEEP_INTERVAL);
        if self.callers.len() < self.next_sweep || !is_rested {
            return;
        }
        self.swept = Some(now);
        self.callers.retain(|_, taken| taken.pending > 0 || !taken.used.is_full(now));
        self.next_sweep = (self.callers.len() * 2).clamp(FIRST_SWEEP, MAX_CALLERS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(number: usize) -> Who {
        Who::Name(number.to_string().into())
    }

    #[test]
    fn who_is_idle_is_forgotten() {
        let mut table = Table::new(Some(1), Some(Allowance::new(1, 1)));
        table.enter(who(0), Duration::ZERO).unwrap();
        for number in 1..10 * FIRST_SWEEP {
            let now = Duration::from_secs(2 * number as u64);
            table.enter(who(number), now).unwrap();
            table.leave(&who(number));
        }
        assert!(table.callers.len() <= FIRST_SWEEP + 1, "{}", table.callers.len());
        let later = Duration::from_hours(1000);
        assert_eq!(table.enter(who(0), later), Err(Refusal::Pending(1)), "who is not idle is not forgotten");
    }

    #[test]
    fn a_crowd_beyond_the_bound_shares_one_entry() {
        let mut table = Table::new(Some(1), None);
        for number in 0..MAX_CALLERS {
            table.enter(who(number), Duration::ZERO).unwrap();
        }
        let (counted, _) = table.enter(who(MAX_CALLERS), Duration::ZERO).unwrap();
        assert_eq!(counted, Who::Others);
        assert!(table.enter(who(MAX_CALLERS + 1), Duration::ZERO).is_err());
        assert_eq!(table.callers.len(), MAX_CALLERS + 1);
        table.leave(&counted);
        assert!(table.enter(who(MAX_CALLERS + 1), Duration::ZERO).is_ok());
    }

    #[test]
    fn a_full_table_is_not_searched_for_every_request() {
        let mut table = Table::new(None, Some(Allowance::new(1, 1)));
        for number in 0..MAX_CALLERS {
            table.enter(who(number), Duration::ZERO).unwrap();
        }
        let mut counted = |number: usize, milliseconds| {
            table.leave(&who(number));
            table.enter(who(MAX_CALLERS + number), Duration::from_millis(milliseconds)).unwrap().0
        };
        assert_ne!(counted(0, 1_500), Who::Others, "it was time to look");
        assert_eq!(counted(1, 1_501), Who::Others, "it is too early to look again");
        assert_ne!(counted(2, 2_500), Who::Others);
    }
}

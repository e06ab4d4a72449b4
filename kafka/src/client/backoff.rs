//! How long to wait before trying again.

use std::time::Duration;

/// Waits that double: 50 ms, 100 ms, and so on up to half a second. Whoever tries again says when to stop.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// The first wait.
    pub const MIN: Duration = Duration::from_millis(50);
    /// The longest wait: what a leader's death costs may be one second more than Kafka needs to name another.
    pub const MAX: Duration = Duration::from_millis(500);

    /// Begins at the first wait.
    pub fn new() -> Self {
        Self { next: Self::MIN }
    }

    /// How long to wait now; the next wait is longer.
    pub fn next_pause(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(Self::MAX);
        now
    }

    /// Things work again: the next trouble begins with the first wait.
    pub fn reset(&mut self) {
        self.next = Self::MIN;
    }

    /// Waits, and waits longer the next time.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_second_and_begin_again() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..7).map(|_| backoff.next_pause().as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 500, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.next_pause(), Backoff::MIN);
    }
}

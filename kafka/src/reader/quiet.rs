//! A log in which nothing happens: is it at rest, or has its leader been replaced without knowing?
//!
//! A leader that is cut off from the other brokers, though not from us, answers fetch after fetch with nothing, while
//! another one leads and has the records. Only the others can tell.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::client::Leader;

/// Nothing for so long is worth a question. A longer silence takes fewer of them.
const ASK_AFTER: Duration = Duration::from_secs(1);
const ASK_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// A question is due whenever the silence has grown by this part.
const PART: u32 = 8;

/// How long a leader has had nothing to tell, and the question to the others.
#[derive(Default)]
pub(super) struct Quiet {
    since: Option<Instant>,
    asked_at: Option<Instant>,
    /// A task of its own: fetches come and go while it is on its way.
    question: Option<AbortOnDropHandle<bool>>,
}

impl Quiet {
    /// The leader has answered a fetch that was sent at `sent_at`.
    pub(super) fn answered(&mut self, sent_at: Instant, with_nothing: bool) {
        if with_nothing {
            self.since.get_or_insert(sent_at);
        } else {
            *self = Self::default();
        }
    }

    /// Returns once another broker leads; never before there has been silence. A dropped call loses nothing.
    pub(super) async fn until_replaced(&mut self, leader: &Leader) {
        loop {
            if let Some(question) = &mut self.question {
                let replaced = question.await.unwrap_or(false);
                self.question = None;
                if replaced {
                    return;
                }
            }
            match self.ask_at() {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
            self.asked_at = Some(Instant::now());
            self.question = Some(AbortOnDropHandle::new(tokio::spawn(leader.succession())));
        }
    }

    fn ask_at(&self) -> Option<Instant> {
        let since = self.since?;
        let Some(asked_at) = self.asked_at else { return Some(since + ASK_AFTER) };
        let silence = asked_at.saturating_duration_since(since);
        Some(asked_at + (silence / PART).clamp(ASK_AFTER, ASK_AT_LEAST_EVERY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_silence_the_fewer_the_questions() {
        let start = Instant::now();
        let mut quiet = Quiet::default();
        assert_eq!(quiet.ask_at(), None);
        quiet.answered(start, true);
        quiet.answered(start + ASK_AFTER / 2, true);
        assert_eq!(quiet.ask_at(), Some(start + ASK_AFTER));
        for (silence, wait) in [(1, 1.0), (8, 1.0), (20, 2.5), (40, 5.0), (3600, 5.0)] {
            let asked_at = start + Duration::from_secs(silence);
            quiet.asked_at = Some(asked_at);
            assert_eq!(quiet.ask_at(), Some(asked_at + Duration::from_secs_f64(wait)), "{silence} s");
        }
        quiet.answered(start + ASK_AFTER, false);
        assert_eq!(quiet.ask_at(), None);
    }
}

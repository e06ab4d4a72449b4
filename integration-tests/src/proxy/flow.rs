//! What becomes of the bytes that go one way.

use std::num::NonZeroU32;
use std::time::Duration;

/// One of the two ways through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From clients to the broker.
    Requests,
    /// From the broker to clients.
    Answers,
}

impl Direction {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Requests, Self::Answers];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Requests => 0,
            Self::Answers => 1,
        }
    }
}

/// Whether bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carry {
    /// They do.
    #[default]
    Pass,
    /// Not now: they wait, and arrive once they may pass again, as after a pulled cable that is put back in time.
    Hold,
    /// Never: they are taken and thrown away. A connection that lost bytes so can never be whole again and is reset
    /// when bytes may pass again.
    Lose,
}

/// How bytes travel one way. The default is at once and without a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Whether they arrive.
    pub carry: Carry,
    /// How much later they arrive than they were sent.
    pub delay: Duration,
    /// How many arrive in a second on each connection; without it as many as can.
    pub bytes_per_second: Option<NonZeroU32>,
}

impl Flow {
    /// Everything is taken and nothing arrives.
    pub const LOST: Self = Self { carry: Carry::Lose, ..Self::FREE };
    /// Everything waits.
    pub const HELD: Self = Self { carry: Carry::Hold, ..Self::FREE };

    const FREE: Self = Self { carry: Carry::Pass, delay: Duration::ZERO, bytes_per_second: None };

    /// Everything arrives, so much later.
    pub fn delayed(delay: Duration) -> Self {
        Self { delay, ..Self::FREE }
    }

    /// Everything arrives, on each connection so many bytes a second.
    pub fn limited(bytes_per_second: NonZeroU32) -> Self {
        Self { bytes_per_second: Some(bytes_per_second), ..Self::FREE }
    }
}

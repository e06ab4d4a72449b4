//! What a verdict rests on.

use std::fmt;

/// How much a verdict rests on: a run that excuses everything has shown nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls made.
    pub calls: u64,
    /// Calls that were answered with a hash.
    pub answered: u64,
    /// Calls that got an error, other than the one they were made to get.
    pub refused: u64,
    /// Calls without a response because their gateway was killed or frozen.
    pub severed: u64,
    /// Calls on an idle connection that was closed in the moment when they were sent, by a gateway that stopped.
    pub cut: u64,
    /// Calls to a gateway that had ended before.
    pub gone: u64,
    /// Request records.
    pub requests: u64,
    /// Reply records.
    pub replies: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Request records without reply or dead letter that workers dropped as expired.
    pub expired: u64,
    /// Request records that ended with a deleted topic.
    pub lost_with_topics: u64,
    /// Replies beyond those that answered a call.
    pub surplus: u64,
    /// Gateways whose count of the surplus had to be exactly right.
    pub counted_exactly: u64,
    /// Gateways whose count could only be held between two numbers.
    pub counted_within: u64,
    /// Gateways whose count could not be judged: killed, or the response topic was deleted.
    pub uncounted: u64,
    /// Errors that were excused by a fault and its bound.
    pub excused_errors: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} calls: {} answered, {} refused ({} excused by faults), {} severed by kills and freezes, {} cut while \
             idle, {} to gateways gone",
            self.calls, self.answered, self.refused, self.excused_errors, self.severed, self.cut, self.gone
        )?;
        writeln!(
            formatter,
            "{} requests, {} replies ({} of them surplus), {} dead letters, {} expired, {} lost with deleted topics",
            self.requests, self.replies, self.surplus, self.dead_letters, self.expired, self.lost_with_topics
        )?;
        write!(
            formatter,
            "surplus replies: counted exactly on {} gateways, within limits on {}, not judged on {}",
            self.counted_exactly, self.counted_within, self.uncounted
        )
    }
}

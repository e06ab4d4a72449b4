//! The owner of the records, as the writer sees it.

use rskafka::{client::error::ProtocolError, record::Record};

/// What the owner of the records is asked and told, on the runtime that the writer was started on. No call may block.
pub trait Courier: Send + Sync + 'static {
    /// Goes with each record and comes back with its outcome. A token whose record was dropped, because it was no
    /// longer wanted or the writer ended, is dropped too.
    type Token: Send + 'static;

    /// How busy those are who read `partition`, in any unit. A lane to the least loaded partition is preferred, and
    /// one to a partition whose load is far ahead (over 256 and four times the least) gets nothing. Asked under the
    /// writer's lock, also by whoever pushes: it must not call the writer back.
    fn load(&self, partition: i32) -> usize {
        let _ = partition;
        0
    }

    /// How many records are under way altogether, as far as the owner knows: those of the writer, which counts them itself,
    /// and those that still wait for whatever their owner expects of them. Batches are made so that the crowd does not move
    /// as one. Asked once for each batch, not under the writer's lock.
    fn under_way(&self) -> usize {
        0
    }

    /// The last question before each attempt to produce: false drops the record. From true on it may be in the log.
    fn departing(&self, token: &Self::Token, partition: i32) -> bool;

    /// Every in-sync replica has the record.
    fn delivered(&self, token: Self::Token, partition: i32, offset: i64);

    /// The record will never be accepted. `may_be_written` if there was an attempt before this one whose end nobody knows:
    /// that one may have been appended all the same.
    fn failed(&self, token: Self::Token, error: &WriteError, may_be_written: bool);
}

/// Why a record will never be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It is larger than its topic or the broker takes.
    #[error("the record is larger than its topic takes")]
    TooLarge,
    /// The broker refuses it for a reason that no retry mends, such as authorization.
    #[error("Kafka refuses the record with {0}")]
    Refused(ProtocolError),
}

/// Records, each with its token.
pub type Batch<T> = Vec<(Record, T)>;

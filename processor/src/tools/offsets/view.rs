//! The group and its topic side by side.

use std::collections::BTreeMap;

use anyhow::Result;
use kafka::group::{GroupDescription, describe_group, fetch_committed};
use kafka::{Kafka, LogPoint, log_offsets, topics};

/// One partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) partition: i32,
    /// Where the group goes on; none if it never committed anything.
    pub(super) committed: Option<i64>,
    /// The oldest record's offset.
    pub(super) start: i64,
    /// The next record's offset.
    pub(super) end: i64,
}

impl Standing {
    /// Where a worker goes on: with nothing committed, or what was committed deleted, at the oldest record.
    pub(super) fn goes_on_at(&self) -> i64 {
        self.committed.map_or(self.start, |committed| committed.clamp(self.start, self.end))
    }

    /// Records that are not finished.
    pub(super) fn lag(&self) -> i64 {
        self.end - self.goes_on_at()
    }
}

/// The group and where it stands in each partition, in their order.
pub(super) struct View {
    pub(super) group: GroupDescription,
    pub(super) standings: Vec<Standing>,
}

impl View {
    pub(super) async fn of(kafka: &Kafka, group_id: &str, topic: &str) -> Result<Self> {
        let partitions: Vec<i32> = (0..topics::partition_count(kafka, topic).await?).collect();
        let group = describe_group(kafka, group_id, topic).await?;
        let committed = fetch_committed(kafka, group_id, topic, &partitions).await?;
        let of = |found: Vec<(i32, Option<i64>)>| -> BTreeMap<i32, i64> {
            found.into_iter().filter_map(|(partition, offset)| Some((partition, offset?))).collect()
        };
        let starts = of(log_offsets(kafka, topic, &partitions, LogPoint::Earliest).await?);
        let ends = of(log_offsets(kafka, topic, &partitions, LogPoint::Latest).await?);
        let standing = |partition: i32| Standing {
            partition,
            committed: committed.get(&partition).copied().flatten(),
            start: starts.get(&partition).copied().unwrap_or(0),
            end: ends.get(&partition).copied().unwrap_or(0),
        };
        Ok(Self { group, standings: partitions.into_iter().map(standing).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_what_a_worker_would_still_read() {
        let standing = |committed| Standing { partition: 0, committed, start: 10, end: 30 };
        for (committed, lag) in [(Some(25), 5), (Some(30), 0), (None, 20), (Some(3), 20), (Some(99), 0)] {
            assert_eq!(standing(committed).lag(), lag, "{committed:?}");
        }
    }
}

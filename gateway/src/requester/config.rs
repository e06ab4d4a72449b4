//! What a requester needs to know.

use std::time::Duration;

use service::WallClock;
use service::traces::Traces;
use tokio::runtime::Handle;

use super::ReplyRouting;

/// How a requester behaves. The default speaks to the topics and groups that everything here defaults to.
#[derive(Debug, Clone)]
pub struct RequesterConfig {
    /// Where requests are written to.
    pub request_topic: String,
    /// Where replies are asked for and awaited.
    pub response_topic: String,
    /// Partitions of a topic that has to be created.
    pub partitions: i32,
    /// Whether missing topics are created; else their absence is waited out.
    pub create_topics: bool,
    /// The group that spreads requesters over response partitions.
    pub group_id: String,
    /// The group of the workers, watched to refuse at once what nobody would answer.
    pub worker_group_id: String,
    /// How replies find their way back.
    pub routing: ReplyRouting,
    /// What to do when no worker is there.
    pub no_worker: NoWorker,
    /// Requests without an outcome at any time; one more is refused.
    pub max_pending: usize,
    /// Bytes of records that may wait to be written; one more record is refused.
    pub max_queued_bytes: usize,
    /// The clock that deadlines are told by.
    pub clock: WallClock,
    /// Where the spans of requests go.
    pub traces: Traces,
    /// The runtime for what is not on any request's way (group, topics, commits). Default: the caller's.
    pub control: Option<Handle>,
}

/// What to do when no worker is in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoWorker {
    /// Refuse at once, from `grace` after the last member was seen. Never with [`ReplyRouting::Any`], whose workers
    /// may be of any kind and in any group.
    Group {
        /// How long the last member has to come back.
        grace: Duration,
    },
    /// Let requests wait for their deadline.
    Off,
}

impl Default for RequesterConfig {
    fn default() -> Self {
        Self {
            request_topic: "hash_requests".into(),
            response_topic: "hash_responses".into(),
            partitions: 3,
            create_topics: true,
            group_id: "service_1".into(),
            worker_group_id: "service_2".into(),
            routing: ReplyRouting::Partition,
            no_worker: NoWorker::Group { grace: Duration::from_secs(1) },
            max_pending: 10_000,
            max_queued_bytes: 64 * 1024 * 1024,
            clock: WallClock::system(),
            traces: Traces::off(),
            control: None,
        }
    }
}

impl RequesterConfig {
    pub(super) fn watches_workers(&self) -> bool {
        self.routing == ReplyRouting::Partition && matches!(self.no_worker, NoWorker::Group { .. })
    }
}

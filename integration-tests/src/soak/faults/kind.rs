//! Every fault there is, with how long it lasts and how long it may be felt.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::checker::Since;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A worker is killed with -9, and another one is started.
    WorkerKilled,
    /// A gateway is killed with -9, and another one is started.
    GatewayKilled,
    /// A worker is stopped with SIGTERM after another one was started.
    WorkerReplaced,
    /// A gateway is stopped with SIGTERM after another one was started.
    GatewayReplaced,
    /// All processes are replaced, one by one.
    RollingRestart,
    /// A worker stands still for less than its session.
    WorkerPaused,
    /// A worker stands still until its session has expired, and goes on.
    WorkerFrozen,
    /// A gateway stands still until its session has expired, and goes on.
    GatewayFrozen,
    /// A handler keeps a core busy for longer than a session.
    HandlerBurns,
    /// The request topic is deleted, and made again by the services.
    RequestsDeleted,
    /// The response topic is deleted, and made again by the services.
    ResponsesDeleted,
    /// Both topics get more partitions.
    PartitionsAdded,
    /// All workers stop, their group's offsets are set back to the first record, and others start.
    OffsetsRewound,
    /// A worker is killed, and the offsets that the workers committed are lost: whoever takes over begins at the first
    /// record.
    OffsetsLost,
    /// The only broker is stopped and started again.
    BrokerRestarted,
    /// The only broker is killed and started again.
    BrokerKilled,
    /// The only broker keeps its sockets and answers nothing.
    BrokerFrozen,
    /// Every answer of the broker is late.
    BrokerSlow,
    /// Every connection to the broker is reset.
    ConnectionsDropped,
    /// Every connection to the broker is reset, and new ones as well.
    ConnectionsRefused,
    /// Produce requests are answered with KAFKA_STORAGE_ERROR, as by a full disk.
    DiskFull,
    /// Produce requests are answered with NOT_ENOUGH_REPLICAS.
    ReplicasMissing,
    /// Records are appended and the answer is NOT_ENOUGH_REPLICAS_AFTER_APPEND.
    ReplicasMissingAfterAppend,
    /// Records are appended and the connection is reset instead of an answer.
    AcknowledgementLost,
    /// A quota holds up produce and fetch requests.
    Throttled,
    /// All that is written or read is answered with NOT_LEADER_OR_FOLLOWER.
    LeaderUnsure,
    /// The coordinator of a group moves.
    CoordinatorMoved,
    /// Connections are reset in the middle of a frame.
    FramesCut,
    /// Connections are accepted, and what is sent vanishes.
    BlackHole,
    /// Requests arrive, answers vanish.
    AnswersLost,
    /// Open connections are dead, and the services are not told, as after a NAT has dropped them.
    HalfOpen,
    /// Nothing arrives for a while, and then everything.
    CablePulled,
    /// The network to the broker is slow and narrow.
    NetworkSlow,
    /// The node that leads a request partition is killed, and started again.
    LeaderKilled,
    /// The node that coordinates the workers' group is killed, and started again.
    CoordinatorKilled,
    /// A request partition gets another leader by hand.
    LeaderMoved,
    /// The node that leads a request partition is cut off the others, while clients still reach it.
    NodeIsolated,
    /// The node that leads a request partition stands still.
    NodePaused,
    /// The node that leads a request partition is stopped and started again.
    NodeRestarted,
}

/// Whose doing a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A gateway's or a worker's.
    Processes,
    /// Somebody's who may change topics and groups.
    Operators,
    /// A broker's that misbehaves.
    Brokers,
    /// The network's.
    Networks,
    /// The loss of one of several nodes.
    Nodes,
}

/// On which brokers a fault can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// On any.
    AnyBroker,
    /// On one that we started.
    OwnBroker,
    /// On one that is alone: the embedded one, or a single node in a container.
    OneBroker,
    /// On a single node in a container.
    OneNode,
    /// On the embedded one.
    Embedded,
    /// On a cluster of three nodes or more.
    ThreeNodes,
}

/// One fault's terms.
#[derive(Debug, Clone)]
pub struct Row {
    /// Whose doing it is.
    pub of: Of,
    /// Which fault.
    pub kind: Kind,
    /// Its name in plans, options and tables.
    pub name: &'static str,
    /// On which brokers.
    pub needs: Needs,
    /// How many seconds it is made to last.
    pub lasts: RangeInclusive<u64>,
    /// From when its recovery is timed.
    pub since: Since,
    /// For how many seconds from then callers may get errors; `None`: for none at all, not even while it lasts.
    pub bound: Option<u64>,
    /// How many seconds after it is over everything is as before, so that the next one may come.
    pub rest: u64,
    /// What happens, in one line.
    pub about: &'static str,
}

/// Shorthand for the table.
#[expect(clippy::too_many_arguments, reason = "they are the table's columns")]
const fn row(
    of: Of,
    kind: Kind,
    name: &'static str,
    needs: Needs,
    lasts: RangeInclusive<u64>,
    since: Since,
    bound: Option<u64>,
    rest: u64,
    about: &'static str,
) -> Row {
    Row { of, kind, name, needs, lasts, since, bound, rest, about }
}

/// The table of all faults.
#[rustfmt::skip]
pub static ALL: &[Row] = {
    use Kind::*;
    use Needs::*;
    use Of::*;
    use Since::*;
    &[
        row(Processes, WorkerKilled, "worker-killed", AnyBroker, 1..=4, Began, None, 8, "kill -9 of a worker; another one starts"),
        row(Processes, GatewayKilled, "gateway-killed", AnyBroker, 1..=4, Began, None, 8, "kill -9 of a gateway; another one starts"),
        row(Processes, WorkerReplaced, "worker-replaced", AnyBroker, 0..=0, Ended, None, 2, "another worker starts, then SIGTERM to one"),
        row(Processes, GatewayReplaced, "gateway-replaced", AnyBroker, 0..=0, Ended, None, 2, "another gateway starts, then SIGTERM to one"),
        row(Processes, RollingRestart, "rolling-restart", AnyBroker, 0..=0, Ended, None, 2, "all processes are replaced so, one by one"),
        row(Processes, WorkerPaused, "worker-paused", AnyBroker, 2..=4, Began, None, 2, "SIGSTOP of a worker for less than its session"),
        row(Processes, WorkerFrozen, "worker-frozen", AnyBroker, 8..=11, Began, None, 2, "SIGSTOP of a worker beyond its session"),
        row(Processes, GatewayFrozen, "gateway-frozen", AnyBroker, 8..=11, Began, None, 2, "SIGSTOP of a gateway beyond its session"),
        row(Processes, HandlerBurns, "handler-burns", AnyBroker, 7..=8, Began, None, 2, "a handler burns CPU beyond a session"),
        row(Operators, RequestsDeleted, "requests-deleted", AnyBroker, 0..=0, Ended, Some(5), 6, "the request topic is deleted"),
        row(Operators, ResponsesDeleted, "responses-deleted", AnyBroker, 0..=0, Ended, Some(5), 6, "the response topic is deleted"),
        row(Operators, PartitionsAdded, "partitions-added", AnyBroker, 0..=0, Ended, None, 2, "both topics get one partition more"),
        row(Operators, OffsetsRewound, "offsets-rewound", AnyBroker, 0..=0, Ended, Some(8), 9, "workers stop, offsets go back to the begin, others start"),
        row(Operators, OffsetsLost, "offsets-lost", Embedded, 1..=2, Began, Some(15), 16, "a worker is killed, and all committed offsets are gone"),
        row(Brokers, BrokerRestarted, "broker-restarted", OneBroker, 1..=3, Ended, Some(2), 3, "the broker is stopped and started"),
        row(Brokers, BrokerKilled, "broker-killed", OneNode, 1..=3, Ended, Some(2), 3, "kill -9 of the broker, which starts again"),
        row(Brokers, BrokerFrozen, "broker-frozen", OneBroker, 2..=8, Ended, Some(5), 6, "the broker answers nothing and keeps its sockets"),
        row(Brokers, BrokerSlow, "broker-slow", Embedded, 4..=8, Ended, Some(1), 2, "every answer of the broker is 200 ms late"),
        row(Brokers, ConnectionsDropped, "connections-dropped", Embedded, 0..=0, Ended, Some(1), 2, "every connection to the broker is reset"),
        row(Brokers, ConnectionsRefused, "connections-refused", Embedded, 2..=4, Ended, Some(2), 3, "the same, and new ones as well"),
        row(Brokers, DiskFull, "disk-full", Embedded, 2..=4, Ended, Some(2), 3, "KAFKA_STORAGE_ERROR for all that is written"),
        row(Brokers, ReplicasMissing, "replicas-missing", Embedded, 2..=4, Ended, Some(2), 3, "NOT_ENOUGH_REPLICAS for all that is written"),
        row(Brokers, ReplicasMissingAfterAppend, "replicas-missing-after-append", Embedded, 2..=4, Ended, Some(2), 3, "the same after it was appended"),
        row(Brokers, AcknowledgementLost, "acknowledgement-lost", Embedded, 1..=3, Ended, Some(2), 3, "appended, then reset instead of acknowledged"),
        row(Brokers, Throttled, "throttled", Embedded, 3..=6, Ended, Some(2), 3, "a quota holds each produce and fetch up for 300 ms"),
        row(Brokers, LeaderUnsure, "leader-unsure", Embedded, 1..=3, Ended, Some(2), 3, "NOT_LEADER_OR_FOLLOWER to all that is written and read"),
        row(Brokers, CoordinatorMoved, "coordinator-moved", Embedded, 0..=0, Ended, None, 2, "NOT_COORDINATOR to both groups, once"),
        row(Networks, FramesCut, "frames-cut", OwnBroker, 0..=0, Ended, Some(2), 3, "connections are reset in the middle of a frame"),
        row(Networks, BlackHole, "black-hole", OwnBroker, 3..=8, Ended, Some(5), 6, "connections are accepted, and what is sent vanishes"),
        row(Networks, AnswersLost, "answers-lost", OwnBroker, 3..=8, Ended, Some(5), 6, "requests arrive, answers vanish"),
        row(Networks, HalfOpen, "half-open", OwnBroker, 0..=0, Ended, Some(8), 9, "open connections are dead, and nobody is told"),
        row(Networks, CablePulled, "cable-pulled", OwnBroker, 2..=6, Ended, Some(5), 6, "nothing arrives for a while, and then everything"),
        row(Networks, NetworkSlow, "network-slow", OwnBroker, 4..=8, Ended, Some(1), 2, "50 ms each way, 1 MB/s a connection"),
        row(Nodes, LeaderKilled, "leader-killed", ThreeNodes, 3..=6, Began, Some(1), 4, "kill -9 of a request partition's leader; it starts again"),
        row(Nodes, CoordinatorKilled, "coordinator-killed", ThreeNodes, 3..=6, Began, Some(1), 4, "kill -9 of the workers' coordinator; it starts again"),
        row(Nodes, LeaderMoved, "leader-moved", ThreeNodes, 0..=0, Ended, Some(1), 2, "a request partition gets another leader by hand"),
        row(Nodes, NodeIsolated, "node-isolated", ThreeNodes, 6..=14, Began, Some(1), 6, "a leader is cut off the others; clients still reach it"),
        row(Nodes, NodePaused, "node-paused", ThreeNodes, 4..=14, Began, Some(1), 6, "a leader stands still"),
        row(Nodes, NodeRestarted, "node-restarted", ThreeNodes, 1..=3, Ended, Some(1), 4, "a leader is stopped and started"),
    ]
};

impl Kind {
    /// Its terms.
    ///
    /// # Panics
    /// Never: a test sees that every kind has a row.
    pub fn row(self) -> &'static Row {
        ALL.iter().find(|row| row.kind == self).expect("every kind has a row")
    }
}

impl Row {
    /// How long callers may be refused from when recovery is timed, in a plan that has it by itself.
    pub fn bound(&self) -> Option<Duration> {
        self.bound.map(Duration::from_secs)
    }
}

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
    /// The broker is stopped and started again.
    BrokerRestarted,
    /// The broker keeps its sockets and answers nothing.
    BrokerFrozen,
    /// Every answer of the broker is late.
    BrokerSlow,
    /// Every connection to the broker is reset.
    ConnectionsDropped,
    /// New connections to the broker are reset.
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
    /// Fetches are answered with NOT_LEADER_OR_FOLLOWER for a moment.
    LeaderUnsure,
    /// The coordinator of a group moves.
    CoordinatorMoved,
    /// A worker is killed, and the offsets that the workers committed are lost: whoever takes over begins at the first record.
    OffsetsLost,
    /// The request topic is deleted, and made again by the services.
    RequestsDeleted,
    /// The response topic is deleted, and made again by the services.
    ResponsesDeleted,
    /// Both topics get more partitions.
    PartitionsAdded,
}

/// On which brokers a fault can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// On any.
    AnyBroker,
    /// On one that we started.
    OwnBroker,
    /// On the embedded one.
    Embedded,
}

/// One fault's terms.
#[derive(Debug, Clone)]
pub struct Row {
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
const fn row(
    kind: Kind,
    name: &'static str,
    needs: Needs,
    lasts: RangeInclusive<u64>,
    since: Since,
    bound: Option<u64>,
    rest: u64,
    about: &'static str,
) -> Row {
    Row { kind, name, needs, lasts, since, bound, rest, about }
}

/// The table of all faults.
pub static ALL: &[Row] = {
    use Kind::*;
    use Needs::*;
    use Since::*;
    &[
        row(
            WorkerKilled,
            "worker-killed",
            AnyBroker,
            1..=4,
            Began,
            None,
            8,
            "kill -9 of a worker; another starts",
        ),
        row(
            GatewayKilled,
            "gateway-killed",
            AnyBroker,
            1..=4,
            Began,
            None,
            8,
            "kill -9 of a gateway; another starts",
        ),
        row(
            WorkerReplaced,
            "worker-replaced",
            AnyBroker,
            0..=0,
            Ended,
            None,
            2,
            "SIGTERM to a worker, another is there",
        ),
        row(
            GatewayReplaced,
            "gateway-replaced",
            AnyBroker,
            0..=0,
            Ended,
            None,
            2,
            "SIGTERM to a gateway, another is there",
        ),
        row(
            RollingRestart,
            "rolling-restart",
            AnyBroker,
            0..=0,
            Ended,
            None,
            2,
            "all processes are replaced one by one",
        ),
        row(
            WorkerPaused,
            "worker-paused",
            AnyBroker,
            2..=4,
            Began,
            None,
            2,
            "SIGSTOP of a worker within its session",
        ),
        row(
            WorkerFrozen,
            "worker-frozen",
            AnyBroker,
            8..=11,
            Began,
            None,
            2,
            "SIGSTOP of a worker beyond its session",
        ),
        row(
            GatewayFrozen,
            "gateway-frozen",
            AnyBroker,
            8..=11,
            Began,
            None,
            2,
            "SIGSTOP of a gateway beyond its session",
        ),
        row(
            HandlerBurns,
            "handler-burns",
            AnyBroker,
            7..=8,
            Began,
            None,
            2,
            "a handler burns CPU beyond a session",
        ),
        row(
            BrokerRestarted,
            "broker-restarted",
            OwnBroker,
            1..=3,
            Ended,
            Some(2),
            3,
            "the broker is stopped and started",
        ),
        row(BrokerFrozen, "broker-frozen", Embedded, 2..=8, Ended, Some(5), 6, "the broker answers nothing"),
        row(
            BrokerSlow,
            "broker-slow",
            Embedded,
            4..=8,
            Ended,
            Some(1),
            2,
            "every answer of the broker is 200 ms late",
        ),
        row(
            ConnectionsDropped,
            "connections-dropped",
            Embedded,
            0..=0,
            Ended,
            Some(1),
            2,
            "every connection to the broker is reset",
        ),
        row(
            ConnectionsRefused,
            "connections-refused",
            Embedded,
            2..=4,
            Ended,
            Some(2),
            3,
            "connections to the broker are reset, new ones too",
        ),
        row(
            DiskFull,
            "disk-full",
            Embedded,
            2..=4,
            Ended,
            Some(2),
            3,
            "KAFKA_STORAGE_ERROR for all that is written",
        ),
        row(
            ReplicasMissing,
            "replicas-missing",
            Embedded,
            2..=4,
            Ended,
            Some(2),
            3,
            "NOT_ENOUGH_REPLICAS for all that is written",
        ),
        row(
            ReplicasMissingAfterAppend,
            "replicas-missing-after-append",
            Embedded,
            2..=4,
            Ended,
            Some(2),
            3,
            "the same after appending it",
        ),
        row(
            AcknowledgementLost,
            "acknowledgement-lost",
            Embedded,
            1..=3,
            Ended,
            Some(2),
            3,
            "appended, then reset instead of acknowledged",
        ),
        row(
            Throttled,
            "throttled",
            Embedded,
            3..=6,
            Ended,
            Some(2),
            3,
            "a quota holds produce and fetch up for 300 ms",
        ),
        row(
            LeaderUnsure,
            "leader-unsure",
            Embedded,
            1..=3,
            Ended,
            Some(2),
            3,
            "NOT_LEADER_OR_FOLLOWER to all that is written and read",
        ),
        row(
            CoordinatorMoved,
            "coordinator-moved",
            Embedded,
            0..=0,
            Ended,
            None,
            2,
            "NOT_COORDINATOR for both groups, once",
        ),
        row(
            OffsetsLost,
            "offsets-lost",
            Embedded,
            1..=2,
            Began,
            Some(15),
            16,
            "a worker is killed, and all committed offsets are gone",
        ),
        row(
            RequestsDeleted,
            "requests-deleted",
            OwnBroker,
            0..=0,
            Ended,
            Some(5),
            6,
            "the request topic is deleted",
        ),
        row(
            ResponsesDeleted,
            "responses-deleted",
            OwnBroker,
            0..=0,
            Ended,
            Some(5),
            6,
            "the response topic is deleted",
        ),
        row(
            PartitionsAdded,
            "partitions-added",
            OwnBroker,
            0..=0,
            Ended,
            None,
            2,
            "both topics get one partition more",
        ),
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

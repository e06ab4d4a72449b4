//! How the membership stands, for `/health/ready`.

use std::sync::Arc;

use kafka::Kafka;
use kafka::group::{State, Status};
use parking_lot::Mutex;
use serde_json::{Value, json};
use service::Readiness;
use service::readiness::Step;

/// The membership as the worker last saw it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupView {
    latest: Arc<Mutex<Option<Status>>>,
}

impl GroupView {
    /// One that `/health/ready` shows, beside Kafka's state.
    pub(super) fn shown_by(readiness: &Readiness, kafka: &Kafka) -> Self {
        let view = Self::default();
        let (shown, kafka) = (view.clone(), kafka.clone());
        readiness.show("kafka", move || shown.kafka(&kafka));
        let shown = view.clone();
        readiness.show("group", move || shown.group());
        view
    }

    /// The membership stands so.
    pub(crate) fn update(&self, status: Status) {
        *self.latest.lock() = Some(status);
    }

    /// A worker without a partition has no reader: then the coordinator's word counts alone.
    pub(super) fn is_reachable(&self, kafka: &Kafka) -> bool {
        let coordinator = self.latest.lock().as_ref().is_some_and(|status| status.coordinator_reachable);
        coordinator || kafka.health().is_reachable()
    }

    fn kafka(&self, kafka: &Kafka) -> Value {
        json!({ "reachable": self.is_reachable(kafka), "last_error": kafka.health().last_error().as_deref() })
    }

    fn group(&self) -> Value {
        match &*self.latest.lock() {
            None => json!({ "state": "not joined" }),
            Some(status) => json!({
                "state": format!("{:?}", status.state),
                "generation": status.generation,
                "member_id": status.member_id,
                "partitions": status.assigned,
            }),
        }
    }
}

/// What the worker tells the outside of its membership, and the step of readiness that waits for it.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(super) view: GroupView,
    /// Done with the first rebalance.
    pub(super) joined: Option<Step>,
}

impl Membership {
    /// The membership stands so.
    pub(crate) fn update(&mut self, status: Status) {
        if status.state == State::Stable
            && let Some(joined) = self.joined.take()
        {
            tracing::info!(generation = status.generation, partitions = ?status.assigned, "joined the group");
            joined.done();
        }
        self.view.update(status);
    }

    /// Whether the first rebalance is still to come.
    pub(crate) fn is_joining(&self) -> bool {
        self.joined.is_some()
    }
}

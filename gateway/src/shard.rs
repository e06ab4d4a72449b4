//! One shard: a thread that does everything a request needs, from its HTTP bytes to its records and back.
//!
//! No request crosses a thread. More than one shard behaves as if each were a gateway of its own: each has its own
//! pending requests, lanes and reply partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka::Kafka;
use service::WallClock;
use service::settings::{GatewaySettings, NoWorker as Watch, ReplyRouting as Routing};
use service::traces::Traces;
use tokio::runtime::Handle;

use crate::admission::Admission;
use crate::auth::Authenticator;
use crate::http::SpareHeaders;
use crate::metrics::{HttpMetrics, Metrics, Shards};
use crate::requester::{NoWorker, ReplyRouting, Requester, RequesterConfig};
use crate::shares::Shares;

/// What the handlers of one thread share.
pub(crate) struct Shard {
    pub(crate) requester: Arc<Requester>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) metrics: Arc<HttpMetrics>,
    /// None where anybody may call.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    pub(crate) traces: Traces,
    /// None where callers may have everything.
    pub(crate) shares: Option<Arc<Shares>>,
    pub(crate) request_timeout: Duration,
    pub(crate) spare_headers: SpareHeaders,
    draining: Arc<AtomicBool>,
}

impl Shard {
    /// Whether callers should be asked to close their connections.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// What a shard is made from.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) settings: Arc<GatewaySettings>,
    pub(crate) kafka: kafka::Config,
    pub(crate) clock: WallClock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shards: Shards,
    pub(crate) traces: Traces,
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    pub(crate) shares: Option<Arc<Shares>>,
    pub(crate) draining: Arc<AtomicBool>,
    /// Where everything runs that is on no request's way.
    pub(crate) control: Handle,
}

impl Blueprint {
    /// Makes a shard of the calling thread.
    pub(crate) fn build(self) -> Shard {
        let settings = &self.settings;
        let share = |limit: usize| limit.div_ceil(settings.shards.max(1));
        let (max_pending, max_bytes) = (share(settings.max_pending), share(settings.max_pending_bytes));
        let requester = Requester::start(
            Kafka::new(self.kafka),
            RequesterConfig {
                traces: self.traces.clone(),
                ..requester_config(settings, self.clock, max_pending, max_bytes, self.control)
            },
        );
        let (requester, admission) = (Arc::new(requester), Admission::new(max_pending, max_bytes));
        self.shards.lock().push((requester.clone(), admission.clone()));
        Shard {
            requester,
            admission,
            metrics: self.metrics.of_shard(),
            traces: self.traces,
            authenticator: self.authenticator,
            shares: self.shares,
            request_timeout: self.settings.request_timeout,
            spare_headers: SpareHeaders::default(),
            draining: self.draining,
        }
    }
}

fn requester_config(
    settings: &GatewaySettings,
    clock: WallClock,
    max_pending: usize,
    max_bytes: usize,
    control: Handle,
) -> RequesterConfig {
    RequesterConfig {
        request_topic: settings.kafka.request_topic.clone(),
        response_topic: settings.kafka.response_topic.clone(),
        partitions: settings.kafka.partitions,
        create_topics: settings.kafka.create_topics,
        group_id: settings.group_id.clone(),
        worker_group_id: settings.worker_group_id.clone(),
        routing: match settings.reply_routing {
            Routing::Partition => ReplyRouting::Partition,
            Routing::Any => ReplyRouting::Any,
        },
        no_worker: match settings.no_worker {
            Watch::Group => NoWorker::Group { grace: settings.no_worker_grace },
            Watch::Off => NoWorker::Off,
        },
        max_pending,
        // What is reserved for bodies, and as much again for envelopes and headers.
        max_queued_bytes: max_bytes.saturating_mul(2),
        clock,
        control: Some(control),
        ..RequesterConfig::default()
    }
}

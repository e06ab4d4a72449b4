//! The gateway's settings.

use std::time::Duration;

use crate::settings::callers::CallerSettings;
use crate::settings::catalogue::Service;
use crate::settings::https::HttpsSettings;
use crate::settings::kafka::KafkaSettings;
use crate::settings::log::LogSettings;
use crate::settings::port::Port;
use crate::settings::reader::Reader;
use crate::settings::shares::ShareSettings;
use crate::settings::traces::TraceSettings;
use crate::settings::{Settings, defaults};

/// How replies find their gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyRouting {
    /// Each request names one partition, and this gateway reads its share of them.
    Partition,
    /// No request names one, and this gateway reads them all: for workers that are not ours.
    Any,
}

/// How the gateway finds out that there is no worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWorker {
    /// It asks for the members of the workers' consumer group.
    Group,
    /// It does not.
    Off,
}

/// Everything the gateway can be told. [`Default`] is the catalogue's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Where Kafka is.
    pub kafka: KafkaSettings,
    /// How to log.
    pub log: LogSettings,
    /// Which traces go where.
    pub traces: TraceSettings,
    /// `REQUEST_TIMEOUT`: a request's deadline, from its arrival to its answer.
    pub request_timeout: Duration,
    /// `SHUTDOWN_DELAY`: how long to serve on after SIGTERM.
    pub shutdown_delay: Duration,
    /// `SERVICE_1_HOST`: address to listen on, for requests and for the management port.
    pub host: String,
    /// `SERVICE_1_PORT`: port to listen on; 0 means any free one.
    pub port: u16,
    /// `SERVICE_1_MANAGEMENT_PORT`.
    pub management_port: Port,
    /// `SERVICE_1_GROUP_ID`: consumer group of the gateways on the response topic.
    pub group_id: String,
    /// `SERVICE_2_GROUP_ID`: consumer group of the workers, which the gateway watches.
    pub worker_group_id: String,
    /// `SERVICE_1_MAX_PENDING`: requests under way at once; at least 1.
    pub max_pending: usize,
    /// `SERVICE_1_MAX_PENDING_BYTES`: bytes of request bodies held at once; at least 1.
    pub max_pending_bytes: usize,
    /// `SERVICE_1_REPLY_ROUTING`.
    pub reply_routing: ReplyRouting,
    /// `SERVICE_1_NO_WORKER`. Loading sets it to `Off` where the routing is `Any` and nobody set it.
    pub no_worker: NoWorker,
    /// `SERVICE_1_NO_WORKER_GRACE`: time since the last worker was seen before a request is refused.
    pub no_worker_grace: Duration,
    /// `SERVICE_1_SHARDS`: threads that each serve as a gateway of their own; at least 1.
    pub shards: usize,
    /// Who may call.
    pub callers: CallerSettings,
    /// HTTPS on the port for requests; none means plain HTTP.
    pub https: Option<HttpsSettings>,
    /// How much each of them may have.
    pub shares: ShareSettings,
}

impl GatewaySettings {
    /// The largest body that is read, in bytes. With envelope and headers it stays below the 900 KB that a batch of
    /// records may have.
    pub const MAX_BODY_BYTES: usize = 768 * 1024;

    /// The largest request record, in bytes: the largest body, and generously what is around it (envelope, key, headers).
    pub const MAX_RECORD_BYTES: u64 = Self::MAX_BODY_BYTES as u64 + (16 << 10);
}

impl Settings for GatewaySettings {
    const SERVICE: Service = Service::Gateway;

    fn read(reader: &mut Reader) -> Self {
        let reply_routing = match reader.text("SERVICE_1_REPLY_ROUTING").as_str() {
            "any" => ReplyRouting::Any,
            _ => ReplyRouting::Partition,
        };
        let nobody_set_it = !reader.is_set("SERVICE_1_NO_WORKER");
        let no_worker = match reader.text("SERVICE_1_NO_WORKER").as_str() {
            "off" => NoWorker::Off,
            // Foreign workers are in a group whose name we do not know.
            _ if reply_routing == ReplyRouting::Any && nobody_set_it => NoWorker::Off,
            _ => NoWorker::Group,
        };
        let (group_id, worker_group_id) =
            (reader.text("SERVICE_1_GROUP_ID"), reader.text("SERVICE_2_GROUP_ID"));
        if group_id == worker_group_id {
            let reason = format!("both are {group_id:?}; gateways would take one another for workers");
            reader.conflict("SERVICE_1_GROUP_ID and SERVICE_2_GROUP_ID", &reason);
        }
        let (max_pending_bytes, shards) =
            (reader.whole("SERVICE_1_MAX_PENDING_BYTES"), reader.whole("SERVICE_1_SHARDS"));
        let needed = Self::MAX_BODY_BYTES.saturating_mul(shards);
        if max_pending_bytes < needed {
            let reason = format!(
                "{max_pending_bytes} bytes for {shards} shards; each needs room for one body of the largest size, \
                 so at least {needed} bytes in all"
            );
            reader.conflict("SERVICE_1_MAX_PENDING_BYTES and SERVICE_1_SHARDS", &reason);
        }
        let (port, management_port) =
            (reader.whole("SERVICE_1_PORT"), Port::read(reader, "SERVICE_1_MANAGEMENT_PORT"));
        if port != 0 && port == management_port.number {
            let reason = format!("both are {port}; requests and probes need a port each");
            reader.conflict("SERVICE_1_PORT and SERVICE_1_MANAGEMENT_PORT", &reason);
        }
        Self {
            kafka: KafkaSettings::read(reader),
            log: LogSettings::read(reader),
            traces: TraceSettings::read(reader),
            request_timeout: reader.duration("REQUEST_TIMEOUT"),
            shutdown_delay: reader.duration("SHUTDOWN_DELAY"),
            host: reader.text("SERVICE_1_HOST"),
            port,
            management_port,
            group_id,
            worker_group_id,
            max_pending: reader.whole("SERVICE_1_MAX_PENDING"),
            max_pending_bytes,
            reply_routing,
            no_worker,
            no_worker_grace: reader.duration("SERVICE_1_NO_WORKER_GRACE"),
            shards,
            callers: CallerSettings::read(reader),
            https: HttpsSettings::read(reader),
            shares: ShareSettings::read(reader),
        }
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}

impl Default for GatewaySettings {
    fn default() -> Self {
        defaults()
    }
}

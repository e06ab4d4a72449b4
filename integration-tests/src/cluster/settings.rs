//! The environment that a node is configured by.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Config;

/// The ports inside a container.
pub(super) const CLIENTS_PORT: u16 = 9092;
pub(super) const DIRECT_PORT: u16 = 9095;
const BROKER_PORT: u16 = 9093;
const CONTROLLER_PORT: u16 = 9094;

/// Anything that all nodes agree on.
const CLUSTER_ID: &str = "5L6g3nShT-eMCtK--X86sw";

/// Small, and compiled once and not again: several nodes share few cores and live for minutes.
const JAVA_OPTIONS: &str = "-Xms256m -Xmx350m -XX:TieredStopAtLevel=1";

/// Where a node is found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// From 1.
    pub(super) id: i32,
    /// Published port of the listener that the proxy leads to.
    pub(super) clients_port: u16,
    /// Published port of the listener that nothing stands before.
    pub(super) direct_port: u16,
    /// Port of the proxy.
    pub(super) proxy_port: u16,
    /// Address for the other nodes; none if there are none.
    pub(super) peer_address: Option<Ipv4Addr>,
}

impl Place {
    fn peer_host(&self) -> String {
        self.peer_address.map_or_else(|| "localhost".to_owned(), |address| address.to_string())
    }
}

/// All nodes, and what holds for each of them.
pub(super) struct Plan {
    pub(super) places: Vec<Place>,
    pub(super) config: Config,
}

impl Plan {
    /// The variables of the node at `place`.
    pub(super) fn environment(&self, place: &Place) -> Vec<(&'static str, String)> {
        let copies = self.places.len().min(3).to_string();
        let confirming = if self.places.len() < 3 { "1" } else { "2" };
        let voter = |place: &Place| format!("{}@{}:{CONTROLLER_PORT}", place.id, place.peer_host());
        let voters = self.places.iter().map(voter).collect::<Vec<_>>().join(",");
        let listeners = [
            ("CLIENTS", CLIENTS_PORT),
            ("DIRECT", DIRECT_PORT),
            ("BROKER", BROKER_PORT),
            ("CONTROLLER", CONTROLLER_PORT),
        ];
        let joined =
            |item: fn(&(&str, u16)) -> String| listeners.iter().map(item).collect::<Vec<_>>().join(",");
        vec![
            ("CLUSTER_ID", CLUSTER_ID.to_owned()),
            ("KAFKA_NODE_ID", place.id.to_string()),
            ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", voters),
            ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
            ("KAFKA_INTER_BROKER_LISTENER_NAME", "BROKER".to_owned()),
            ("KAFKA_LISTENERS", joined(|(name, port)| format!("{name}://0.0.0.0:{port}"))),
            ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", joined(|(name, _)| format!("{name}:PLAINTEXT"))),
            (
                "KAFKA_ADVERTISED_LISTENERS",
                format!(
                    "CLIENTS://127.0.0.1:{},DIRECT://127.0.0.1:{},BROKER://{}:{BROKER_PORT}",
                    place.proxy_port,
                    place.direct_port,
                    place.peer_host(),
                ),
            ),
            ("KAFKA_DEFAULT_REPLICATION_FACTOR", copies.clone()),
            ("KAFKA_MIN_INSYNC_REPLICAS", confirming.to_owned()),
            ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", copies.clone()),
            ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", copies),
            ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", confirming.to_owned()),
            ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", millis(self.config.initial_rebalance_delay)),
            ("KAFKA_BROKER_SESSION_TIMEOUT_MS", millis(self.config.broker_session)),
            // Four in a session, as with Kafka's defaults.
            ("KAFKA_BROKER_HEARTBEAT_INTERVAL_MS", millis(self.config.broker_session / 4)),
            ("KAFKA_HEAP_OPTS", JAVA_OPTIONS.to_owned()),
        ]
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(nodes: u8) -> Plan {
        let place = |id: u8| Place {
            id: i32::from(id),
            clients_port: 1000 + u16::from(id),
            direct_port: 2000 + u16::from(id),
            proxy_port: 3000 + u16::from(id),
            peer_address: (nodes > 1).then(|| Ipv4Addr::new(10, 0, 0, id)),
        };
        Plan { places: (1..=nodes).map(place).collect(), config: Config::default() }
    }

    fn value(plan: &Plan, node: usize, name: &str) -> String {
        let variables = plan.environment(&plan.places[node]);
        variables.into_iter().find(|(variable, _)| *variable == name).unwrap().1
    }

    #[test]
    fn clients_are_told_the_proxys_port() {
        let plan = plan(3);
        assert_eq!(
            value(&plan, 1, "KAFKA_ADVERTISED_LISTENERS"),
            "CLIENTS://127.0.0.1:3002,DIRECT://127.0.0.1:2002,BROKER://10.0.0.2:9093"
        );
        assert_eq!(
            value(&plan, 1, "KAFKA_CONTROLLER_QUORUM_VOTERS"),
            "1@10.0.0.1:9094,2@10.0.0.2:9094,3@10.0.0.3:9094"
        );
    }

    #[test]
    fn a_lone_node_keeps_one_copy() {
        let names = ["KAFKA_DEFAULT_REPLICATION_FACTOR", "KAFKA_MIN_INSYNC_REPLICAS"];
        assert_eq!(names.map(|name| value(&plan(1), 0, name)), ["1", "1"]);
        assert_eq!(names.map(|name| value(&plan(3), 0, name)), ["3", "2"]);
        assert_eq!(value(&plan(1), 0, "KAFKA_CONTROLLER_QUORUM_VOTERS"), "1@localhost:9094");
    }
}

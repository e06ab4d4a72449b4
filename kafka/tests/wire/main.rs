//! What goes over connections of our own, against a live broker and against brokers that misbehave.
//!
//! The broker is chosen by `TEST_BROKER`: `embedded` (the default), or the address of a running one.

mod batch;
mod connection;
mod lookout;
mod moving;
mod range;
mod scripted;
mod stale;
mod topics;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use kafka::{Config, Kafka};

/// A broker to test against. Stops when dropped, unless it is somebody else's.
struct Broker {
    kafka: Kafka,
    _embedded: Option<embedded_broker::Broker>,
}

impl Broker {
    async fn start() -> anyhow::Result<Self> {
        let (address, embedded) = match std::env::var("TEST_BROKER") {
            Ok(address) if address != "embedded" => (address, None),
            _ => {
                let broker = embedded_broker::Broker::start(embedded_broker::Config::default()).await?;
                (broker.bootstrap().to_string(), Some(broker))
            }
        };
        Ok(Self { kafka: Kafka::new(config([address])), _embedded: embedded })
    }
}

fn config<const N: usize>(brokers: [String; N]) -> Config {
    Config {
        brokers: brokers.to_vec(),
        client_id: "wire-tests".to_owned(),
        timeout: Duration::from_secs(5),
        security: kafka::Security::default(),
    }
}

/// A topic name that no other test uses, nor an earlier run against the same broker.
fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros();
    format!("{name}-{now}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

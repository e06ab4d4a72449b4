//! A broker behind a liar, and who asks it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use embedded_broker::{Broker, Listener};
use futures::{StreamExt, stream};
use kafka::{
    Config, Kafka,
    batch::{RangeReader, RawRecord, produce_raw},
};
use tokio::{net::TcpListener, time::sleep};

use crate::{
    liar::{Liar, Lie},
    lies::{Instead, OF_ANYTHING},
    meter,
};

pub(crate) const TOPIC: &str = "topic";
/// Each call to a broker may take so long.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(700);
/// Nothing that a test waits for takes longer, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// How long lies are told.
const LIED_TO_FOR: Duration = Duration::from_millis(1500);
/// Between two attempts to make somebody ask.
const PROVOKED_EVERY: Duration = Duration::from_millis(300);
/// Requests that may come in that time. A try takes some ten of them, the first follow after 50, 100, 200 ms; who asks as
/// fast as the network can asks thousands of times.
const MOST_REQUESTS: usize = 400;
/// Stands at a time.
const AT_ONCE: usize = 12;

pub(crate) struct Stand {
    pub(crate) broker: Broker,
    pub(crate) liar: Liar,
    /// For those who are lied to.
    pub(crate) kafka: Kafka,
    /// For the test itself.
    pub(crate) direct: Kafka,
}

impl Stand {
    /// With a topic of so many partitions.
    pub(crate) async fn start(partitions: i32) -> Self {
        Self::with_timeout(partitions, TIMEOUT).await
    }

    pub(crate) async fn with_timeout(partitions: i32, timeout: Duration) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap();
        let behind = Listener {
            bind: "127.0.0.1:0".parse().unwrap(),
            advertised_host: None,
            advertised_port: Some(address.port()),
        };
        let broker = Broker::start(embedded_broker::Config {
            more_listeners: vec![behind],
            min_session_timeout: Duration::from_millis(100),
            ..embedded_broker::Config::default()
        });
        let broker = broker.await.unwrap();
        broker.create_topic(TOPIC, partitions).unwrap();
        let behind = broker.more_addrs().next().unwrap();
        let kafka = |address, timeout| {
            Kafka::new(Config {
                brokers: vec![address],
                client_id: "lied-to".to_owned(),
                timeout,
                security: kafka::Security::default(),
            })
        };
        Self {
            liar: Liar::start(door, behind),
            kafka: kafka(address.to_string(), timeout),
            direct: kafka(broker.bootstrap(), PATIENCE),
            broker,
        }
    }

    /// Appends records with these numbers to partition 0, one by one, each at least once: connections that are reset for the
    /// sake of somebody else may be these.
    pub(crate) async fn append(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            let value = Some(Bytes::from(number.to_string()));
            let record = RawRecord { value, ..RawRecord::default() };
            let mut tries = 0;
            while let Err(error) = produce_raw(&self.direct, TOPIC, 0, std::slice::from_ref(&record)).await {
                tries += 1;
                assert!(tries < 20, "{number} cannot be appended: {error}");
            }
        }
    }

    /// The numbers of the records in partition 0.
    pub(crate) async fn stored(&self) -> Vec<u32> {
        let end = self.broker.log_end(TOPIC, 0).unwrap();
        let mut reader = RangeReader::new(&self.direct, TOPIC, 0, 0..end);
        let mut stored = Vec::new();
        while let Some(record) = reader.next().await.unwrap() {
            stored.push(number(&record.value.unwrap()));
        }
        stored
    }

    /// Tells `lie` about `key` for a while, and then the truth. `provoke` makes somebody ask, and is called until it does.
    /// Meanwhile nobody may ask too often.
    pub(crate) async fn lie(&self, name: &str, key: i16, lie: Lie, mut provoke: impl FnMut()) {
        self.liar.lies(key, lie);
        let began = Instant::now();
        while self.liar.told() == 0 {
            assert!(began.elapsed() < PATIENCE, "{name}: nobody asked for API {key}");
            provoke();
            sleep(PROVOKED_EVERY).await;
        }
        sleep(LIED_TO_FOR.saturating_sub(began.elapsed())).await;
        let (asked, took) = (self.liar.asked(), began.elapsed());
        self.liar.tells_the_truth();
        let most = MOST_REQUESTS * usize::try_from(1 + took.as_millis() / LIED_TO_FOR.as_millis()).unwrap();
        assert!(asked <= most, "{name}: {asked} requests in {took:?}");
        assert_eq!(self.kafka.health().subscribe().borrow().fault, None, "{name}");
    }
}

/// The number that a record's value is.
pub(crate) fn number(value: &[u8]) -> u32 {
    str::from_utf8(value).unwrap().parse().unwrap()
}

/// Runs `check` for every lie that can be told about anything, and about each of the APIs `keys`; some at a time.
pub(crate) async fn for_each_lie<F: Future<Output = ()>>(
    keys: &[i16],
    check: impl Fn(String, i16, Lie) -> F,
) {
    let of_key =
        |key: i16| OF_ANYTHING.iter().map(move |(name, lie)| (format!("{name}, about API {key}"), key, *lie));
    let cells = keys.iter().copied().flat_map(of_key);
    let checks = cells.map(|(name, key, lie): (String, i16, Instead)| {
        let lie: Lie = Arc::new(lie);
        check(name, key, lie)
    });
    stream::iter(checks).for_each_concurrent(AT_ONCE, |check| check).await;
    meter::check();
}

/// The same for lies about what an answer says.
pub(crate) async fn for_each<F: Future<Output = ()>>(
    lies: Vec<(&'static str, i16, Lie)>,
    check: impl Fn(String, i16, Lie) -> F,
) {
    let checks = lies.into_iter().map(|(name, key, lie)| check(name.to_owned(), key, lie));
    stream::iter(checks).for_each_concurrent(AT_ONCE, |check| check).await;
    meter::check();
}

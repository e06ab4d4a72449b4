//! Starting, stopping, starting again.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use embedded_broker::{Broker, Config, Listener, StartError};
use kafka_protocol::messages::{FindCoordinatorRequest, MetadataRequest};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::*;

#[tokio::test]
async fn starts_and_stops_fifty_times_on_one_port() {
    let mut broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let addr = broker.addr();
    for round in 0..50 {
        let mut idle = TcpStream::connect(addr).await.unwrap();
        let mut connection = Connection::open(&broker).await;
        assert_eq!(connection.produce("t", "x").await, Ok(round));
        let mut parked = Connection::open(&broker).await;
        parked.send(&fetch_request("t", round + 1, PATIENCE), 11).await.unwrap();
        let stopping = Instant::now();
        let stopped = broker.stop().await;
        assert!(stopping.elapsed() < Duration::from_secs(5), "a parked fetch held the stop up");
        assert_eq!(timeout(PATIENCE, idle.read_u8()).await.unwrap().map_err(|error| error.kind()).ok(), None);
        assert!(TcpStream::connect(addr).await.is_err(), "the port is closed");
        broker = stopped.start().await.unwrap();
        assert_eq!(broker.addr(), addr);
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_stopped_broker_frees_its_port() {
    let broker = start().await;
    let addr = broker.addr();
    let connection = Connection::open(&broker).await;
    broker.stop().await;
    drop(connection);
    let config = Config { bind: addr, ..Config::default() };
    Broker::start(config).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let error = Broker::start(Config { bind: addr, ..Config::default() }).await.err().unwrap();
    assert!(matches!(error, StartError::PortTaken { .. }));
    assert_eq!(error.to_string(), format!("cannot listen on {addr}: the port is taken"));
}

#[tokio::test]
async fn each_listener_names_its_own_address() {
    let proxied = Listener {
        bind: ([127, 0, 0, 1], 0).into(),
        advertised_host: Some("elsewhere".to_owned()),
        advertised_port: Some(7),
    };
    let config = Config { more_listeners: vec![proxied], ..Config::default() };
    let mut broker = Broker::start(config).await.unwrap();
    let (first, second) = (broker.addr(), broker.more_addrs().next().unwrap());
    for _ in 0..2 {
        assert_eq!(
            named(first).await,
            ["127.0.0.1", "127.0.0.1"].map(|host| (host.to_owned(), first.port()))
        );
        assert_eq!(named(second).await, ["elsewhere", "elsewhere"].map(|host| (host.to_owned(), 7)));
        // A restart keeps both ports.
        broker = broker.stop().await.start().await.unwrap();
    }
    assert_eq!(broker.bootstrap(), first.to_string());
    assert_eq!(broker.more_addrs().collect::<Vec<_>>(), [second]);
    broker.stop().await;
    assert!(TcpStream::connect(second).await.is_err(), "both ports are closed");
}

/// What a client at `addr` is told of the broker and of the coordinator of a group.
async fn named(addr: SocketAddr) -> [(String, u16); 2] {
    let mut connection = Connection::to(addr).await;
    let metadata = connection.call(&MetadataRequest::default(), 1).await;
    let found = connection.call(&FindCoordinatorRequest::default().with_key(text("g")), 3).await;
    let address = |host: &str, port: i32| (host.to_owned(), u16::try_from(port).unwrap());
    [address(&metadata.brokers[0].host, metadata.brokers[0].port), address(&found.host, found.port)]
}

#[tokio::test]
async fn the_log_outlives_a_restart() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", "before").await.unwrap();
    let broker = broker.stop().await.start().await.unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", "after").await.unwrap();
    assert_eq!(connection.fetch("t", 0, PATIENCE).await.unwrap(), ["before", "after"]);
    broker.stop().await;
}

#[tokio::test]
async fn a_dropped_broker_stops_by_itself() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    drop(broker);
    let closed = timeout(PATIENCE, connection.socket.read_u8()).await.unwrap();
    assert!(closed.is_err());
}

#[test]
fn works_without_a_runtime_that_runs() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let broker = runtime.block_on(start());
    // The caller's runtime stands still here; the broker does not.
    let mut socket = std::net::TcpStream::connect(broker.addr()).unwrap();
    use std::io::{Read, Write};
    socket.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).unwrap();
    let mut head = [0; 10];
    socket.read_exact(&mut head).unwrap();
    assert_eq!(head[4..], [0, 0, 0, 7, 0, 0], "the correlation id and no error");
    runtime.block_on(broker.stop());
}

#[tokio::test]
async fn connections_are_counted_and_capped() {
    let broker = Broker::start(Config { max_connections: 2, ..Config::default() }).await.unwrap();
    let (first, _second) = (Connection::open(&broker).await, Connection::open(&broker).await);
    until("two connections", || broker.connection_count() == 2).await;
    let mut third = Connection::open(&broker).await;
    assert!(timeout(PATIENCE, third.socket.read_u8()).await.unwrap().is_err());
    drop(first);
    until("one connection", || broker.connection_count() == 1).await;
    let mut fourth = Connection::open(&broker).await;
    broker.create_topic("t", 1).unwrap();
    fourth.produce("t", "x").await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let config = Config { max_idle: Duration::from_millis(50), ..Config::default() };
    let broker = Broker::start(config).await.unwrap();
    let mut connection = Connection::open(&broker).await;
    assert!(timeout(PATIENCE, connection.socket.read_u8()).await.unwrap().is_err());
    broker.stop().await;
}

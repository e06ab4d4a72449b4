//! The proxy over sockets: in front of a server that echoes, and in front of the embedded broker.

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use embedded_broker::{Broker, Config};
use kafka::wire::{self, WireError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// The bound of everything that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long something is watched that must not happen.
const WATCHED: Duration = Duration::from_millis(100);

/// A server that sends back what it is sent, and how many connections to it are open.
struct Echo {
    addr: SocketAddr,
    open: Arc<std::sync::atomic::AtomicUsize>,
    server: JoinHandle<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, open) = (listener.local_addr().unwrap(), Arc::<std::sync::atomic::AtomicUsize>::default());
        let counted = open.clone();
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let counted = counted.clone();
                connections.spawn(async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let (mut read, mut write) = socket.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                    counted.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { addr, open, server }
    }

    async fn open(&self, count: usize) {
        until("connections at the server", || self.open.load(Ordering::Relaxed) == count).await;
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waited = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("waited for {what}"));
}

async fn stand() -> (Echo, Proxy, TcpStream) {
    let echo = Echo::start().await;
    let proxy = Proxy::start(echo.addr).unwrap();
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    echoes(&mut client).await;
    (echo, proxy, client)
}

async fn echoes(client: &mut TcpStream) {
    client.write_all(b"ping").await.unwrap();
    assert_eq!(&read::<4>(client).await.unwrap(), b"ping");
}

async fn read<const N: usize>(client: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    timeout(PATIENCE, client.read_exact(&mut bytes)).await.expect("bytes or an end")?;
    Ok(bytes)
}

async fn is_silent(client: &mut TcpStream) {
    assert!(timeout(WATCHED, client.read_u8()).await.is_err(), "nothing arrives and nothing ends");
}

async fn is_reset(client: &mut TcpStream) {
    assert_eq!(read::<1>(client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn bytes_and_ends_pass() {
    let (echo, proxy, mut client) = stand().await;
    let sent: Vec<u8> = (0..3 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
    let (mut from, mut to) = client.split();
    let mut received = Vec::new();
    let (written, read) = tokio::join!(
        async {
            to.write_all(&sent).await?;
            to.shutdown().await
        },
        timeout(PATIENCE, from.read_to_end(&mut received)),
    );
    written.unwrap();
    read.unwrap().unwrap();
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
    echo.open(0).await;
    until("the connection's end", || proxy.connection_count() == 0).await;
}

#[tokio::test]
async fn connections_wait_for_an_address() {
    let proxy = Proxy::start_unconnected().unwrap();
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    client.write_all(b"ping").await.unwrap();
    is_silent(&mut client).await;
    let echo = Echo::start().await;
    proxy.lead_to(echo.addr);
    assert_eq!(&read::<4>(&mut client).await.unwrap(), b"ping");
}

#[tokio::test]
async fn open_connections_are_reset_and_new_ones_served() {
    let (echo, proxy, mut client) = stand().await;
    proxy.reset_connections();
    is_reset(&mut client).await;
    echo.open(0).await;
    echoes(&mut TcpStream::connect(proxy.addr()).await.unwrap()).await;
}

#[tokio::test]
async fn a_server_that_is_gone_resets_its_clients() {
    let proxy = Proxy::start(([127, 0, 0, 1], crate::bench::child::free_port().unwrap()).into()).unwrap();
    is_reset(&mut TcpStream::connect(proxy.addr()).await.unwrap()).await;
}

#[tokio::test]
async fn a_black_hole_takes_everything_and_answers_nothing() {
    let (_echo, proxy, mut before) = stand().await;
    proxy.black_hole();
    let mut after = TcpStream::connect(proxy.addr()).await.unwrap();
    for client in [&mut before, &mut after] {
        client.write_all(&[7; 1 << 20]).await.unwrap();
        is_silent(client).await;
    }
    proxy.heal();
    is_reset(&mut before).await;
    is_reset(&mut after).await;
    echoes(&mut TcpStream::connect(proxy.addr()).await.unwrap()).await;
}

#[tokio::test]
async fn a_client_that_leaves_a_black_hole_takes_its_connection_with_it() {
    let (echo, proxy, before) = stand().await;
    proxy.black_hole();
    let after = TcpStream::connect(proxy.addr()).await.unwrap();
    until("both connections", || proxy.connection_count() == 2).await;
    drop((before, after));
    until("the end of both", || proxy.connection_count() == 0).await;
    echo.open(0).await;
}

#[tokio::test]
async fn an_idle_connection_survives_a_black_hole() {
    let (_echo, proxy, mut client) = stand().await;
    proxy.black_hole();
    is_silent(&mut client).await;
    proxy.heal();
    echoes(&mut client).await;
}

#[tokio::test]
async fn answers_alone_can_get_lost() {
    let broker = Broker::start(Config::default()).await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let proxy = Proxy::start(broker.addr()).unwrap();
    proxy.lose_answers();
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    client.write_all(&delete_topic("t")).await.unwrap();
    until("the request to be carried out", || broker.topic_names().is_empty()).await;
    is_silent(&mut client).await;
    proxy.heal();
    is_reset(&mut client).await;
}

/// A request (DeleteTopics, version 1) whose effect can be seen in the broker.
fn delete_topic(name: &str) -> Vec<u8> {
    let name_length = u8::try_from(name.len()).unwrap();
    let body =
        [&[0, 20, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, name_length], name.as_bytes(), &[0, 0, 19, 136]];
    let body = body.concat();
    [&u32::try_from(body.len()).unwrap().to_be_bytes(), &body[..]].concat()
}

#[tokio::test]
async fn what_a_pulled_cable_held_up_arrives_when_it_is_back() {
    let (_echo, proxy, mut before) = stand().await;
    proxy.hold();
    let mut after = TcpStream::connect(proxy.addr()).await.unwrap();
    for client in [&mut before, &mut after] {
        client.write_all(b"ping").await.unwrap();
        is_silent(client).await;
    }
    proxy.heal();
    for client in [&mut before, &mut after] {
        assert_eq!(&read::<4>(client).await.unwrap(), b"ping");
    }
}

#[tokio::test]
async fn a_forgotten_connection_is_neither_answered_nor_told() {
    let (echo, proxy, mut client) = stand().await;
    proxy.forget_connections();
    echo.open(0).await;
    client.write_all(b"is anybody there").await.unwrap();
    is_silent(&mut client).await;
    echoes(&mut TcpStream::connect(proxy.addr()).await.unwrap()).await;
    proxy.heal();
    is_silent(&mut client).await;
    drop(client);
    until("its end", || proxy.connection_count() == 0).await;
}

#[tokio::test]
async fn a_refusing_port_is_closed_and_comes_back() {
    let (_echo, proxy, mut client) = stand().await;
    proxy.refuse();
    let refused = async || TcpStream::connect(proxy.addr()).await.map(drop).map_err(|error| error.kind());
    let asked = Instant::now();
    while refused().await != Err(ErrorKind::ConnectionRefused) {
        assert!(asked.elapsed() < PATIENCE, "it is refused");
    }
    echoes(&mut client).await;
    proxy.heal();
    let asked = Instant::now();
    while refused().await.is_err() {
        assert!(asked.elapsed() < PATIENCE, "it is accepted");
    }
    echoes(&mut TcpStream::connect(proxy.addr()).await.unwrap()).await;
}

#[tokio::test]
async fn bytes_can_be_late_each_way() {
    for direction in Direction::BOTH {
        let (_echo, proxy, mut client) = stand().await;
        let delay = Duration::from_millis(150);
        proxy.set_flow(direction, Flow::delayed(delay));
        let sent = Instant::now();
        echoes(&mut client).await;
        assert!(sent.elapsed() >= delay, "{direction:?}: {:?}", sent.elapsed());
        // A delay is no limit: what was sent together arrives together.
        let sent = Instant::now();
        client.write_all(&[7; 512 << 10]).await.unwrap();
        let mut received = vec![0; 512 << 10];
        timeout(PATIENCE, client.read_exact(&mut received)).await.unwrap().unwrap();
        assert!(sent.elapsed() >= delay && sent.elapsed() < 20 * delay, "{:?}", sent.elapsed());
    }
}

#[tokio::test]
async fn the_bytes_of_a_second_can_be_limited() {
    let (_echo, proxy, mut client) = stand().await;
    proxy.set_flow(Direction::Answers, Flow::limited(NonZeroU32::new(100_000).unwrap()));
    let sent = Instant::now();
    client.write_all(&[7; 20_000]).await.unwrap();
    read::<20_000>(&mut client).await.unwrap();
    assert!(sent.elapsed() >= Duration::from_millis(150), "{:?}", sent.elapsed());
    let sent = Instant::now();
    proxy.heal();
    client.write_all(&[7; 20_000]).await.unwrap();
    read::<20_000>(&mut client).await.unwrap();
    assert!(sent.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn a_connection_is_cut_in_the_middle_of_a_request() {
    let broker = Broker::start(Config::default()).await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let proxy = Proxy::start(broker.addr()).unwrap();
    for after in [2, 10, 1_000] {
        proxy.cut_frames(Direction::Requests, after, 1);
        let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
        client.write_all(&delete_topic("t")).await.unwrap();
        is_reset(&mut client).await;
        assert_eq!(proxy.cuts_left(Direction::Requests), 0);
    }
    until("the broker to let go", || broker.connection_count() == 0).await;
    assert_eq!(broker.topic_names(), ["t"], "half a request does nothing");
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    client.write_all(&delete_topic("t")).await.unwrap();
    read::<4>(&mut client).await.unwrap();
    assert!(broker.topic_names().is_empty());
}

#[tokio::test]
async fn a_connection_is_cut_in_the_middle_of_an_answer() {
    let broker = Broker::start(Config::default()).await.unwrap();
    let proxy = Proxy::start(broker.addr()).unwrap();
    let config = kafka::Config {
        brokers: vec![proxy.addr().to_string()],
        client_id: "test".into(),
        timeout: PATIENCE,
        security: kafka::Security::default(),
    };
    for after in [1, 20, 1 << 20] {
        proxy.cut_frames(Direction::Answers, after, 1);
        let error = wire::bootstrap(&config).await.unwrap_err();
        let WireError::NoBroker { source: Some(error), .. } = error else { panic!("{error:?}") };
        assert!(matches!(*error, WireError::Closed { .. }), "{error:?}");
        wire::bootstrap(&config).await.unwrap();
    }
}

#[tokio::test]
async fn dropping_it_closes_everything() {
    let (echo, proxy, mut client) = stand().await;
    let addr = proxy.addr();
    drop(proxy);
    assert!(read::<1>(&mut client).await.is_err());
    echo.open(0).await;
    assert!(TcpStream::connect(addr).await.is_err());
}

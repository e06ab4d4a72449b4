//! What every socket to a broker is set to, those that rskafka opens included.
//!
//! - TCP_NODELAY. rskafka writes a frame of 8 KiB or more in two pieces and leaves Nagle's algorithm on, so that the
//!   second piece waits for the broker's delayed acknowledgement: 44 ms on loopback instead of 75 µs.
//! - Keep-alive, and an end to waiting for acknowledgements. A peer that vanishes without a word (its host lost power, a
//!   router forgot the connection) leaves a socket that takes what is written to it for minutes. So the kernel closes a
//!   socket whose peer has acknowledged nothing for 3 s, and asks after idle ones.
//!
//! rskafka offers no way to its sockets, so they are found among the descriptors of this process. Its clients are made
//! never to connect again by themselves (see `client::clients`): after each connecting of ours is the only time to look.
//!
//! Linux only. Elsewhere records of more than 8 KiB are slow, and what vanished is noticed when a call's time is over.

use std::{io, net::SocketAddr};
#[cfg(target_os = "linux")]
use std::{os::fd::BorrowedFd, time::Duration};

use socket2::SockRef;

/// A peer whose kernel acknowledges nothing for so long, or takes nothing because its buffer is full, counts as gone. One
/// that is merely slow acknowledges all the same.
#[cfg(target_os = "linux")]
const GONE_AFTER: Duration = Duration::from_secs(3);
/// After so long a silence the kernel asks whether the peer is there.
#[cfg(target_os = "linux")]
const ASK_AFTER: Duration = Duration::from_secs(10);
#[cfg(target_os = "linux")]
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Sets a socket of ours up.
pub(crate) fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let keep_alive = socket2::TcpKeepalive::new().with_time(ASK_AFTER).with_interval(ASK_EVERY);
        socket.set_tcp_keepalive(&keep_alive)?;
        socket.set_tcp_user_timeout(Some(GONE_AFTER))?;
    }
    Ok(())
}

/// Sets up every TCP socket of this process whose peer's port is one of `broker_ports`. A client that happens to call us
/// from such a port gets the same, which does no harm.
#[cfg(target_os = "linux")]
pub(crate) fn tune_towards(broker_ports: &[u16]) {
    let tune = |socket: &SockRef<'_>| {
        // It may have been closed meanwhile.
        let _ = tune(socket);
    };
    if let Err(error) = for_each_socket(|peer| broker_ports.contains(&peer.port()), tune) {
        tracing::warn!(%error, "cannot list /proc/self/fd: large records to Kafka will be slow");
    }
}

/// Sets up the socket of this process that is connected from `local` to `peer`; whether there is such a one.
#[cfg(target_os = "linux")]
pub(crate) fn tune_own(local: SocketAddr, peer: SocketAddr) -> bool {
    let mut is_own = false;
    let look = |socket: &SockRef<'_>| {
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        if address == Some(local) {
            is_own = tune(socket).is_ok();
        }
    };
    for_each_socket(|other| other == peer, look).is_ok() && is_own
}

/// Whether [`tune_own`] can find anything.
#[cfg(target_os = "linux")]
pub(crate) fn can_tell_own() -> io::Result<()> {
    std::fs::read_dir("/proc/self/fd").map(drop)
}

#[cfg(target_os = "linux")]
fn for_each_socket(
    is_wanted: impl Fn(SocketAddr) -> bool,
    mut visit: impl FnMut(&SockRef<'_>),
) -> io::Result<()> {
    let descriptors = std::fs::read_dir("/proc/self/fd")?;
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Collected first, so that the listing's own descriptor is no longer open.
    for number in numbers.collect::<Vec<i32>>() {
        #[expect(unsafe_code, reason = "rskafka gives no access to its sockets")]
        // SAFETY: the number came from the kernel's list of our open descriptors a moment ago, and is not -1. Another
        // thread may close it meanwhile and even get it anew for something else; the system calls made with it
        // (getpeername, and `visit`'s getsockname, getsockopt and setsockopt of the options above) touch no memory but
        // their own arguments, and on whatever the number then means they fail or set some TCP socket up as above. The borrow
        // ends with this turn of the loop and closes nothing.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = SockRef::from(&descriptor);
        let peer = socket.peer_addr().ok().and_then(|address| address.as_socket());
        if peer.is_some_and(&is_wanted) {
            visit(&socket);
        }
    }
    Ok(())
}

/// Does nothing: there is no `/proc/self/fd` to find rskafka's sockets in.
#[cfg(not(target_os = "linux"))]
pub(crate) fn tune_towards(_broker_ports: &[u16]) {}

/// Says no: see [`can_tell_own`].
#[cfg(not(target_os = "linux"))]
pub(crate) fn tune_own(_local: SocketAddr, _peer: SocketAddr) -> bool {
    false
}

/// Fails: without a list of our own sockets the relay cannot tell who connects to it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn can_tell_own() -> io::Result<()> {
    let reason =
        "TLS and SASL towards Kafka need Linux: elsewhere a process cannot tell its own sockets from others";
    Err(io::Error::new(io::ErrorKind::Unsupported, reason))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        time::Duration,
    };

    use embedded_broker::Broker;

    use super::*;
    use crate::{Config, Kafka};

    #[test]
    fn sockets_to_those_ports_are_found_and_others_left_alone() {
        let [broker, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let connect = |to: &TcpListener| TcpStream::connect(to.local_addr().unwrap()).unwrap();
        let (to_broker, to_other) = (connect(&broker), connect(&other));
        tune_towards(&[broker.local_addr().unwrap().port()]);
        assert!(to_broker.nodelay().unwrap());
        let socket = SockRef::from(&to_broker);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(GONE_AFTER));
        assert!(!to_other.nodelay().unwrap());
    }

    #[test]
    fn a_socket_of_this_process_is_told_from_one_of_another() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, from) = listener.accept().unwrap();
        assert!(tune_own(from, listener.local_addr().unwrap()));
        assert!(ours.nodelay().unwrap() && !accepted.nodelay().unwrap());
        let mut other = from;
        other.set_port(from.port().wrapping_add(1));
        assert!(!tune_own(other, listener.local_addr().unwrap()));
        // Our end alone is no caller of ours.
        drop(ours);
        assert!(!tune_own(from, listener.local_addr().unwrap()));
    }

    #[tokio::test]
    async fn every_socket_that_rskafka_opens_has_it_after_a_restart_too() {
        let mut broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
        broker.create_topic("topic", 1).unwrap();
        let (brokers, timeout) = (vec![broker.bootstrap()], Duration::from_secs(5));
        let kafka = Kafka::new(Config {
            brokers,
            client_id: "sockets-test".to_owned(),
            timeout,
            security: crate::Security::default(),
        });
        for _ in 0..2 {
            let mut connected = kafka.connect("topic", 0).await;
            if connected.is_err() {
                // The first notices that the connection of the shared client is dead.
                connected = kafka.connect("topic", 0).await;
            }
            let client = connected.unwrap();
            let mut sockets = Vec::new();
            let look = |socket: &SockRef<'_>| sockets.push(socket.tcp_nodelay().unwrap());
            for_each_socket(|peer| peer == broker.addr(), look).unwrap();
            assert!(sockets.len() >= 2 && sockets.iter().all(|set| *set), "{sockets:?}");
            drop(client);
            broker = broker.stop().await.start().await.unwrap();
        }
    }
}

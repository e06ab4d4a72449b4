//! Requests of any client at all. An input is a request as it is cut from the stream, without its length.

use std::{net::SocketAddr, sync::Arc, sync::atomic::AtomicUsize};

use bytes::Bytes;
use futures::FutureExt;
use fuzz::Target;
use kafka_protocol::messages::ApiKey;

use crate::{
    config::{Config, Listener},
    dispatch::{Origin, answer},
    faults::Faults,
    node::{Endpoint, Node, State},
};

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9092);

fn node() -> Node {
    let listener = Listener { bind: HERE, advertised_host: None, advertised_port: None };
    // Topics as they are made on the side, and no more of anything than fits a small answer.
    let config = Config {
        bind: HERE,
        auto_create_partitions: Some(3),
        max_partitions: 100,
        max_groups: 10,
        ..Config::default()
    };
    let state = Arc::new(State::new(&config));
    let faults = Arc::new(Faults::new(Arc::clone(&state), config.clone()));
    let endpoints = vec![Arc::new(Endpoint::new(listener, HERE))];
    Node { config, endpoints, state, faults, connections: AtomicUsize::new(0) }
}

#[test]
fn fuzz_broker_request() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    Target::new("broker-request").memory(4 << 20, 4 << 10).run(|request| {
        if request.len() < 8 {
            return; // no shorter one is passed on
        }
        let node = node();
        let origin = Origin { peer: HERE, endpoint: Arc::clone(&node.endpoints[0]) };
        // Twice, since a repetition meets what the first one left. One that waits for others is given up.
        for _ in 0..2 {
            match answer(&node, &origin, Bytes::copy_from_slice(request)).now_or_never() {
                Some(Ok(reply)) if reply.bytes.is_empty() => {
                    assert_eq!(
                        request[..2],
                        (ApiKey::Produce as i16).to_be_bytes(),
                        "only produce may go unanswered"
                    );
                }
                Some(Ok(reply)) => {
                    let (length, rest) = reply.bytes.split_first_chunk().expect("a length");
                    assert_eq!(usize::try_from(u32::from_be_bytes(*length)), Ok(rest.len()));
                    assert_eq!(rest[..4], request[4..8], "with the correlation id that it came with");
                }
                Some(Err(refusal)) => assert!(!refusal.to_string().is_empty()),
                None => {}
            }
        }
    });
}

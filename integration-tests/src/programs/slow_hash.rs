//! `hash` with orders in its data.

use std::time::Duration;

use hash_processor::{Cost, HandlerError, Operations};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
struct Input {
    data: String,
}

#[derive(Serialize)]
struct Output {
    hash: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Order {
    Burn(Duration),
    Pause(Duration),
}

/// What the test processor answers to: `hash` alone.
pub(super) fn operations(cost: Cost) -> Operations {
    Operations::none().with_fn("hash", cost, |input: Input| {
        match order(&input.data) {
            Some(Order::Burn(duration)) => super::spin(duration),
            Some(Order::Pause(duration)) => std::thread::sleep(duration),
            None => {}
        }
        Ok::<_, HandlerError>(Output { hash: hex::encode(Sha256::digest(input.data.as_bytes())) })
    })
}

fn order(data: &str) -> Option<Order> {
    let mut words = data.splitn(3, ' ');
    let (verb, ms) = (words.next()?, words.next()?);
    let duration = Duration::from_millis(ms.parse().ok()?);
    match verb {
        "burn" => Some(Order::Burn(duration)),
        "pause" => Some(Order::Pause(duration)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::{burn, pause};

    #[test]
    fn orders_are_what_they_are_written_as() {
        let duration = Duration::from_millis(250);
        assert_eq!(order(&burn(duration, "call 7")), Some(Order::Burn(duration)));
        assert_eq!(order(&pause(duration, "call 7")), Some(Order::Pause(duration)));
        for data in ["", "burn", "burn ", "burn a day", "call 7 burn 3", "burn -1 x"] {
            assert_eq!(order(data), None, "{data:?}");
        }
    }
}

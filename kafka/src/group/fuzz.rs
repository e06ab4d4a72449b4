//! What other members of a group say, which may be any client at all.

use std::collections::BTreeSet;

use fuzz::Target;

use super::subscription::{Subscription, decode_share, encode_assignment};

const TOPIC: &str = "hash_requests";

#[test]
fn fuzz_subscription() {
    Target::new("subscription").run(|bytes| match Subscription::decode(TOPIC, bytes) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(read) => {
            let again = Subscription::encode(TOPIC, &read.owned, read.generation);
            let expected = Subscription { subscribed: true, ..read };
            assert_eq!(Subscription::decode(TOPIC, &again), Ok(expected));
        }
    });
}

#[test]
fn fuzz_assignment() {
    Target::new("assignment").run(|bytes| match decode_share(TOPIC, bytes) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok((partitions, told)) => {
            assert!(partitions.iter().all(|partition| *partition >= 0));
            let again = encode_assignment(TOPIC, &partitions, told);
            assert_eq!(decode_share(TOPIC, &again), Ok((partitions, told)));
            assert_eq!(decode_share("another topic", &again), Ok((BTreeSet::new(), told)));
        }
    });
}

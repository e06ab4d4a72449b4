//! The registry: how requests end, what becomes of their replies, and that nothing stays.

mod life;
mod model;
mod threads;

use std::sync::Arc;

use protocol::registry::Counts;
use protocol::{Completion, CorrelationId, Pending, Registry, Tag};

/// What a reply or a failure says, in these tests.
type Outcome = u32;

const TAG: [u8; 4] = [0x9f, 0x3a, 0x01, 0xc4];

fn registry(max_pending: usize) -> Arc<Registry<Outcome>> {
    Registry::new(Tag::from(TAG), max_pending)
}

fn register(registry: &Arc<Registry<Outcome>>) -> Pending<Outcome> {
    registry.register(None).expect("neither full nor closed")
}

fn reply(registry: &Registry<Outcome>, id: CorrelationId, outcome: Outcome) -> Completion {
    registry.complete(id, || outcome)
}

fn counts(answered: u64, late: u64, duplicate: u64, unknown: u64) -> Counts {
    Counts { answered, late, duplicate, unknown }
}

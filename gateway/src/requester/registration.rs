//! From when on a request waits for its reply, and where that is to go.

use std::sync::Arc;

use protocol::registry::RegisterError;
use protocol::{Pending, Registry};

use super::Failure;
use super::named::{Named, ReplyAddress};
use super::outbox::Outcome;

/// Registers a request under the reply address that it will carry.
///
/// A partition is read for as long as it is named or a registered request names it. The name may move between reading
/// it and registering under it, and the partition be given up in between: so a name that has moved is not used. Both
/// sides look at the name and at the registry, in opposite order, and the registry's lock is between: whoever gives the
/// partition up either sees the request, or has moved the name before the request looks again.
pub(super) fn register(
    registry: &Arc<Registry<Outcome>>,
    named: &Named,
) -> Result<(Pending<Outcome>, ReplyAddress), Failure> {
    loop {
        let address = named.address().ok_or(Failure::KafkaUnavailable)?;
        let pending = registry.register(address.partition).map_err(|error| match error {
            RegisterError::Full => Failure::Overloaded,
            RegisterError::Closed => Failure::ShuttingDown,
        })?;
        if named.address() == Some(address) {
            return Ok((pending, address));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

    use protocol::Tag;

    use super::super::ReplyRouting;
    use super::*;

    /// As `ReplyTo` does on its own thread: names another partition, and gives the old one up once nobody names it.
    #[test]
    fn no_request_names_a_partition_that_was_given_up() {
        let registry = Registry::new(Tag::random(), 10);
        let named = Named::new(ReplyRouting::Partition);
        named.name(0);
        let (given_up, over) = (AtomicI32::new(-1), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..20_000 {
                    let (old, new) = (turn % 2, (turn + 1) % 2);
                    given_up.store(-1, Ordering::SeqCst);
                    named.name(new);
                    if registry.pending_naming(old) == 0 {
                        given_up.store(old, Ordering::SeqCst);
                    }
                    std::thread::yield_now();
                }
                over.store(true, Ordering::SeqCst);
            });
            while !over.load(Ordering::SeqCst) {
                let (pending, address) = register(&registry, &named).unwrap();
                // It stays as it is while this request waits: a partition that is read again is not given up.
                let lost = Some(given_up.load(Ordering::SeqCst)) == address.partition
                    && named.address() != Some(address);
                assert!(!lost, "{address:?} is not read any more");
                drop(pending);
            }
        });
    }
}

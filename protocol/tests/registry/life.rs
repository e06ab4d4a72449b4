//! One request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use protocol::registry::{REMEMBERED, RegisterError};
use protocol::{Completion, CorrelationId, Parting, Registry, Tag};
use tokio::time::timeout;

use crate::{counts, register, registry, reply};

#[tokio::test]
async fn a_reply_wakes_its_waiter() {
    let registry = registry(10);
    let mut pending = register(&registry);
    let id = pending.id();
    assert!(registry.departing(id, 2));
    let waiter = tokio::spawn(async move { (pending.outcome().await, pending.departed()) });
    tokio::task::yield_now().await;
    assert_eq!((registry.pending(), registry.unanswered(2)), (1, 1));

    assert_eq!(reply(&registry, id, 7), Completion::Answered);
    assert_eq!(waiter.await.unwrap(), (7, true));
    assert_eq!((registry.pending(), registry.unanswered(2)), (0, 0));
    assert_eq!(registry.counts(), counts(1, 0, 0, 0));
}

#[tokio::test]
async fn a_reply_before_the_first_poll_is_kept() {
    let registry = registry(10);
    let pending = register(&registry);
    assert_eq!(reply(&registry, pending.id(), 7), Completion::Answered);
    assert_eq!(registry.pending(), 0);
    assert_eq!(pending.await, 7);
}

#[test]
fn the_waker_of_the_last_poll_is_woken_once() {
    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    let registry = registry(10);
    let mut pending = register(&registry);
    let id = pending.id();
    let (first, last) = (Arc::<Count>::default(), Arc::<Count>::default());
    let mut outcome = Box::pin(pending.outcome());
    for count in [&first, &last, &last] {
        let waker = Waker::from(Arc::clone(count));
        assert_eq!(outcome.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
    }
    reply(&registry, id, 7);
    reply(&registry, id, 8);
    assert_eq!((first.0.load(Relaxed), last.0.load(Relaxed)), (0, 1));
    assert_eq!(outcome.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(7));
    drop(outcome);
    assert_eq!(Arc::strong_count(&first), 1, "no waker is kept");
    assert_eq!(Arc::strong_count(&last), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_times_out_leaves_nothing_and_its_reply_is_late() {
    let registry = registry(10);
    let mut pending = register(&registry);
    let id = pending.id();
    registry.departing(id, 0);
    assert!(timeout(Duration::from_secs(10), pending.outcome()).await.is_err());
    assert!(pending.departed());
    assert_eq!(pending.give_up(), Parting::Departed);

    assert_eq!((registry.pending(), registry.unanswered(0)), (0, 0));
    assert!(!registry.departing(id, 0), "it may not be sent any more");
    assert_eq!(reply(&registry, id, 7), Completion::Late);
    assert_eq!(registry.counts(), counts(0, 1, 0, 0));
}

#[test]
fn a_request_whose_client_is_gone_leaves_nothing() {
    let registry = registry(10);
    let pending = register(&registry);
    let id = pending.id();
    drop(pending);
    assert_eq!(registry.pending(), 0);
    assert!(!registry.departing(id, 0));
    assert_eq!(registry.unanswered(0), 0);
}

#[test]
fn a_second_reply_is_a_duplicate_whether_the_first_was_taken_or_not() {
    let registry = registry(10);
    let pending = register(&registry);
    let id = pending.id();
    assert_eq!(reply(&registry, id, 1), Completion::Answered);
    assert_eq!(reply(&registry, id, 2), Completion::Duplicate);
    assert_eq!(pending.give_up(), Parting::Ended(1));
    assert_eq!(reply(&registry, id, 3), Completion::Duplicate);
    assert_eq!(registry.counts(), counts(1, 0, 2, 0));
}

#[test]
fn a_foreign_reply_is_dropped_before_any_look_up_and_not_counted() {
    let registry = registry(10);
    let pending = register(&registry);
    let of_another_tag = format!("00000000{}", &pending.id().as_text()[8..]);
    let foreign = CorrelationId::parse(of_another_tag.as_bytes()).expect("written like one of ours");
    let completion = registry.complete(foreign, || panic!("nobody waits for this"));
    assert_eq!(completion, Completion::Foreign);
    assert_eq!(registry.counts(), counts(0, 0, 0, 0));
    assert_eq!(registry.pending(), 1);
}

#[test]
fn a_reply_with_our_tag_to_no_request_is_unknown() {
    let registry = registry(10);
    let id = CorrelationId::random(registry.tag());
    assert_eq!(registry.complete(id, || panic!("nobody waits")), Completion::Unknown);
    assert_eq!(registry.counts(), counts(0, 0, 0, 1));
}

#[test]
fn the_last_hundred_thousand_ended_are_remembered_and_never_more_than_twice_as_many() {
    let registry = registry(10);
    let ids: Vec<_> = (0..=2 * REMEMBERED).map(|_| register(&registry).id()).collect();
    assert_eq!(ids.len(), 200_001);
    assert_eq!(reply(&registry, ids[0], 1), Completion::Unknown);
    assert_eq!(reply(&registry, ids[100_001], 1), Completion::Late);
    assert_eq!(reply(&registry, ids[200_000], 1), Completion::Late);
}

#[test]
fn a_retry_asks_again_and_counts_once() {
    let registry = registry(10);
    let pending = register(&registry);
    assert!(!pending.departed());
    for _ in 0..3 {
        assert!(registry.departing(pending.id(), 1));
        assert_eq!(registry.unanswered(1), 1);
    }
    assert!(registry.departing(pending.id(), 2), "it may go by another partition");
    assert_eq!((registry.unanswered(1), registry.unanswered(2)), (0, 1));
    assert!(pending.departed());
}

#[test]
fn what_never_departed_never_will_once_its_waiter_gave_up() {
    let registry = registry(10);
    let pending = register(&registry);
    let id = pending.id();
    assert_eq!(pending.give_up(), Parting::NeverSent);
    assert!(!registry.departing(id, 0));
}

#[test]
fn a_full_registry_takes_no_more_until_one_has_ended() {
    let registry = registry(2);
    let first = register(&registry);
    let _second = register(&registry);
    assert_eq!(registry.register(None).unwrap_err(), RegisterError::Full);
    assert_eq!(registry.pending(), 2);
    drop(first);
    let _third = register(&registry);
    assert_eq!(registry.register(None).unwrap_err(), RegisterError::Full);
}

#[tokio::test]
async fn one_request_can_be_failed_from_our_side() {
    let registry = registry(10);
    let (pending, other) = (register(&registry), register(&registry));
    let id = pending.id();
    assert!(registry.end(id, 413));
    assert!(!registry.end(id, 500), "it has ended");
    assert_eq!(pending.await, 413);
    assert_eq!(reply(&registry, id, 1), Completion::Late);
    assert_eq!((registry.pending(), other.departed()), (1, false));
}

#[tokio::test]
async fn at_shutdown_all_are_failed_and_no_new_ones_taken() {
    let registry = registry(10);
    let (sent, queued) = (register(&registry), register(&registry));
    let answered = register(&registry);
    registry.departing(sent.id(), 0);
    reply(&registry, answered.id(), 200);
    let (sent_id, mut failed) = (sent.id(), 0);

    registry.close();
    assert_eq!(registry.register(None).unwrap_err(), RegisterError::Closed);
    assert_eq!(registry.pending(), 2, "those that are pending go on waiting");
    registry.fail_all(|id| {
        failed += 1;
        // Looking at the registry is fine here.
        assert!(registry.pending() > 0);
        if id == sent_id { 504 } else { 503 }
    });
    assert_eq!(failed, 2);
    assert_eq!((registry.pending(), registry.unanswered(0)), (0, 0));
    assert_eq!((sent.departed(), queued.departed()), (true, false), "still known after the end");
    assert_eq!((sent.await, queued.await, answered.await), (504, 503, 200));
}

#[test]
fn requests_are_counted_by_the_reply_partition_they_name() {
    let registry = registry(10);
    let on = |partition| registry.register(partition).unwrap();
    let (first, second, _other, _none) = (on(Some(0)), on(Some(0)), on(Some(1)), on(None));
    let named = || (registry.pending_naming(0), registry.pending_naming(1), registry.pending_naming(2));
    assert_eq!(named(), (2, 1, 0));
    drop(first);
    assert_eq!(named(), (1, 1, 0));
    reply(&registry, second.id(), 1);
    assert_eq!(named(), (0, 1, 0));
}

#[test]
fn an_outcome_may_use_the_registry_when_it_is_dropped() {
    struct Nosy(Arc<Registry<Self>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            self.0.pending();
        }
    }

    let registry = Registry::new(Tag::random(), 10);
    let pending = registry.register(None).unwrap();
    assert!(registry.end(pending.id(), Nosy(Arc::clone(&registry))));
    assert!(!registry.end(pending.id(), Nosy(Arc::clone(&registry))));
    drop(pending);
    assert_eq!(registry.pending(), 0);
}

//! Time is paused: these tests take none.

use std::future::pending;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_request_reaches_all_clones_early_or_late() {
    let shutdown = Shutdown::manual();
    let (clone, early) = (shutdown.clone(), shutdown.requested());
    assert!(!clone.is_requested());
    shutdown.trigger();
    early.await;
    clone.requested().await;
    assert!(clone.is_requested() && !clone.is_hurried());
}

#[tokio::test]
async fn hurry_is_also_a_request() {
    let shutdown = Shutdown::manual();
    shutdown.hurry();
    shutdown.requested().await;
    shutdown.hurried().await;
    assert!(shutdown.is_requested() && shutdown.is_hurried());
}

#[tokio::test]
async fn services_in_one_process_stop_apart() {
    let (one, other) = (Shutdown::manual(), Shutdown::manual());
    one.trigger();
    assert!(!other.is_requested());
}

#[tokio::test(start_paused = true)]
async fn a_stage_gives_the_result_of_its_work() {
    let work = async {
        tokio::time::sleep(LIMIT / 2).await;
        7
    };
    assert_eq!(Shutdown::manual().stage("drain", LIMIT, work).await, Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_stage_never_exceeds_its_limit() {
    let began = Instant::now();
    assert_eq!(Shutdown::manual().stage("drain", LIMIT, pending::<()>()).await, None);
    assert_eq!(began.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_hurry_cuts_the_stage_under_way() {
    let shutdown = Shutdown::manual();
    let began = Instant::now();
    let hurry = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        shutdown.hurry();
    };
    let (done, ()) = tokio::join!(shutdown.stage("drain", LIMIT, pending::<()>()), hurry);
    assert_eq!((done, began.elapsed()), (None, Duration::from_secs(2) + HURRIED_LIMIT));
}

#[tokio::test(start_paused = true)]
async fn a_stage_in_a_hurry_still_gets_its_moment() {
    let shutdown = Shutdown::manual();
    shutdown.hurry();
    let quick = tokio::time::sleep(HURRIED_LIMIT / 2);
    assert_eq!(shutdown.stage("goodbye", LIMIT, quick).await, Some(()));
    let slow = tokio::time::sleep(HURRIED_LIMIT * 2);
    assert_eq!(shutdown.stage("drain", LIMIT, slow).await, None);
}

#[tokio::test(start_paused = true)]
async fn work_that_is_done_counts_even_with_no_time() {
    let shutdown = Shutdown::manual();
    assert_eq!(shutdown.stage("drain", Duration::ZERO, async { 7 }).await, Some(7));
}

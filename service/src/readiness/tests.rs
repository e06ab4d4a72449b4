use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn nothing_to_wait_for_yet_is_not_ready() {
    assert!(!Readiness::new().is_ready());
}

#[test]
fn it_is_ready_once_every_step_is_done() {
    let readiness = Readiness::new();
    let (kafka, topics) = (readiness.step("kafka"), readiness.step("topics"));
    assert_eq!(readiness.waiting_for(), ["kafka", "topics"]);
    topics.done();
    assert_eq!((readiness.is_ready(), readiness.waiting_for()), (false, vec!["kafka".to_owned()]));
    kafka.done();
    assert_eq!((readiness.is_ready(), readiness.waiting_for()), (true, vec![]));
}

#[test]
fn a_step_given_up_stays_in_the_way() {
    let readiness = Readiness::new();
    drop(readiness.step("kafka"));
    assert_eq!(readiness.waiting_for(), ["kafka"]);
}

#[test]
fn it_never_rises_after_it_fell() {
    let readiness = Readiness::new();
    let step = readiness.step("kafka");
    readiness.fall("shutting down");
    readiness.fall("something else");
    step.done();
    assert!(!readiness.is_ready());
    assert_eq!(readiness.fallen().as_deref(), Some("shutting down"));
}

#[tokio::test]
async fn ready_waits_for_the_last_step() {
    let readiness = Readiness::new();
    let step = readiness.step("kafka");
    let waiting = tokio::spawn({
        let readiness = readiness.clone();
        async move { readiness.ready().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    step.done();
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(readiness.ready().await, Ok(()));
}

#[tokio::test]
async fn ready_gives_up_when_readiness_falls() {
    let readiness = Readiness::new();
    let _step = readiness.step("kafka");
    let waiting = tokio::spawn({
        let readiness = readiness.clone();
        async move { readiness.ready().await }
    });
    readiness.fall("shutting down");
    let fallen = waiting.await.unwrap().unwrap_err();
    assert_eq!(fallen.to_string(), "not ready any more: shutting down");
}

#[test]
fn the_report_shows_readiness_and_live_states_beside_it() {
    let readiness = Readiness::new();
    let step = readiness.step("kafka");
    let reachable = Arc::new(AtomicBool::new(true));
    let shown = Arc::clone(&reachable);
    readiness.show("kafka", move || if shown.load(Ordering::SeqCst) { "reachable" } else { "unreachable" });
    assert_eq!(readiness.report(), json!({"ready": false, "waiting_for": ["kafka"], "kafka": "reachable"}));
    step.done();
    reachable.store(false, Ordering::SeqCst);
    assert_eq!(readiness.report(), json!({"ready": true, "waiting_for": [], "kafka": "unreachable"}));
    readiness.fall("shutting down");
    let report = readiness.report();
    assert_eq!((&report["ready"], &report["fallen"]), (&json!(false), &json!("shutting down")));
}

#[test]
fn a_live_state_cannot_pose_as_readiness() {
    let readiness = Readiness::new();
    readiness.show("ready", || true);
    assert_eq!(readiness.report()["ready"], false);
}

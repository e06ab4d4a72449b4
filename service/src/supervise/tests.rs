use std::future::pending;
use std::time::Instant;

use super::*;

const LONG: Duration = Duration::from_secs(10);

fn tasks() -> (Tasks, Readiness, Shutdown) {
    let (readiness, shutdown) = (Readiness::new(), Shutdown::manual());
    readiness.step("start").done();
    (Tasks::new(readiness.clone(), shutdown.clone()), readiness, shutdown)
}

async fn first_failure(tasks: &Tasks) -> Failure {
    timeout(LONG, tasks.failed()).await.expect("the dead task is reported")
}

#[tokio::test]
async fn a_task_that_ends_by_itself_is_reported_and_readiness_falls() {
    let (tasks, readiness, _) = tasks();
    tasks.spawn("reader", async {});
    let failure = first_failure(&tasks).await;
    assert_eq!(failure.to_string(), "task \"reader\" ended before it was asked to");
    assert!(!readiness.is_ready());
    assert_eq!(readiness.fallen().as_deref(), Some("task \"reader\" ended before it was asked to"));
}

#[tokio::test]
async fn an_error_is_reported_with_its_causes() {
    let (tasks, ..) = tasks();
    tasks.spawn("reader", async { Err(anyhow::anyhow!("connection reset").context("cannot read")) });
    assert_eq!(first_failure(&tasks).await.cause, "failed: cannot read: connection reset");
}

#[tokio::test]
async fn a_panic_is_reported() {
    let (tasks, readiness, _) = tasks();
    tasks.spawn("reader", async { assert!(std::env::args().count() == 0, "a panic on purpose") });
    assert_eq!(first_failure(&tasks).await.cause, "panicked");
    assert!(!readiness.is_ready());
}

#[test]
fn a_task_that_loses_its_runtime_is_reported() {
    let (tasks, readiness, _) = tasks();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inside = runtime.enter();
    tasks.spawn("reader", pending::<()>());
    drop(inside);
    drop(runtime);
    assert_eq!(tasks.failure().unwrap().cause, "was cancelled");
    assert!(!readiness.is_ready());
}

#[tokio::test]
async fn the_first_failure_is_the_one_that_counts() {
    let (tasks, ..) = tasks();
    tasks.spawn("first", async {});
    first_failure(&tasks).await;
    tasks.spawn("second", async {});
    // Stopping waits for the second to have ended too.
    tasks.stop(LONG).await;
    assert_eq!(tasks.failure().unwrap().name, "first");
}

#[tokio::test]
async fn tasks_that_heed_the_shutdown_end_by_themselves_and_are_no_failures() {
    let (tasks, readiness, shutdown) = tasks();
    for name in ["reader", "writer"] {
        tasks.spawn(name, shutdown.requested());
    }
    assert_eq!(tasks.stop(LONG).await, Vec::<String>::new());
    assert!(shutdown.is_requested());
    assert_eq!(tasks.failure(), None);
    assert!(readiness.is_ready(), "it is for the service to lower readiness at shutdown");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_is_aborted_at_the_limit() {
    let (tasks, _, shutdown) = tasks();
    tasks.spawn("good", shutdown.requested());
    tasks.spawn("stubborn", pending::<()>());
    let began = tokio::time::Instant::now();
    assert_eq!(tasks.stop(LONG).await, ["stubborn"]);
    assert_eq!(began.elapsed(), LONG);
    assert!(tasks.board.running.lock().is_empty());
}

#[test]
fn a_task_that_never_yields_does_not_hold_up_the_stop_for_ever() {
    let limit = Duration::from_millis(50);
    let (tasks, ..) = tasks();
    let elsewhere = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (busy, is_busy) = std::sync::mpsc::channel();
    let inside = elsewhere.enter();
    tasks.spawn("busy", async move {
        busy.send(()).unwrap();
        // Ends when the test drops the sender.
        let _ = released.recv();
    });
    drop(inside);
    is_busy.recv_timeout(LONG).unwrap();

    let here = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let began = Instant::now();
    assert_eq!(here.block_on(tasks.stop(limit)), ["busy"]);
    assert!(began.elapsed() < LONG);
    drop(release);
}

#[tokio::test]
async fn tasks_end_with_their_last_owner() {
    let (tasks, ..) = tasks();
    let (alive, mut ended) = tokio::sync::oneshot::channel::<()>();
    tasks.spawn("reader", async move {
        let _alive = alive;
        pending::<()>().await;
    });
    let other = tasks.clone();
    drop(tasks);
    tokio::task::yield_now().await;
    assert!(ended.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty));
    drop(other);
    let result = timeout(LONG, ended).await.expect("the task is gone");
    assert!(result.is_err());
}

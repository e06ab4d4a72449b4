//! A worker and its group: what must not cost it its partitions, and what becomes of commits when something does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use embedded_broker::{ResponseError, Times};
use hash_processor::{Cost, HandlerError, Operations};
use protocol::header::{DEADLINE, Deadline};
use serde_json::{Value, json};
use service::WallClock;

use crate::rig::{GROUP, REQUESTS, RESPONSES, Rig, Running, record};

/// Longer than the session of 6 s.
const LONGER_THAN_A_SESSION: Duration = Duration::from_secs(7);

fn request(id: &str) -> kafka::batch::RawRecord {
    record(format!(r#"{{"id":"{id}","data":"{id}"}}"#), &[])
}

/// One that keeps a core busy, and counts how often it was asked to.
fn burning(cost: Cost, runs: &Arc<AtomicUsize>) -> Operations {
    let runs = Arc::clone(runs);
    Operations::none().with_fn("hash", cost, move |_: Value| {
        runs.fetch_add(1, Ordering::SeqCst);
        let began = Instant::now();
        while began.elapsed() < LONGER_THAN_A_SESSION {
            std::hint::spin_loop();
        }
        Ok::<_, HandlerError>(json!({ "hash": "slow" }))
    })
}

/// The worker never lost a partition, and got its share this often.
async fn undisturbed(processor: &Running, shares: usize) -> Result<()> {
    processor.counted(&format!(r#"processor_rebalances_total{{change="assigned"}} {shares}"#)).await?;
    processor.counted(r#"processor_rebalances_total{change="lost"} 0"#).await?;
    processor.counted("processor_commit_failures_total 0").await
}

#[tokio::test]
async fn a_handler_that_burns_for_longer_than_a_session_costs_nothing() -> Result<()> {
    let burn = async |cost| {
        let rig = Rig::start().await?;
        rig.topics(1)?;
        let runs = Arc::default();
        let processor = rig.processor(burning(cost, &runs)).await?;
        rig.request(&[request("a")]).await?;
        rig.committed(1).await?;
        ensure!(rig.replies(1).await?[0].contains("slow"));
        ensure!(runs.load(Ordering::SeqCst) == 1, "{cost:?}: nobody did it again");
        undisturbed(&processor, 1).await
    };
    // On the worker's one loop, and on a thread beside it.
    tokio::try_join!(burn(Cost::Short), burn(Cost::Heavy))?;
    Ok(())
}

#[tokio::test]
async fn a_coordinator_that_moves_again_and_again_costs_nothing() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    for number in 1..=5 {
        rig.broker.faults().move_coordinator(GROUP);
        rig.request(&[request("a")]).await?;
        rig.committed(number).await?;
    }
    ensure!(rig.broker.log_end(RESPONSES, 0) == Some(5), "each is answered once");
    undisturbed(&processor, 1).await
}

#[tokio::test]
async fn commits_of_an_illegal_generation_are_made_in_the_next() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    for number in 1..=3 {
        rig.broker.faults().fail_group(Some(GROUP), ResponseError::IllegalGeneration, Times::Next(2));
        rig.request(&[request("a")]).await?;
        rig.committed(number).await?;
    }
    ensure!(rig.broker.log_end(RESPONSES, 0) == Some(3), "each is answered once");
    // The partition stayed with it through every generation.
    undisturbed(&processor, 1).await
}

#[tokio::test]
async fn offsets_that_the_group_has_lost_are_committed_anew_and_nothing_is_done_again() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    rig.request(&[request("a"), request("b")]).await?;
    rig.committed(2).await?;
    ensure!(rig.broker.faults().lose_offsets(GROUP));
    ensure!(rig.broker.committed(GROUP, REQUESTS, 0).is_none());
    rig.request(&[request("c")]).await?;
    rig.committed(3).await?;
    ensure!(rig.broker.log_end(RESPONSES, 0) == Some(3), "each is answered once");
    undisturbed(&processor, 1).await
}

#[tokio::test]
async fn a_worker_that_finds_no_offsets_does_what_is_still_wanted_and_no_more() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
    let soon = Deadline::after(now_ms, Duration::from_secs(2)).encode();
    let later = Deadline::after(now_ms, Duration::from_secs(600)).encode();
    let first = rig.processor(Operations::shipped()).await?;
    rig.request(&[
        record(r#"{"id":"soon","data":"x"}"#, &[(DEADLINE, &soon)]),
        record(r#"{"id":"later","data":"x"}"#, &[(DEADLINE, &later)]),
    ])
    .await?;
    rig.committed(2).await?;
    first.stop().await?;
    ensure!(rig.broker.faults().lose_offsets(GROUP));
    let is_past = || u64::try_from(chrono::Utc::now().timestamp_millis()).is_ok_and(|ms| ms > now_ms + 2_000);
    crate::rig::until("the first deadline", is_past).await?;
    let second = rig.processor(Operations::shipped()).await?;
    rig.committed(2).await?;
    let replies = rig.replies(3).await?;
    ensure!(replies.len() == 3 && replies[2].contains("later"), "{replies:?}");
    second.counted(r#"processor_requests_total{operation="hash",outcome="expired"} 1"#).await
}

#[tokio::test]
async fn a_worker_whose_clock_is_half_a_minute_off_drops_nothing_that_is_live() -> Result<()> {
    for skew in [TimeDelta::seconds(30), TimeDelta::seconds(-30)] {
        let rig = Rig::start().await?;
        rig.topics(1)?;
        let clock = WallClock::skewed(skew);
        let processor = Running::start_with(rig.settings(), Operations::shipped(), clock)?;
        processor.ready().await?;
        for number in 1..=5_u32 {
            let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
            let deadline = Deadline::after(now_ms, Duration::from_secs(10)).encode();
            rig.request(&[record(r#"{"id":"live","data":"x"}"#, &[(DEADLINE, &deadline)])]).await?;
            rig.committed(number.into()).await?;
        }
        ensure!(rig.broker.log_end(RESPONSES, 0) == Some(5), "{skew}: all are answered");
        processor.counted(r#"processor_requests_total{operation="hash",outcome="expired"} 0"#).await?;
    }
    Ok(())
}

/// A handler that does not return before what comes with it is dropped.
fn held_up() -> (Sender<()>, Operations) {
    let (until, held) = channel::<()>();
    let held = Mutex::new(held);
    let operations = Operations::none().with_fn("hash", Cost::Heavy, move |_: Value| {
        let _ = held.lock().map(|held| held.recv());
        Ok::<_, HandlerError>(json!({ "hash": "too late" }))
    });
    (until, operations)
}

/// The next owner has never seen the end of the log as its reader. But it had looked there before the requests came, so it
/// knows how old they can be.
#[tokio::test]
async fn what_waited_on_a_partition_taken_over_expires_by_two_clocks_as_well() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let (_until, never) = held_up();
    let first = rig.processor(never).await?;
    first.counted(r#"processor_rebalances_total{change="assigned"} 1"#).await?;
    let ahead = WallClock::skewed(TimeDelta::hours(1));
    let second = Running::start_with(rig.settings(), Operations::shipped(), ahead)?;
    second.ready().await?;

    // By the clock that is ahead all of them are past their deadlines.
    let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
    let wanted_for = |seconds| Deadline::after(now_ms, Duration::from_secs(seconds)).encode();
    let asked = |id: &str, seconds| {
        record(format!(r#"{{"id":"{id}","data":"x"}}"#), &[(DEADLINE, &wanted_for(seconds))])
    };
    rig.request(&[asked("live", 60), asked("dead", 1), asked("alive", 60)]).await?;
    first.counted("processor_in_flight 3").await?;
    // It waits in vain for its handler, for longer than a second.
    first.stop().await?;
    let replies = rig.replies(2).await?;
    ensure!(replies[0].contains("live") && replies[1].contains("alive"), "{replies:?}");
    rig.committed(3).await?;
    second.counted(r#"processor_requests_total{operation="hash",outcome="expired"} 1"#).await
}

/// This next owner has not even been there when the requests came. The leader of the group has, and tells it.
#[tokio::test]
async fn who_starts_late_is_told_how_old_what_waits_can_be() -> Result<()> {
    let rig = Rig::start().await?;
    for (topic, partitions) in [(REQUESTS, 2), (RESPONSES, 1)] {
        rig.broker.create_topic(topic, partitions).expect("it is new");
    }
    let leads = rig.processor(Operations::shipped()).await?;
    leads.counted(r#"processor_rebalances_total{change="assigned"} 1"#).await?;
    let (_until, never) = held_up();
    let holds = rig.processor(never).await?;
    holds.counted(r#"processor_rebalances_total{change="assigned"} 1"#).await?;

    let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis())?;
    let deadline = Deadline::after(now_ms, Duration::from_secs(60)).encode();
    for partition in 0..2 {
        let request = record(r#"{"id":"live","data":"x"}"#, &[(DEADLINE, &deadline)]);
        rig.produce(REQUESTS, partition, &[request]).await?;
    }
    rig.replies(1).await?;
    holds.counted("processor_in_flight 1").await?;
    let ahead = WallClock::skewed(TimeDelta::hours(1));
    let late = Running::start_with(rig.settings(), Operations::shipped(), ahead)?;
    late.ready().await?;
    holds.stop().await?;
    late.counted(r#"processor_requests_total{operation="hash",outcome="answered"} 1"#).await
}

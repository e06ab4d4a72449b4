//! Where the group goes on, seen and set.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kafka::group::set_offsets;
use serde_json::Value;

use crate::stand::{GROUP, REQUESTS, Stand};

const GOOD: &str = r#"{"id":"a","data":"x"}"#;

async fn shown(stand: &Stand) -> Result<Vec<Value>> {
    let out = stand.ok("offsets show --json").await?;
    Ok(out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn show_says_where_the_group_stands_and_who_reads() -> Result<()> {
    let stand = Stand::start(2).await?;
    let before = shown(&stand).await?;
    ensure!(
        before.len() == 2 && before[0]["committed"].is_null() && before[0]["member"].is_null(),
        "{before:?}"
    );
    let worker = stand.worker().await?;
    stand.request(GOOD, &[]).await?;
    stand.until("the commit", || stand.broker.committed(GROUP, REQUESTS, 0) == Some(1)).await?;
    let with = shown(&stand).await?;
    ensure!(with[0]["committed"] == 1 && with[0]["end"] == 1 && with[0]["lag"] == 0, "{with:?}");
    ensure!(with.iter().all(|one| one["member"]["client_id"] == "hash-processor"), "{with:?}");
    let table = stand.ok("offsets show").await?;
    ensure!(table.starts_with("group workers on requests: Stable, 1 member\n"), "{table}");
    worker.stop().await?;
    stand.request(GOOD, &[]).await?;
    let after = shown(&stand).await?;
    ensure!(after[0]["lag"] == 1 && after[0]["member"].is_null(), "{after:?}");
    Ok(())
}

#[tokio::test]
async fn reset_is_refused_while_the_group_has_members_and_says_who() -> Result<()> {
    let stand = Stand::start(1).await?;
    let worker = stand.worker().await?;
    stand.request(GOOD, &[]).await?;
    stand.until("the commit", || stand.broker.committed(GROUP, REQUESTS, 0) == Some(1)).await?;
    let refused = stand.run("offsets reset earliest --yes").await?;
    ensure!(refused.status == 1 && refused.out.is_empty(), "{}", refused.out);
    for part in ["group workers has 1 member; stop them first:", "hash-processor at "] {
        ensure!(refused.err.contains(part), "{part} in {}", refused.err);
    }
    ensure!(stand.broker.committed(GROUP, REQUESTS, 0) == Some(1));
    // The coordinator itself refuses, too: nobody slips in between the look and the write.
    let offsets = BTreeMap::from([(0, 0)]);
    let error = set_offsets(&stand.kafka, GROUP, REQUESTS, &offsets).await.err().context("it is refused")?;
    ensure!(error.kafka().is_some(), "{error}");
    worker.stop().await?;
    stand.ok("offsets reset earliest --yes").await?;
    ensure!(stand.broker.committed(GROUP, REQUESTS, 0) == Some(0));
    Ok(())
}

#[tokio::test]
async fn reset_goes_where_it_is_told_and_only_with_yes() -> Result<()> {
    let stand = Stand::start(2).await?;
    for partition in [0, 0, 0, 1] {
        stand.produce(REQUESTS, partition, GOOD, &[]).await?;
    }
    let committed = || [0, 1].map(|partition| stand.broker.committed(GROUP, REQUESTS, partition));
    let dry = stand.ok("offsets reset latest").await?;
    ensure!(dry.contains("requests/0: would be set from nothing to 3: 3 records skipped\n"), "{dry}");
    ensure!(
        dry.ends_with("2 partitions of group workers would be set; nothing was changed: --yes does it\n"),
        "{dry}"
    );
    ensure!(committed() == [None, None]);
    for (to, expected) in [
        ("latest", [Some(3), Some(1)]),
        ("earliest", [Some(0), Some(0)]),
        ("2 --partition 0", [Some(2), Some(0)]),
        ("0s", [Some(3), Some(1)]),
        ("1h", [Some(0), Some(0)]),
    ] {
        stand.ok(&format!("offsets reset {to} --yes")).await?;
        ensure!(committed() == expected, "{to}: {:?}", committed());
    }
    for (wrong, said) in [
        ("2", "requests/1 holds offsets 0 to 1 (its end), and 2 is none of them"),
        ("0 --partition 2", "requests has no partition 2"),
    ] {
        let refused = stand.run(&format!("offsets reset {wrong} --yes")).await?;
        ensure!(refused.status == 1 && refused.err.contains(said), "{wrong}: {}", refused.err);
    }
    ensure!(stand.run("offsets reset tomorrow").await?.status == 2);
    ensure!(committed() == [Some(0), Some(0)]);
    let again = stand.ok("offsets reset earliest --yes").await?;
    ensure!(again.contains("requests/0: stays at 0") && again.contains("0 partitions"), "{again}");
    Ok(())
}

#[tokio::test]
async fn a_worker_goes_on_where_a_reset_says() -> Result<()> {
    let stand = Stand::start(1).await?;
    for id in ["skipped", "answered"] {
        stand.request(&format!(r#"{{"id":"{id}","data":"x"}}"#), &[]).await?;
    }
    stand.ok("offsets reset 1 --yes").await?;
    let _worker = stand.worker().await?;
    let replies = stand.records(crate::stand::RESPONSES, 0, 1).await?;
    ensure!(crate::stand::value(&replies[0]).contains("answered"), "{replies:?}");
    stand.until("the commit", || stand.broker.committed(GROUP, REQUESTS, 0) == Some(2)).await?;
    ensure!(stand.broker.log_end(crate::stand::RESPONSES, 0) == Some(1));
    Ok(())
}

#[tokio::test]
async fn an_end_for_want_of_a_reader_is_not_one_of_success() -> Result<()> {
    let stand = Stand::start(1).await?;
    ensure!(stand.run_unread("offsets show").await? == Some(141));
    Ok(())
}

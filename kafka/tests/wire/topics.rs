//! Finding and creating topics.

use std::time::Duration;

use anyhow::Result;
use kafka::topics::{self, TopicError, TopicSpec};

use crate::{Broker, unique};

const RETENTION: Duration = Duration::from_mins(10);

fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, retention: RETENTION }
}

#[tokio::test]
async fn creates_what_is_missing_and_leaves_what_is_there() -> Result<()> {
    let broker = Broker::start().await?;
    let specs = [spec(&unique("requests"), 3), spec(&unique("replies"), 5)];
    let states = topics::ensure(&broker.kafka, &specs, true).await?;
    for (state, spec) in states.iter().zip(&specs) {
        assert_eq!((&state.name, state.partitions, state.created), (&spec.name, spec.partitions, true));
        assert_eq!(state.warnings, Vec::<String>::new());
        assert_eq!(topics::partition_count(&broker.kafka, &spec.name).await?, spec.partitions);
    }
    let again = topics::ensure(&broker.kafka, &specs, true).await?;
    assert!(again.iter().all(|state| !state.created && state.warnings.is_empty()), "{again:?}");
    let only_checked = topics::ensure(&broker.kafka, &specs, false).await?;
    assert_eq!(only_checked, again);
    Ok(())
}

#[tokio::test]
async fn says_how_an_existing_topic_differs() -> Result<()> {
    let broker = Broker::start().await?;
    let name = unique("different");
    topics::ensure(&broker.kafka, &[spec(&name, 2)], true).await?;
    let wanted = TopicSpec { retention: Duration::from_hours(24), ..spec(&name, 3) };
    let states = topics::ensure(&broker.kafka, &[wanted], true).await?;
    assert_eq!(states[0].partitions, 2);
    assert!(!states[0].created);
    let [partitions, retention] = &states[0].warnings[..] else { panic!("{:?}", states[0].warnings) };
    assert!(partitions.contains("2 partitions where 3"), "{partitions}");
    assert!(retention.contains("retention.ms 600000 where 86400000"), "{retention}");
    Ok(())
}

#[tokio::test]
async fn names_what_is_missing_when_it_may_not_create() -> Result<()> {
    let broker = Broker::start().await?;
    let (first, second) = (unique("missing"), unique("missing"));
    let error = topics::ensure(&broker.kafka, &[spec(&first, 1), spec(&second, 1)], false).await.unwrap_err();
    assert!(!error.is_transient());
    assert!(error.to_string().contains(&first) && error.to_string().contains(&second), "{error}");
    let error = topics::partition_count(&broker.kafka, &first).await.unwrap_err();
    assert!(matches!(error, TopicError::Missing { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn two_that_create_the_same_topic_both_succeed() -> Result<()> {
    let broker = Broker::start().await?;
    for _ in 0..5 {
        let specs = [spec(&unique("race"), 3)];
        let ensure = || topics::ensure(&broker.kafka, &specs, true);
        let (a, b, c) = tokio::try_join!(ensure(), ensure(), ensure())?;
        assert_eq!([&a, &b, &c].iter().filter(|states| states[0].created).count(), 1);
        assert!([a, b, c].iter().all(|states| states[0].partitions == 3));
    }
    Ok(())
}

#[tokio::test]
async fn passes_on_why_a_topic_is_refused() -> Result<()> {
    let broker = Broker::start().await?;
    let error = topics::ensure(&broker.kafka, &[spec(&unique("none"), 0)], true).await.unwrap_err();
    assert!(matches!(&error, TopicError::Refused { action: "create", .. }), "{error:?}");
    assert!(!error.is_transient(), "{error}");
    Ok(())
}

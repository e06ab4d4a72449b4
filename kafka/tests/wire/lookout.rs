//! An eye on where a topic's partitions end.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use kafka::{
    Lookout,
    batch::{RawRecord, produce_raw},
    topics::{self, TopicSpec},
};

use crate::{Broker, unique};

#[tokio::test]
async fn what_was_not_there_at_the_last_look_is_younger_than_it() -> Result<()> {
    let (broker, topic) = (Broker::start().await?, unique("watched"));
    let mut lookout = Lookout::new(broker.kafka.clone(), &*topic);
    let ends = lookout.past_ends();
    let age = |offset| ends.max_age(0, offset, Instant::now());
    lookout.look().await?;
    let before_it_was_made = Instant::now();
    assert_eq!(age(0), None, "there is nothing that could be old");

    let spec = TopicSpec { name: topic.clone(), partitions: 2, retention: Duration::from_mins(10) };
    topics::ensure(&broker.kafka, &[spec], true).await?;
    let one = RawRecord { value: Some(Bytes::from_static(b"one")), ..RawRecord::default() };
    produce_raw(&broker.kafka, &topic, 0, &[one]).await?;
    lookout.look().await?;
    let first = age(0).context("it came after the first look")?;
    assert!(first >= before_it_was_made.elapsed(), "{first:?}");
    let next = age(1).context("it will come after the second look")?;
    assert!(next < before_it_was_made.elapsed(), "{next:?}");
    assert!(ends.max_age(1, 0, Instant::now()).is_some_and(|age| age < first), "nothing is there yet");
    Ok(())
}

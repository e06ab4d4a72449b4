//! One call over a connection of our own, lied to in every way: an error that names what is wrong, within its time.

use std::time::{Duration, Instant};

use kafka::wire::{self, WireError};
use kafka_protocol::{messages::MetadataRequest, protocol::Request};

use crate::{
    liar::Lie,
    meter,
    stand::{Stand, TOPIC, for_each_lie},
};

/// A call may take so long.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the error says, of which there is one for each lie; none where the truth was told, too.
fn expected(name: &str) -> Option<&'static [&'static str]> {
    Some(match name.split(", about").next().unwrap() {
        "it ends half way, and so does the connection" | "the connection ends" => &["is closed"],
        "a frame of half of it" => &["Metadata v9: "],
        "a frame of 2 GB is announced" => &["frame length 2147483647"],
        "a frame of 60 MB is announced" => &["frame length 60000000"],
        "a frame of less than nothing" => &["frame length -1"],
        "a frame without room for an id" => &["frame length 3"],
        "the answer to another question" => &["correlation id"],
        "every length is two thousand million" | "every length is below zero" => &["broken answer"],
        "everything is nothing" => &["broken answer"],
        "with bytes behind it" => &["3 bytes behind the answer to Metadata v9"],
        "a frame of 8 MB is announced" | "one byte after the other" | "nothing at all" => {
            &["did not answer Metadata within"]
        }
        "twice" => return None,
        other => panic!("what is said of '{other}'?"),
    })
}

async fn is_named(name: String, key: i16, lie: Lie) {
    let stand = Stand::with_timeout(1, TIMEOUT).await;
    let config = stand.kafka.config();
    let mut connection = wire::bootstrap(config).await.unwrap();
    stand.liar.lies(key, lie);
    let began = Instant::now();
    let answer = wire::metadata(&mut connection, Some(&[TOPIC]), config).await;
    let took = began.elapsed();
    assert!(took < TIMEOUT * 4, "{name}: {took:?}");
    let second = wire::metadata(&mut connection, Some(&[TOPIC]), config).await;
    match expected(&name) {
        Some(words) => {
            let error = answer.expect_err(&name);
            let text = error.to_string();
            assert!(words.iter().all(|words| text.contains(words)), "{name}: {text}");
            assert!(matches!(second, Err(WireError::Closed { .. })), "{name}: it is used again: {second:?}");
        }
        None => {
            assert!(answer.is_ok(), "{name}: {answer:?}");
            // What is left over is not the answer to the next question.
            let error = second.expect_err(&name).to_string();
            assert!(error.contains("correlation id"), "{name}: {error}");
        }
    }
    stand.liar.tells_the_truth();
    let mut connection = wire::bootstrap(config).await.unwrap();
    let view = wire::metadata(&mut connection, Some(&[TOPIC]), config).await.unwrap();
    assert_eq!(view.topic(TOPIC).unwrap().partition_count(), 1, "{name}");
}

#[tokio::test]
async fn whatever_is_told_the_error_names_it() {
    for_each_lie(&[MetadataRequest::KEY], is_named).await;
    meter::check();
}

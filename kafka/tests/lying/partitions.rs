//! Partitions that a broker makes up: nobody begins to work on them, however many it says there are.

use kafka::{
    LogPoint, Lookout, log_offsets,
    topics::{self, TopicSpec},
    wire::MAX_PARTITIONS,
};
use kafka_protocol::{
    messages::{MetadataRequest, MetadataResponse, metadata_response::MetadataResponseTopic},
    protocol::Request,
};

use crate::{
    liar::Lie,
    lies::rewritten,
    member::{PARTITIONS, is_a_member_again},
    meter::{self, WithRskafka},
    stand::{PATIENCE, Stand, TOPIC, for_each},
};

const METADATA: i16 = MetadataRequest::KEY;

/// What is told of the topic, and the partition that gives it away.
type Invented = (&'static str, i32, fn(&mut MetadataResponseTopic));

/// There is one more, and its number is none.
const NUMBERS: &[Invented] = &[
    ("the highest number of all", i32::MAX, |told| add(told, i32::MAX)),
    ("one number too high", MAX_PARTITIONS, |told| add(told, MAX_PARTITIONS)),
    ("a number below zero", -1, |told| add(told, -1)),
];

fn add(told: &mut MetadataResponseTopic, number: i32) {
    let first = told.partitions[0].clone();
    told.partitions.push(first.with_partition_index(number));
}

/// So many that an answer has no room for three times as many.
fn crowd(told: &mut MetadataResponseTopic) {
    let first = told.partitions[0].clone();
    told.partitions = (0..100_000).map(|number| first.clone().with_partition_index(number)).collect();
}

fn lie(change: fn(&mut MetadataResponseTopic)) -> Lie {
    rewritten(move |told: &mut MetadataResponse| told.topics.iter_mut().for_each(change))
}

#[tokio::test]
async fn whoever_asks_how_many_there_are_is_told_what_is_wrong() {
    // A crowd takes megabytes, of the broker that tells of it as well.
    let _here = WithRskafka::here();
    let stand = Stand::with_timeout(PARTITIONS, PATIENCE).await;
    let specs = [TopicSpec { name: TOPIC.to_owned(), partitions: PARTITIONS, retention: PATIENCE }];
    let crowd: Invented = ("a hundred thousand", MAX_PARTITIONS, crowd);
    for (name, beyond, change) in NUMBERS.iter().chain([&crowd]) {
        stand.liar.lies(METADATA, lie(*change));
        let mut lookout = Lookout::new(stand.kafka.clone(), TOPIC);
        let errors = [
            topics::partition_count(&stand.kafka, TOPIC).await.unwrap_err().to_string(),
            topics::ensure(&stand.kafka, &specs, true).await.unwrap_err().to_string(),
            log_offsets(&stand.kafka, TOPIC, &[0], LogPoint::Latest).await.unwrap_err().to_string(),
            lookout.look().await.unwrap_err().to_string(),
        ];
        let reason = format!("broken answer: it tells of partition {beyond} of {TOPIC};");
        assert!(errors.iter().all(|error| error.contains(&reason)), "{name}: {errors:?}");
    }
    stand.liar.lies(METADATA, lie(|told| told.partitions.extend_from_within(..)));
    assert_eq!(topics::partition_count(&stand.kafka, TOPIC).await.unwrap(), PARTITIONS, "twice is once");
    meter::check();
}

#[tokio::test]
async fn a_member_goes_on_with_those_that_there_are() {
    let lies = NUMBERS.iter().map(|(name, _, change)| (*name, METADATA, lie(*change))).collect();
    for_each(lies, is_a_member_again).await;
}

//! What this client may do with topics.

use std::collections::HashMap;

use kafka_protocol::{
    messages::{MetadataRequest, TopicName, metadata_request::MetadataRequestTopic},
    protocol::StrBytes,
};

use crate::{
    Backoff, Config, Kafka,
    permissions::{Operation, Operations},
    wire::{Connection, WireError},
};

/// From version 8 on a look-up can ask what is allowed.
const OLDEST_WITH_OPERATIONS: i16 = 8;
const NEWEST_VERSION: i16 = 12;

/// What a program has to be allowed to do with a topic.
pub type Right<'a> = (&'a str, &'a [Operation]);

/// What we may do, for the topics of which the broker tells.
pub(crate) async fn operations(
    connection: &mut Connection,
    names: &[&str],
    config: &Config,
) -> Result<HashMap<String, Operations>, WireError> {
    let versions = OLDEST_WITH_OPERATIONS..=NEWEST_VERSION;
    let Ok(version) = connection.version_within::<MetadataRequest>(versions) else {
        return Ok(HashMap::new());
    };
    let wanted = |name: &&str| {
        let name = TopicName(StrBytes::from_string((*name).to_owned()));
        MetadataRequestTopic::default().with_name(Some(name))
    };
    let request = MetadataRequest::default()
        .with_topics(Some(names.iter().map(wanted).collect()))
        .with_allow_auto_topic_creation(false)
        .with_include_topic_authorized_operations(true);
    let answer = connection.call(&request, version, config.timeout).await?;
    let told = answer.topics.into_iter().filter_map(|topic| {
        Some((topic.name?.to_string(), Operations::read(topic.topic_authorized_operations)?))
    });
    Ok(told.collect())
}

/// Waits until brokers grant all of `rights`, or do not tell, for as long as that takes. What is lacking is logged, once for
/// as long as it is the same, and stands in [`Health::last_error`](crate::Health::last_error) meanwhile. A program that went
/// on without would find out with the first request of somebody else.
pub async fn await_rights(kafka: &Kafka, rights: &[Right<'_>]) {
    let names: Vec<&str> = rights.iter().map(|(topic, _)| *topic).collect();
    let (mut backoff, mut told) = (Backoff::new(), String::new());
    loop {
        let granted = async {
            let mut connection = kafka.any_broker().await?;
            operations(&mut connection, &names, kafka.config()).await
        };
        match granted.await.map(|granted| lacking(rights, &granted)) {
            Ok(None) => return,
            Ok(Some(words)) => {
                kafka.health().asked(Some(&words));
                if words != told {
                    tracing::warn!(
                        reason = words,
                        "Kafka does not let this client do what it has to; trying on"
                    );
                    told = words;
                }
            }
            // The topics were looked up just now, so this will pass.
            Err(error) => kafka.health().asked(Some(&error.in_words())),
        }
        backoff.pause().await;
    }
}

/// What of `rights` is not granted, in words; none if nothing is known to be lacking.
fn lacking(rights: &[Right<'_>], granted: &HashMap<String, Operations>) -> Option<String> {
    let lacking: Vec<_> = rights
        .iter()
        .flat_map(|(topic, wanted)| {
            let lacks = granted.get(*topic).map(|granted| granted.lacks(wanted)).unwrap_or_default();
            lacks.into_iter().map(move |operation| format!("{} on topic {topic}", operation.name()))
        })
        .collect();
    (!lacking.is_empty()).then(|| format!("not allowed: {}; grant it to this client", lacking.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named_and_what_is_not_told_is_not() {
        let rights: [Right<'_>; 2] =
            [("requests", &[Operation::Write]), ("responses", &[Operation::Read, Operation::Describe])];
        let granted = |of_requests: i32, of_responses: i32| {
            let of = [("requests", of_requests), ("responses", of_responses)];
            of.into_iter()
                .filter_map(|(name, bits)| Some((name.to_owned(), Operations::read(bits)?)))
                .collect::<HashMap<_, _>>()
        };
        assert_eq!(lacking(&rights, &HashMap::new()), None);
        assert_eq!(lacking(&rights, &granted(1 << 4, (1 << 3) | (1 << 8))), None);
        assert_eq!(lacking(&rights, &granted(i32::MIN, (1 << 3) | (1 << 8))), None);
        assert_eq!(
            lacking(&rights, &granted(1 << 3, 1 << 8)).unwrap(),
            "not allowed: Write on topic requests, Read on topic responses; grant it to this client"
        );
    }
}

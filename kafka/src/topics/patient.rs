//! Topics for programs that may be started before their cluster.

use super::{TopicError, TopicSpec, TopicState, ensure};
use crate::{Backoff, Kafka};

/// As [`ensure`], for as long as it takes: Kafka may come later than we do, and so may topics that somebody else has to
/// create. Each new kind of trouble is logged once, and handed to `on_trouble`.
pub async fn await_topics(
    kafka: &Kafka,
    specs: &[TopicSpec],
    create: bool,
    mut on_trouble: impl FnMut(&TopicError),
) -> Vec<TopicState> {
    let mut backoff = Backoff::new();
    let mut told = String::new();
    loop {
        let error = match ensure(kafka, specs, create).await {
            Ok(states) => return states,
            Err(error) => error,
        };
        let words = error.to_string();
        if words != told {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the topics are not there yet; trying on"
            );
            told = words;
        }
        on_trouble(&error);
        backoff.pause().await;
    }
}

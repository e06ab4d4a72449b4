//! Topics for programs that may be started before their cluster, and outlive their topics.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;

use super::{TopicError, TopicSpec, TopicState, ensure, missing};
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
        // Who is there may change behind one and the same message.
        let barrier = match &error {
            TopicError::Wire(error) => {
                kafka.health().asked(Some(&error.in_words()));
                error.barrier()
            }
            error => {
                kafka.health().asked(Some(&error.to_string()));
                None
            }
        };
        let words = format!("{error}{}", barrier.unwrap_or_default());
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

/// Between two looks at whether the topics are still there.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// Sees to it that topics which somebody deletes, or a broker forgets, come back: looks every 5 s, and creates what is
/// missing if `create` says so, else says that it is missing. Never returns.
pub async fn keep_topics(kafka: &Kafka, specs: &[TopicSpec], create: bool) -> Infallible {
    let mut told = Vec::new();
    loop {
        sleep(LOOK_AFTER).await;
        // While no broker answers, others say so.
        let Ok(gone) = missing(kafka, specs).await else { continue };
        let news = gone != told;
        if !gone.is_empty() && create {
            tracing::warn!(topics = ?gone, "topics are gone; creating them again");
            if let Err(error) = ensure(kafka, specs, true).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot create the topics");
            }
        } else if !gone.is_empty() && news {
            tracing::error!(topics = ?gone, "topics are gone, and creating them is switched off (KAFKA_CREATE_TOPICS); create them");
        }
        told = gone;
    }
}

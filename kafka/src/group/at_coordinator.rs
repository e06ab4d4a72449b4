//! One question to the coordinator of a group that we do not belong to.

use kafka_protocol::ResponseError;
use tokio::time::{Instant, sleep};

use super::state::Verdict;
use crate::{
    Backoff, Kafka,
    wire::{Connection, WireError, open_coordinator},
};

/// Asks `question` over a connection made for it. While the coordinator is moving or loading it is asked again, for as
/// long as one network call may take in all.
pub(super) async fn at_coordinator<T>(
    kafka: &Kafka,
    group: &str,
    question: impl AsyncFn(&mut Connection) -> Result<T, WireError>,
) -> Result<T, WireError> {
    let config = kafka.config();
    let deadline = Instant::now() + config.timeout;
    let mut backoff = Backoff::default();
    loop {
        let mut coordinator = open_coordinator(kafka, group, None).await?;
        let error = match question(&mut coordinator).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let wait = backoff.next_pause();
        if !error.kafka().is_some_and(is_moving) || Instant::now() + wait >= deadline {
            return Err(error);
        }
        sleep(wait).await;
    }
}

fn is_moving(code: ResponseError) -> bool {
    Verdict::from(code) == Verdict::Elsewhere
}

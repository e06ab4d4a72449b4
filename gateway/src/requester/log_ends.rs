//! Where response partitions end that this gateway was assigned and does not read, for operators to see no lag there.

use std::time::{Duration, Instant};

use kafka::Kafka;
use kafka::wire::WireError;
use tokio_util::task::AbortOnDropHandle;

/// How often they are looked up.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks the ends up in the background: Kafka may be slow to answer, and its owner has other things to do.
pub(crate) struct LogEnds {
    kafka: Kafka,
    topic: String,
    asked_at: Option<Instant>,
    asking: Option<AbortOnDropHandle<Ends>>,
}

/// The offset that comes next on each partition.
type Ends = Result<Vec<(i32, i64)>, WireError>;

impl LogEnds {
    /// Asks nothing yet.
    pub(crate) fn new(kafka: Kafka, topic: String) -> Self {
        Self { kafka, topic, asked_at: None, asking: None }
    }

    /// What was found since the last call, if anything; asks for the ends of `partitions` now and then. To be called
    /// within a tokio runtime.
    pub(crate) fn look(&mut self, partitions: Vec<i32>) -> Vec<(i32, i64)> {
        let answer = self.asking.as_mut().and_then(futures::FutureExt::now_or_never);
        if answer.is_some() {
            self.asking = None;
        }
        let is_due = self.asked_at.is_none_or(|at| at.elapsed() >= INTERVAL);
        if is_due && self.asking.is_none() && !partitions.is_empty() {
            self.asked_at = Some(Instant::now());
            let (kafka, topic) = (self.kafka.clone(), self.topic.clone());
            let ask = async move { kafka::log_ends(&kafka, &topic, &partitions).await };
            self.asking = Some(AbortOnDropHandle::new(tokio::spawn(ask)));
        }
        match answer {
            Some(Ok(Ok(ends))) => ends,
            Some(Ok(Err(error))) => {
                tracing::debug!(%error, "the ends of response partitions are not known");
                Vec::new()
            }
            // It has panicked, which is in the log.
            Some(Err(_)) | None => Vec::new(),
        }
    }
}

//! An eye on the log of every partition of a topic, for those who may have to read one of them later.
//!
//! ```text
//!   time ─┬────────────┬────────────┬──────────────▶
//!         │ ended at 7 │ ended at 9 │ ended at 12        a record at offset 10 was appended after the second look
//!       Lookout      Lookout      Lookout
//! ```
//!
//! A reader knows how old the records can be that it finds once it has seen the end of the log. One that takes a partition
//! over from somebody else has not, and what was appended while the partition was nobody's may have any age for all it can
//! tell. [`PastEnds`] tells it more, by this process's monotonic clock alone, as the reader's own sight does. What a process
//! cannot have seen because it has just started, the leader of its group tells it together with its partitions.

mod past_ends;
mod told;

use std::{
    collections::HashMap,
    convert::Infallible,
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio::time::{MissedTickBehavior, interval};

pub use past_ends::PastEnds;

use crate::{
    Kafka,
    log_ends::ends_at,
    wire::{Connection, ResponseError, WireError, metadata},
};

/// From one look to the next: so much older than they are records may be taken for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks where the partitions of a topic end, again and again, over connections of its own: one to any broker, and one to
/// each leader.
#[derive(Debug)]
pub struct Lookout {
    kafka: Kafka,
    topic: String,
    any_broker: Option<Connection>,
    /// By address.
    leaders: HashMap<String, Connection>,
    last_view: Option<View>,
    past_ends: PastEnds,
}

/// The topic as it was at some moment.
#[derive(Clone, Copy, Debug)]
struct View {
    /// When the question went out.
    asked_at: Instant,
    /// None if there was no such topic.
    id: Option<u128>,
    partitions: i32,
}

impl Lookout {
    /// On `topic`. Touches the network only when it looks.
    pub fn new(kafka: Kafka, topic: impl Into<String>) -> Self {
        Self {
            kafka,
            topic: topic.into(),
            any_broker: None,
            leaders: HashMap::new(),
            last_view: None,
            past_ends: PastEnds::default(),
        }
    }

    /// What was seen, for those who want to know; it goes on growing with each look.
    pub fn past_ends(&self) -> PastEnds {
        self.past_ends.clone()
    }

    /// Looks once a second, for ever, whatever fails.
    pub async fn watch(mut self) -> Infallible {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.look().await {
                let (topic, error) = (&self.topic, &error as &dyn std::error::Error);
                tracing::debug!(topic, error, "cannot see where the partitions end");
            }
        }
    }

    /// Looks once. May be dropped at any time.
    ///
    /// # Errors
    /// If a broker cannot be asked; what others answered counts all the same. Each network call is bounded by the configured
    /// timeout.
    pub async fn look(&mut self) -> Result<(), WireError> {
        let by_leader = self.look_up().await?;
        let (kafka, topic) = (&self.kafka, &self.topic);
        let asked = by_leader.into_iter().map(|(address, partitions)| {
            let kept = self.leaders.remove(&address);
            async move {
                let mut leader = match kept {
                    Some(connection) => connection,
                    None => Connection::open(&address, kafka.config()).await?,
                };
                let asked_at = Instant::now();
                let ends = ends_at(&mut leader, kafka, topic, &partitions).await?;
                Ok((address, leader, asked_at, ends))
            }
        });
        let answers = join_all(asked).await;
        // Nobody leads from where a connection is left.
        self.leaders.clear();
        let mut looked = Ok(());
        for answer in answers {
            match answer {
                Ok((address, leader, asked_at, ends)) => {
                    self.leaders.insert(address, leader);
                    self.past_ends.saw(asked_at, &ends);
                }
                Err(error) => looked = Err(error),
            }
        }
        looked
    }

    /// Who leads which partitions.
    async fn look_up(&mut self) -> Result<HashMap<String, Vec<i32>>, WireError> {
        let mut broker = match self.any_broker.take() {
            Some(connection) => connection,
            None => self.kafka.any_broker().await?,
        };
        let asked_at = Instant::now();
        let view = metadata(&mut broker, Some(&[&self.topic]), self.kafka.config()).await?;
        // One that tells of the past is not kept: the next look asks another.
        self.kafka.heard(broker.address(), &view)?;
        self.any_broker = Some(broker);
        let found = view.topic(&self.topic);
        match found.and_then(|topic| topic.error) {
            None | Some(ResponseError::UnknownTopicOrPartition) => {}
            Some(error) => {
                return Err(WireError::Kafka { what: format!("the look-up of topic {}", self.topic), error });
            }
        }
        let (id, partitions) = found.map_or((None, 0), |topic| (topic.id, topic.partition_count()));
        self.follow(View { asked_at, id, partitions });
        let mut by_leader: HashMap<String, Vec<i32>> = HashMap::new();
        for partition in 0..partitions {
            // During an election nobody can be asked.
            if let Ok(leader) = view.leader(&self.topic, partition) {
                by_leader.entry(leader.address()).or_default().push(partition);
            }
        }
        Ok(by_leader)
    }

    /// What is there and was not at the last look, was empty then. A broker that has just started may not know of all that
    /// is there: a topic counts as gone once another one is there, and no partition of it ever goes.
    fn follow(&mut self, view: View) {
        let is_less =
            |last: View| view.partitions == 0 || (last.id == view.id && view.partitions < last.partitions);
        if self.last_view.is_some_and(|last| last.partitions > 0 && is_less(last)) {
            return;
        }
        if let Some(last) = self.last_view.replace(view) {
            let kept = if last.id == view.id { last.partitions } else { 0 };
            let new: Vec<_> = (kept..view.partitions).map(|partition| (partition, 0)).collect();
            self.past_ends.saw(last.asked_at, &new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Security};

    #[test]
    fn a_broker_that_does_not_know_of_a_topic_yet_makes_nothing_young() {
        let brokers = vec!["localhost:1".to_owned()];
        let (client_id, timeout) = ("test".to_owned(), Duration::from_secs(1));
        let kafka = Kafka::new(Config { brokers, client_id, timeout, security: Security::default() });
        let (mut lookout, start) = (Lookout::new(kafka, "topic"), Instant::now());
        let view = |at, id, partitions| View { asked_at: start + Duration::from_secs(at), id, partitions };
        let now = start + Duration::from_secs(10);
        for (at, id, partitions) in [(0, Some(7), 2), (1, None, 0), (2, Some(7), 1), (3, Some(7), 2)] {
            lookout.follow(view(at, id, partitions));
            assert_eq!(lookout.past_ends.max_age(1, 5, now), None, "{at}");
        }
        lookout.follow(view(4, Some(8), 2));
        assert_eq!(lookout.past_ends.max_age(1, 5, now), Some(Duration::from_secs(7)), "created anew");
        lookout.follow(view(5, Some(8), 3));
        assert_eq!(lookout.past_ends.max_age(2, 0, now), Some(Duration::from_secs(6)), "one more");
    }
}

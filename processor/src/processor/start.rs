//! From settings to a worker: the topics first, then the group.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka::group::{Assignor, GroupConfig, Member};
use kafka::permissions::Operation::{Read, Write};
use kafka::topics::{self, Right, TopicError, TopicSpec, TopicState};
use kafka::{Kafka, Lookout};
use service::readiness::Step;
use service::settings::{KafkaSettings, ProcessorSettings};
use service::traces::Traces;
use service::{Readiness, Shutdown, Tasks, WallClock};
use tokio::time::timeout;

use super::group_view::{GroupView, Membership};
use crate::Operations;
use crate::dead_letters::{DeadLetters, Notices};
use crate::metrics::ProcessorMetrics;
use crate::replies::{AllowedTopics, Replies, ReplyCourier};
use crate::worker::{Budget, Context, HeavyPool, Judge, Spans, Worker};

/// Bytes of records taken and not finished, of all partitions: some of the largest at once, tens of thousands of small
/// ones.
const MAX_IN_FLIGHT_BYTES: usize = 32 << 20;

/// How long the first look at the ends of partitions is waited for. Without it a worker works as well; it takes its own wall
/// clock's word for longer.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// What readiness waits for.
#[derive(Debug)]
pub(super) struct Steps {
    /// A broker has answered.
    kafka: Step,
    /// The topics are there.
    topics: Step,
    /// The group has taken us in.
    group: Step,
}

impl Steps {
    pub(super) fn of(readiness: &Readiness) -> Self {
        Self {
            kafka: readiness.step("kafka"),
            topics: readiness.step("topics"),
            group: readiness.step("group"),
        }
    }
}

/// Everything that a worker is made from.
pub(super) struct Start {
    pub(super) settings: ProcessorSettings,
    pub(super) operations: Operations,
    pub(super) clock: WallClock,
    pub(super) kafka: Kafka,
    pub(super) metrics: Arc<ProcessorMetrics>,
    pub(super) traces: Traces,
    pub(super) readiness: Readiness,
    pub(super) steps: Steps,
    pub(super) group: GroupView,
}

/// How many partitions the topics have that we write to.
struct PartitionCounts {
    responses: i32,
    dead_letters: i32,
}

impl Start {
    /// Works until the shutdown is requested, and through its stages.
    pub(super) async fn work(self, tasks: &Tasks, shutdown: &Shutdown) -> Result<()> {
        let Self { settings, operations, clock, kafka, metrics, traces, readiness, steps, group } = self;
        let (specs, create) = (topic_specs(&settings.kafka), settings.kafka.create_topics);
        let found = tokio::select! {
            biased;
            () = shutdown.requested() => return Ok(()),
            found = find_topics(&specs, create, &kafka, steps.kafka) => found,
        };
        steps.topics.done();
        let (keeper, stopping) = (kafka.clone(), shutdown.requested());
        tasks.spawn("topics", async move {
            tokio::select! {
                () = stopping => {}
                never = topics::keep_topics(&keeper, &specs, create) => match never {}
            }
        });

        let mut lookout = Lookout::new(kafka.clone(), &*settings.kafka.request_topic);
        let (past_ends, stopping) = (lookout.past_ends(), shutdown.requested());
        // Before the group gives us anything.
        let _ = timeout(FIRST_LOOK, lookout.look()).await;
        tasks.spawn("lookout", async move {
            tokio::select! {
                () = stopping => {}
                never = lookout.watch() => match never {}
            }
        });

        let topics = Arc::new(AllowedTopics::new(settings.allowed_reply_topics(), found.responses));
        let letters_to = settings.kafka.dead_letter_topic();
        let (dead_letters, writer) = DeadLetters::new(kafka.clone(), letters_to, found.dead_letters, clock);
        let trouble = dead_letters.trouble();
        metrics.show_dead_letters(trouble.clone());
        readiness.show("dead_letters", move || trouble.shown());
        tasks.spawn("dead letters", writer);
        let courier = ReplyCourier { metrics: Arc::clone(&metrics) };
        let context = Context {
            request_topic: settings.kafka.request_topic.clone(),
            replies: Replies::new(kafka.clone(), Arc::clone(&topics), courier),
            judge: Arc::new(Judge { operations, topics, max_age: settings.max_age }),
            dead_letters,
            notices: Notices::default(),
            heavy: HeavyPool::new(settings.heavy_threads),
            metrics,
            spans: Spans {
                traces,
                client_id: settings.kafka.client_id.clone(),
                group_id: settings.group_id.clone(),
                request_topic: settings.kafka.request_topic.clone(),
            },
            max_in_flight: settings.max_in_flight,
            budget: Budget::of_bytes(MAX_IN_FLIGHT_BYTES),
            clock,
            past_ends: past_ends.clone(),
            kafka: kafka.clone(),
        };
        let mut config =
            GroupConfig::new(settings.group_id, settings.kafka.request_topic, Assignor::CooperativeSticky);
        config.past_ends = Some(past_ends);
        let member =
            Member::join(kafka, config).context("the thread of the group's member cannot be started")?;
        let membership = Membership { view: group, joined: Some(steps.group) };
        Ok(Worker::new(Arc::new(context), member, membership).run(shutdown).await?)
    }
}

/// The topics of a worker: requests, responses, dead letters.
pub(crate) fn topic_specs(settings: &KafkaSettings) -> [TopicSpec; 3] {
    let spec = |name: String, retention| TopicSpec { name, partitions: settings.partitions, retention };
    [
        spec(settings.request_topic.clone(), KafkaSettings::REQUEST_RETENTION),
        spec(settings.response_topic.clone(), KafkaSettings::RESPONSE_RETENTION),
        spec(settings.dead_letter_topic(), KafkaSettings::DEAD_LETTER_RETENTION),
    ]
}

/// Finds the topics, or creates them; as long as it takes, since Kafka may come later than we do, and so may topics
/// that somebody else has to create.
async fn find_topics(
    specs: &[TopicSpec; 3],
    create: bool,
    kafka: &Kafka,
    connected: Step,
) -> PartitionCounts {
    let mut connected = Some(connected);
    // A broker that refuses has answered.
    let on_trouble = |error: &TopicError| {
        if !matches!(error, TopicError::Wire(_))
            && let Some(connected) = connected.take()
        {
            connected.done();
        }
    };
    let found = topics::await_topics(kafka, specs, create, on_trouble).await;
    if let Some(connected) = connected {
        connected.done();
    }
    let [requests, responses, dead_letters]: [TopicState; 3] =
        found.try_into().expect("one state for each topic asked for");
    let rights: [Right<'_>; 3] =
        [(&requests.name, &[Read]), (&responses.name, &[Write]), (&dead_letters.name, &[Write])];
    topics::await_rights(kafka, &rights).await;
    PartitionCounts { responses: responses.partitions, dead_letters: dead_letters.partitions }
}

//! The metrics of one process's handles, encoded when somebody scrapes.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::{Operations, Reads, Sends, operations::OperationsSum, tallies::BATCH_SIZES};
use crate::Kafka;

/// Upper bounds of the batch sizes; the last holds all that are larger.
const BATCH_BOUNDS: [f64; BATCH_SIZES] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, f64::INFINITY];

/// The metrics of all handles that a process works with.
pub struct KafkaMetrics {
    handles: Box<dyn Fn() -> Vec<Kafka> + Send + Sync>,
}

impl KafkaMetrics {
    /// Of the handles that `handles` gives at the time of each scrape. It must not block.
    pub fn of(handles: impl Fn() -> Vec<Kafka> + Send + Sync + 'static) -> Self {
        Self { handles: Box::new(handles) }
    }
}

impl fmt::Debug for KafkaMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaMetrics").finish_non_exhaustive()
    }
}

impl Collector for KafkaMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let handles = (self.handles)();
        let sends = gather(&handles, |kafka| kafka.tallies().each_sends());
        let reads = gather(&handles, |kafka| kafka.tallies().each_reads());
        let commits = gather(&handles, |kafka| kafka.tallies().each_commits());
        encode_operations(&mut encoder, &sends, &commits)?;
        encode_sent(&mut encoder, &sends)?;
        encode_consumed(&mut encoder, &reads)?;
        encode_batches(&mut encoder, &sends)?;
        encode_connections(&mut encoder, &handles)
    }
}

/// By key, what each handle has.
type Gathered<K, T> = BTreeMap<K, Vec<Arc<T>>>;

fn gather<K: Ord, T>(handles: &[Kafka], of: impl Fn(&Kafka) -> BTreeMap<K, Arc<T>>) -> Gathered<K, T> {
    let mut gathered = Gathered::new();
    for (key, cells) in handles.iter().flat_map(of) {
        gathered.entry(key).or_insert_with(Vec::new).push(cells);
    }
    gathered
}

fn sum<'a>(cells: impl IntoIterator<Item = &'a AtomicU64>) -> u64 {
    cells.into_iter().map(|cell| cell.load(Relaxed)).sum()
}

fn encode_operations(
    encoder: &mut DescriptorEncoder<'_>,
    sends: &Gathered<String, Sends>,
    commits: &Gathered<(String, String), Operations>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "messaging_client_operation_duration_seconds",
        "Calls to Kafka: appends of a batch (send) and commits of offsets (commit).",
        None,
        MetricType::Histogram,
    )?;
    for (topic, sends) in sends {
        encode_operation(&mut metric, ["send", topic, ""], sends.iter().map(|sends| &sends.operations))?;
    }
    for ((topic, group), commits) in commits {
        encode_operation(&mut metric, ["commit", topic, group], commits.iter().map(|cells| &**cells))?;
    }
    Ok(())
}

fn encode_operation<'a>(
    metric: &mut MetricEncoder<'_>,
    [operation, topic, group]: [&str; 3],
    cells: impl Iterator<Item = &'a Operations>,
) -> fmt::Result {
    let mut sum = OperationsSum::default();
    cells.for_each(|cells| cells.add_to(&mut sum));
    for (error, durations) in sum.series() {
        let labels = [
            ("messaging_system", "kafka"),
            ("messaging_operation_name", operation),
            ("messaging_destination_name", topic),
            ("messaging_consumer_group_name", group),
            ("error_type", error),
        ];
        durations.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn encode_sent(encoder: &mut DescriptorEncoder<'_>, sends: &Gathered<String, Sends>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "messaging_client_sent_messages",
        "Records that Kafka acknowledged, or refused for good.",
        None,
        MetricType::Counter,
    )?;
    for (topic, sends) in sends {
        let ends = [
            ("", sum(sends.iter().map(|sends| &sends.acknowledged))),
            ("too_large", sum(sends.iter().map(|sends| &sends.too_large))),
            ("refused", sum(sends.iter().map(|sends| &sends.refused))),
        ];
        for (error, count) in ends {
            let labels = [
                ("messaging_system", "kafka"),
                ("messaging_operation_name", "send"),
                ("messaging_destination_name", topic),
                ("error_type", error),
            ];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
        }
    }
    Ok(())
}

fn encode_consumed(encoder: &mut DescriptorEncoder<'_>, reads: &Gathered<String, Reads>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "messaging_client_consumed_messages",
        "Records read, those for others and unreadable ones included.",
        None,
        MetricType::Counter,
    )?;
    for (topic, reads) in reads {
        let labels = [
            ("messaging_system", "kafka"),
            ("messaging_operation_name", "poll"),
            ("messaging_destination_name", topic),
        ];
        let count = sum(reads.iter().map(|reads| &reads.records));
        metric.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the scraper stores floats")]
fn encode_batches(encoder: &mut DescriptorEncoder<'_>, sends: &Gathered<String, Sends>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "kafka_produce_batch_records",
        "Records of the acknowledged appends.",
        None,
        MetricType::Histogram,
    )?;
    for (topic, sends) in sends {
        let sizes: [u64; BATCH_SIZES] =
            std::array::from_fn(|class| sum(sends.iter().map(|sends| &sends.batch_sizes[class])));
        let records = sum(sends.iter().map(|sends| &sends.acknowledged)) as f64;
        let buckets: Vec<_> = BATCH_BOUNDS.into_iter().zip(sizes).collect();
        let labels = [("messaging_destination_name", topic.as_str())];
        metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            records,
            sizes.iter().sum(),
            &buckets,
            None,
        )?;
    }
    Ok(())
}

fn encode_connections(encoder: &mut DescriptorEncoder<'_>, handles: &[Kafka]) -> fmt::Result {
    let views: Vec<_> = handles.iter().map(|kafka| kafka.health().subscribe().borrow().clone()).collect();
    let mut metric = encoder.encode_descriptor(
        "kafka_connections",
        "Connections that write or read, by whether they work.",
        None,
        MetricType::Gauge,
    )?;
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (up, down) = (views.iter().map(|view| view.up).sum(), views.iter().map(|view| view.down).sum());
    metric.encode_family(&[("state", "up")])?.encode_gauge(&count(up))?;
    metric.encode_family(&[("state", "down")])?.encode_gauge(&count(down))?;
    encoder
        .encode_descriptor(
            "kafka_connection_failures",
            "Connections that worked and failed.",
            None,
            MetricType::Counter,
        )?
        .encode_counter::<NoLabelSet, u64, u64>(&views.iter().map(|view| view.falls).sum(), None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::{encoding::text::encode, registry::Registry};

    use super::*;
    use crate::{Config, metrics::ErrorType};

    fn kafka() -> Kafka {
        let brokers = vec!["localhost:1".to_owned()];
        Kafka::new(Config {
            brokers,
            client_id: "test".to_owned(),
            timeout: Duration::from_secs(1),
            security: crate::Security::default(),
        })
    }

    #[test]
    fn what_several_handles_counted_is_one_sum() {
        let handles = [kafka(), kafka()];
        for kafka in &handles {
            let sends = kafka.tallies().sends("requests");
            sends.acknowledged(3, Duration::from_millis(1));
            sends.failed(ErrorType::Timeout, Duration::from_secs(5));
            sends.refused(1, true);
            kafka.tallies().reads("replies").got(2);
            kafka.tallies().commits("replies", "group").ended(Duration::from_millis(2), None);
        }
        let mut registry = Registry::default();
        registry.register_collector(Box::new(KafkaMetrics::of(move || handles.to_vec())));
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        for line in [
            "messaging_client_sent_messages_total{messaging_system=\"kafka\",messaging_operation_name=\"send\",\
             messaging_destination_name=\"requests\",error_type=\"\"} 6",
            "messaging_client_sent_messages_total{messaging_system=\"kafka\",messaging_operation_name=\"send\",\
             messaging_destination_name=\"requests\",error_type=\"too_large\"} 2",
            "messaging_client_consumed_messages_total{messaging_system=\"kafka\",messaging_operation_name=\"poll\",\
             messaging_destination_name=\"replies\"} 4",
            "messaging_client_operation_duration_seconds_count{messaging_system=\"kafka\",\
             messaging_operation_name=\"send\",messaging_destination_name=\"requests\",\
             messaging_consumer_group_name=\"\",error_type=\"timeout\"} 2",
            "messaging_client_operation_duration_seconds_count{messaging_system=\"kafka\",\
             messaging_operation_name=\"commit\",messaging_destination_name=\"replies\",\
             messaging_consumer_group_name=\"group\",error_type=\"\"} 2",
            "kafka_produce_batch_records_sum{messaging_destination_name=\"requests\"} 6.0",
            "kafka_produce_batch_records_bucket{le=\"4.0\",messaging_destination_name=\"requests\"} 2",
            "kafka_produce_batch_records_bucket{le=\"+Inf\",messaging_destination_name=\"requests\"} 2",
            "kafka_connections{state=\"up\"} 0",
            "kafka_connection_failures_total 0",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} in\n{page}");
        }
    }
}

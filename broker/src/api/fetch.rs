//! Fetch: at once if there is enough, else as soon as there is, else when the reader's patience ends.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::future::select_all;
use kafka_protocol::{
    ResponseError,
    messages::{
        FetchRequest, FetchResponse,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::{FetchableTopicResponse, PartitionData},
    },
};
use tokio::time::{Instant, sleep_until};

use crate::{
    dispatch::Call,
    faults::{Effect, Point},
    log::{Partition, ReadError, Slice},
};

/// What one answer holds at most, however much the reader would take; Kafka's default.
const MAX_ANSWER: usize = 55 << 20;

/// One look at every partition that was asked for.
struct Look {
    response: FetchResponse,
    bytes: usize,
    failed: bool,
}

pub(crate) async fn answer(call: &Call<'_>, request: &FetchRequest) -> FetchResponse {
    if request.session_id != 0 {
        // No session is ever opened here (every answer says so with id 0), so this one is unknown.
        return FetchResponse::default().with_error_code(ResponseError::FetchSessionIdNotFound.code());
    }
    let patience = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let enough = usize::try_from(request.min_bytes).unwrap_or(0);
    let mut patience_ends = pin!(sleep_until(Instant::now() + patience));
    loop {
        let logs = logs(call, request);
        // Wait first, look second: an append between the two would wake nobody if it were the other way round.
        let mut changes: Vec<_> =
            logs.iter().flatten().flatten().map(|log| Box::pin(log.changed())).collect();
        for change in &mut changes {
            change.as_mut().enable();
        }
        let look = look(call, request, &logs);
        if look.failed || look.bytes >= enough || patience_ends.is_elapsed() {
            return look.response.with_throttle_time_ms(call.throttle_ms());
        }
        if changes.is_empty() {
            patience_ends.as_mut().await;
        } else {
            tokio::select! {
                _ = select_all(changes) => {}
                () = patience_ends.as_mut() => {}
            }
        }
    }
}

/// The partitions that were asked for, in the request's order; `None` where there is no such partition.
fn logs(call: &Call<'_>, request: &FetchRequest) -> Vec<Vec<Option<Arc<Partition>>>> {
    let find = |topic: &FetchTopic| {
        let found = call.node.state.topics.get(&topic.topic);
        let log = |wanted: &FetchPartition| found.as_ref()?.partition(wanted.partition).cloned();
        topic.partitions.iter().map(log).collect()
    };
    request.topics.iter().map(find).collect()
}

fn look(call: &Call<'_>, request: &FetchRequest, logs: &[Vec<Option<Arc<Partition>>>]) -> Look {
    let mut room = usize::try_from(request.max_bytes).unwrap_or(0).min(MAX_ANSWER);
    let (mut bytes, mut failed) = (0, false);
    let mut responses = Vec::with_capacity(request.topics.len());
    for (topic, logs) in request.topics.iter().zip(logs) {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for (wanted, log) in topic.partitions.iter().zip(logs) {
            let refused = match call.node.faults.strike(Point::Fetch, &topic.topic) {
                Some(Effect::Error(error)) => Err(error),
                _ => call.node.faults.check_leader(&topic.topic, wanted.partition),
            };
            let read = match refused {
                Err(error) => Err(ReadError { error, bounds: None }),
                Ok(()) => read(log.as_deref(), wanted, room, bytes == 0),
            };
            let size = read.as_ref().map_or(0, |slice| slice.batches.iter().map(Bytes::len).sum());
            bytes += size;
            room = room.saturating_sub(size);
            failed |= read.is_err();
            partitions.push(partition_data(wanted.partition, read));
        }
        responses.push(
            FetchableTopicResponse::default().with_topic(topic.topic.clone()).with_partitions(partitions),
        );
    }
    Look { response: FetchResponse::default().with_responses(responses), bytes, failed }
}

fn read(
    log: Option<&Partition>,
    wanted: &FetchPartition,
    room: usize,
    first: bool,
) -> Result<Slice, ReadError> {
    let log = log.ok_or(ReadError { error: ResponseError::UnknownTopicOrPartition, bounds: None })?;
    let own_limit = usize::try_from(wanted.partition_max_bytes).unwrap_or(0);
    log.read(wanted.fetch_offset, own_limit.min(room), first)
}

fn partition_data(index: i32, read: Result<Slice, ReadError>) -> PartitionData {
    let data = PartitionData::default().with_partition_index(index);
    let (data, bounds) = match read {
        Ok(slice) => (data.with_records(Some(concatenated(slice.batches))), Some(slice.bounds)),
        Err(failure) => {
            (data.with_records(Some(Bytes::new())).with_error_code(failure.error.code()), failure.bounds)
        }
    };
    let (start, end) = bounds.map_or((-1, -1), |bounds| (bounds.start, bounds.end));
    data.with_high_watermark(end).with_last_stable_offset(end).with_log_start_offset(start)
}

/// Batches one after the other; a single one is shared with the log, not copied.
fn concatenated(mut batches: Vec<Bytes>) -> Bytes {
    if batches.len() == 1 {
        return batches.swap_remove(0);
    }
    let mut all = BytesMut::with_capacity(batches.iter().map(Bytes::len).sum());
    for batch in batches {
        all.extend_from_slice(&batch);
    }
    all.freeze()
}

//! Produce, and the producer ids that idempotent producers ask for first.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse, ProducerId,
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
    },
};

use super::code;
use crate::{
    dispatch::{Call, Refusal},
    faults::{Effect, Point},
    log::{Batch, Limits},
};

/// Appends what a producer sent. `None`: it asked for no answer (acks=0). Fails if a fault takes the answer away.
pub(crate) fn answer(call: &Call<'_>, request: ProduceRequest) -> Result<Option<ProduceResponse>, Refusal> {
    let mut responses = Vec::with_capacity(request.topic_data.len());
    let refused = match (request.acks, &request.transactional_id) {
        (-1..=1, None) => None,
        (-1..=1, Some(_)) => Some(ResponseError::InvalidTxnState),
        _ => Some(ResponseError::InvalidRequiredAcks),
    };
    for topic in request.topic_data {
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let appended = match refused {
                None => append(call, &topic.name, data.index, data.records),
                Some(error) => Err(error),
            };
            let strike = || call.node.faults.strike(Point::Acknowledge, &topic.name);
            let acknowledged = match (appended, appended.ok().and_then(|_| strike())) {
                (Ok(_), Some(Effect::Disconnect)) => return Err(Refusal::AskedFor),
                (Ok(_), Some(Effect::Error(error))) => Err(error),
                (appended, _) => appended,
            };
            let response = PartitionProduceResponse::default().with_index(data.index);
            partitions.push(match acknowledged {
                Ok((base, start)) => response.with_base_offset(base).with_log_start_offset(start),
                Err(error) => response.with_error_code(error.code()).with_base_offset(-1),
            });
        }
        responses
            .push(TopicProduceResponse::default().with_name(topic.name).with_partition_responses(partitions));
    }
    if request.acks == 0 {
        return Ok(None);
    }
    let response = ProduceResponse::default().with_responses(responses);
    Ok(Some(response.with_throttle_time_ms(call.throttle_ms())))
}

/// Appends to one partition and returns the first offset and the log's start.
fn append(
    call: &Call<'_>,
    topic_name: &str,
    partition: i32,
    records: Option<Bytes>,
) -> Result<(i64, i64), ResponseError> {
    if let Some(Effect::Error(error)) = call.node.faults.strike(Point::Produce, topic_name) {
        return Err(error);
    }
    let topic = call.node.state.topics.get(topic_name).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let log = topic.partition(partition).ok_or(ResponseError::UnknownTopicOrPartition)?;
    call.node.faults.check_leader(topic_name, partition)?;
    let records = records.filter(|records| !records.is_empty()).ok_or(ResponseError::InvalidRecord)?;
    let limits = Limits {
        max_bytes: topic.settings.max_message_bytes(&call.node.config),
        allow_zstd: call.version >= 7,
    };
    Batch::check(&records, limits)?;
    log.append(&records)
}

/// Hands out a producer id. Transactions are not spoken here, so a transactional producer gets none.
pub(crate) fn init_producer_id(call: &Call<'_>, request: &InitProducerIdRequest) -> InitProducerIdResponse {
    let refused = request.transactional_id.is_some().then_some(ResponseError::InvalidRequest);
    let response = InitProducerIdResponse::default().with_error_code(code(refused));
    if refused.is_some() {
        return response.with_producer_id(ProducerId(-1)).with_producer_epoch(-1);
    }
    let id = call.node.state.next_producer_id.fetch_add(1, Ordering::Relaxed);
    response.with_producer_id(ProducerId(id)).with_producer_epoch(0)
}

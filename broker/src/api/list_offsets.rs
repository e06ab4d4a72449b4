//! ListOffsets: where a partition begins and ends, and where a time is in it.

use kafka_protocol::{
    ResponseError,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
};

use super::code;
use crate::{dispatch::Call, log::Partition};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIMESTAMP: i64 = -3;

/// What an answer holds where there is no such record.
const NONE: (i64, i64) = (-1, -1);

pub(crate) fn answer(call: &Call<'_>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = call.node.state.topics.get(&wanted.name);
        let partitions = wanted.partitions.iter().map(|partition| {
            let log = topic.as_ref().and_then(|topic| topic.partition(partition.partition_index));
            let led = call.node.faults.check_leader(&wanted.name, partition.partition_index);
            let found = log
                .ok_or(ResponseError::UnknownTopicOrPartition)
                .and_then(|log| led.and_then(|()| find(log, partition.timestamp, call.version)));
            let (offset, timestamp) = found.unwrap_or(NONE);
            let response = ListOffsetsPartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code(found.err()))
                .with_offset(offset)
                .with_timestamp(timestamp);
            let knows_epochs = call.version >= 4 && offset >= 0;
            if knows_epochs { response.with_leader_epoch(0) } else { response }
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default().with_name(wanted.name).with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// The record a timestamp, or one of the protocol's special values, means: (offset, timestamp).
fn find(log: &Partition, timestamp: i64, version: i16) -> Result<(i64, i64), ResponseError> {
    match timestamp {
        LATEST => Ok((log.bounds().end, -1)),
        EARLIEST => Ok((log.bounds().start, -1)),
        NEWEST_TIMESTAMP if version >= 7 => Ok(log.newest_timestamp().unwrap_or(NONE)),
        0.. => Ok(log.find_timestamp(timestamp).unwrap_or(NONE)),
        _ => Err(ResponseError::InvalidRequest),
    }
}

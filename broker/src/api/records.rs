//! DeleteRecords: moving the beginning of a log.

use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    },
};

use super::code;
use crate::dispatch::Call;

pub(crate) fn delete(call: &Call<'_>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = call.node.state.topics.get(&wanted.name);
        let partitions = wanted.partitions.iter().map(|partition| {
            let led = call.node.faults.check_leader(&wanted.name, partition.partition_index);
            let start = topic
                .as_ref()
                .and_then(|topic| topic.partition(partition.partition_index))
                .ok_or(ResponseError::UnknownTopicOrPartition)
                .and_then(|log| led.and_then(|()| log.delete_before(partition.offset)));
            DeleteRecordsPartitionResult::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code(start.err()))
                .with_low_watermark(start.unwrap_or(-1))
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default().with_name(wanted.name).with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

//! Every API in every version that is advertised: what is sent parses, what comes back parses, and means the same.

use kafka_protocol::{
    messages::{
        ApiVersionsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest,
        DeleteTopicsRequest, DescribeConfigsRequest, DescribeGroupsRequest, FetchRequest,
        FindCoordinatorRequest, InitProducerIdRequest, ListGroupsRequest, ListOffsetsRequest,
        MetadataRequest, ProduceRequest,
        create_partitions_request::CreatePartitionsTopic,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        describe_configs_request::DescribeConfigsResource,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
    },
    protocol::Request,
};

use crate::support::*;

/// The versions of `R` that the broker advertises.
async fn versions<R: Request>(connection: &mut Connection) -> std::ops::RangeInclusive<i16> {
    let offered = connection.call(&ApiVersionsRequest::default(), 0).await;
    let api = offered.api_keys.iter().find(|api| api.api_key == R::KEY).expect("the API is advertised");
    api.min_version..=api.max_version
}

#[tokio::test]
async fn api_versions() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    for version in versions::<ApiVersionsRequest>(&mut connection).await {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(if version >= 3 { text("test") } else { text("") })
            .with_client_software_version(if version >= 3 { text("1") } else { text("") });
        let offered = connection.call(&request, version).await;
        assert_eq!(offered.error_code, 0);
        assert!(offered.api_keys.iter().all(|api| api.min_version <= api.max_version));
        assert!(offered.api_keys.iter().all(|api| api.api_key != 69), "no ConsumerGroupDescribe");
    }
    broker.stop().await;
}

#[tokio::test]
async fn produce_and_fetch() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let mut next = 0;
    for version in versions::<ProduceRequest>(&mut connection).await {
        let response = connection.call(&produce_request("t", 0, batch(&["a", "b"])), version).await;
        assert_eq!(produced(&response), Ok(next), "v{version}");
        next += 2;
    }
    for version in versions::<FetchRequest>(&mut connection).await {
        let response = connection.call(&fetch_request("t", next - 2, PATIENCE), version).await;
        assert_eq!(fetched(&response).unwrap(), ["a", "b"], "v{version}");
        assert_eq!(response.responses[0].partitions[0].high_watermark, next);
    }
    broker.stop().await;
}

#[tokio::test]
async fn list_offsets() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", "a").await.unwrap();
    for version in versions::<ListOffsetsRequest>(&mut connection).await {
        for (timestamp, offset) in [(-1, 1), (-2, 0), (0, 0), (1_000, 0), (1_001, -1)] {
            let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
            let wanted = ListOffsetsTopic::default().with_name(topic("t")).with_partitions(vec![partition]);
            let request = ListOffsetsRequest::default().with_topics(vec![wanted]);
            let response = connection.call(&request, version).await;
            let found = &response.topics[0].partitions[0];
            assert_eq!((found.error_code, found.offset), (0, offset), "v{version} {timestamp}");
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn metadata() {
    let broker = start().await;
    broker.create_topic("t", 3).unwrap();
    let mut connection = Connection::open(&broker).await;
    for version in versions::<MetadataRequest>(&mut connection).await {
        let named = MetadataRequestTopic::default().with_name(Some(topic("t")));
        let missing = MetadataRequestTopic::default().with_name(Some(topic("missing")));
        let request = MetadataRequest::default().with_topics(Some(vec![named, missing]));
        let response = connection.call(&request, version).await;
        assert_eq!(response.brokers.len(), 1);
        assert_eq!(response.brokers[0].port, i32::from(broker.addr().port()));
        assert_eq!(response.topics[0].partitions.len(), 3, "v{version}");
        assert_eq!(response.topics[1].error_code, 3, "v{version}");
        let everything = if version == 0 { Some(Vec::new()) } else { None };
        let response = connection.call(&MetadataRequest::default().with_topics(everything), version).await;
        assert_eq!(response.topics.len(), 1, "v{version}");
    }
    assert_eq!(broker.topic_names(), ["t"], "nothing is created by looking");
    broker.stop().await;
}

#[tokio::test]
async fn topics_and_their_settings() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    for version in versions::<CreateTopicsRequest>(&mut connection).await {
        let retention = CreatableTopicConfig::default()
            .with_name(text("retention.ms"))
            .with_value(Some(text("86400000")));
        let wanted = CreatableTopic::default()
            .with_name(topic(&format!("t{version}")))
            .with_num_partitions(if version >= 4 { -1 } else { 1 })
            .with_replication_factor(if version >= 4 { -1 } else { 1 })
            .with_configs(vec![retention]);
        let request = CreateTopicsRequest::default().with_topics(vec![wanted]);
        assert_eq!(connection.call(&request, version).await.topics[0].error_code, 0, "v{version}");
        assert_eq!(connection.call(&request, version).await.topics[0].error_code, 36, "v{version}");
        assert_eq!(broker.partition_count(&format!("t{version}")), Some(1));
    }
    for version in versions::<DescribeConfigsRequest>(&mut connection).await {
        let resource = |kind, name: &str| {
            DescribeConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(text(name))
                .with_configuration_keys(None)
        };
        let request = DescribeConfigsRequest::default().with_resources(vec![
            resource(2, "t2"),
            resource(4, "1"),
            resource(2, "missing"),
        ]);
        let response = connection.call(&request, version).await;
        let setting = |name: &str| {
            let found = response.results[0].configs.iter().find(|config| config.name.as_str() == name);
            found.and_then(|config| config.value.clone()).expect("the setting is there").to_string()
        };
        assert_eq!(setting("retention.ms"), "86400000", "v{version}");
        assert_eq!(setting("max.message.bytes"), "1048588");
        assert_eq!(setting("min.insync.replicas"), "1");
        assert!(response.results[1].configs.len() > 3);
        assert_eq!(response.results[2].error_code, 3);
    }
    for version in versions::<CreatePartitionsRequest>(&mut connection).await {
        let total = 2 + i32::from(version);
        let wanted =
            CreatePartitionsTopic::default().with_name(topic("t2")).with_count(total).with_assignments(None);
        let request = CreatePartitionsRequest::default().with_topics(vec![wanted]);
        assert_eq!(connection.call(&request, version).await.results[0].error_code, 0, "v{version}");
        assert_eq!(broker.partition_count("t2"), Some(total));
        assert_eq!(connection.call(&request, version).await.results[0].error_code, 37, "v{version}");
    }
    for version in versions::<DeleteTopicsRequest>(&mut connection).await {
        let name = format!("d{version}");
        broker.create_topic(&name, 1).unwrap();
        let request = DeleteTopicsRequest::default().with_topic_names(vec![topic(&name)]);
        assert_eq!(connection.call(&request, version).await.responses[0].error_code, 0, "v{version}");
        assert_eq!(connection.call(&request, version).await.responses[0].error_code, 3, "v{version}");
        assert_eq!(broker.partition_count(&name), None);
    }
    broker.stop().await;
}

#[tokio::test]
async fn delete_records() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for version in versions::<DeleteRecordsRequest>(&mut connection).await {
        let offset = connection.produce("t", "a").await.unwrap();
        let partition = DeleteRecordsPartition::default().with_offset(offset + 1);
        let wanted = DeleteRecordsTopic::default().with_name(topic("t")).with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![wanted]);
        let response = connection.call(&request, version).await;
        assert_eq!(response.topics[0].partitions[0].low_watermark, offset + 1, "v{version}");
        assert_eq!(broker.log_start("t", 0), Some(offset + 1));
    }
    broker.stop().await;
}

#[tokio::test]
async fn producer_ids_differ() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    let mut seen = std::collections::BTreeSet::new();
    for version in versions::<InitProducerIdRequest>(&mut connection).await {
        let response =
            connection.call(&InitProducerIdRequest::default().with_transactional_id(None), version).await;
        assert_eq!(response.error_code, 0);
        assert!(seen.insert(response.producer_id.0), "v{version}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn coordinators_and_unknown_groups() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    let port = i32::from(broker.addr().port());
    for version in versions::<FindCoordinatorRequest>(&mut connection).await {
        if version >= 4 {
            let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g"), text("h")]);
            let found = connection.call(&request, version).await.coordinators;
            assert_eq!(found.iter().map(|one| one.port).collect::<Vec<_>>(), [port, port]);
        } else {
            let request = FindCoordinatorRequest::default().with_key(text("g"));
            assert_eq!(connection.call(&request, version).await.port, port, "v{version}");
        }
    }
    for version in versions::<DescribeGroupsRequest>(&mut connection).await {
        let request = DescribeGroupsRequest::default().with_groups(vec![group("g")]);
        let described = connection.call(&request, version).await;
        assert_eq!(described.groups[0].group_state.as_str(), "Dead", "v{version}");
    }
    for version in versions::<ListGroupsRequest>(&mut connection).await {
        assert!(connection.call(&ListGroupsRequest::default(), version).await.groups.is_empty());
    }
    broker.stop().await;
}

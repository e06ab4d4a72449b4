use super::*;

fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn one(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

#[test]
fn names_follow_kafkas_rule() {
    for name in ["t", "hash_requests", "a.b-c_D9", "...", &"x".repeat(249)] {
        assert!(is_legal_name(name), "{name}");
    }
    for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
        assert!(!is_legal_name(name), "{name}");
    }
}

#[test]
fn a_topic_exists_once() {
    let (topics, config) = (Topics::default(), Config::default());
    topics.create(&config, "t", 3, &none()).unwrap();
    let again = topics.create(&config, "t", 3, &none()).err().unwrap();
    assert_eq!(again.error, ResponseError::TopicAlreadyExists);
    assert_eq!(topics.get("t").unwrap().partition_count(), 3);
    assert!(topics.delete("t"));
    assert!(!topics.delete("t"));
    assert!(topics.get("t").is_none());
}

#[test]
fn growing_keeps_what_is_there_and_never_shrinks() {
    let (topics, config) = (Topics::default(), Config::default());
    topics.create(&config, "t", 2, &none()).unwrap();
    let before = topics.partition("t", 1).unwrap();
    topics.grow(&config, "t", 4, false).unwrap();
    assert_eq!(topics.get("t").unwrap().partition_count(), 4);
    assert!(Arc::ptr_eq(&before, &topics.partition("t", 1).unwrap()));
    for total in [4, 3, 0, -1] {
        let refused = topics.grow(&config, "t", total, false).unwrap_err();
        assert_eq!(refused.error, ResponseError::InvalidPartitions);
    }
    assert!(topics.partition("t", 4).is_none());
    assert!(topics.partition("t", -1).is_none());
}

#[test]
fn partitions_are_capped_over_all_topics() {
    let (topics, config) = (Topics::default(), Config { max_partitions: 5, ..Config::default() });
    topics.create(&config, "a", 3, &none()).unwrap();
    assert_eq!(topics.create(&config, "b", 3, &none()).err().unwrap().error, ResponseError::PolicyViolation);
    topics.create(&config, "b", 2, &none()).unwrap();
    assert_eq!(topics.grow(&config, "a", 4, false).unwrap_err().error, ResponseError::PolicyViolation);
}

#[test]
fn settings_are_checked_and_kept() {
    let (topics, config) = (Topics::default(), Config::default());
    for (name, value) in [("retention.ms", "soon"), ("no.such.thing", "1"), ("max.message.bytes", "-1")] {
        let refused = topics.check(&config, "t", 1, &one(name, value)).unwrap_err();
        assert_eq!(refused.error, ResponseError::InvalidConfig);
        assert!(refused.message.contains(name), "{}", refused.message);
    }
    let topic = topics.create(&config, "t", 1, &one("retention.ms", "86400000")).unwrap();
    let shown: BTreeMap<_, _> =
        topic.settings.all(&config).map(|(setting, value, own)| (setting.name, (value, own))).collect();
    assert_eq!(shown["retention.ms"], ("86400000".to_owned(), true));
    assert_eq!(shown["min.insync.replicas"], ("1".to_owned(), false));
    assert_eq!(shown["max.message.bytes"], (config.max_message_bytes.to_string(), false));
}

#[test]
fn retention_is_the_lower_of_broker_and_topic() {
    let config = Config { retention_bytes: 1_000, ..Config::default() };
    for (own, kept) in [("10", 10), ("5000", 1_000), ("-1", 1_000)] {
        let settings = Settings::parse(&one("retention.bytes", own)).unwrap();
        assert_eq!(settings.retention_bytes(&config), kept);
    }
}

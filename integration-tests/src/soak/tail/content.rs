//! What a record of one of the topics says, read without the help of what is being tested.

use bytes::Bytes;
use serde_json::Value;

use crate::checker::{Content, Digest, Id, Position, Topic};

/// A record, however it was read.
pub(super) struct Raw {
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<(String, Bytes)>,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| str::from_utf8(value).ok())
    }
}

/// The id that counts, and what the value says.
pub(super) fn read(topic: Topic, raw: &Raw) -> (Option<Id>, Content) {
    let value = raw.value.as_deref().and_then(|value| serde_json::from_slice::<Value>(value).ok());
    let inside = value.as_ref().and_then(|value| value["id"].as_str());
    let outside = raw.header("kafka_correlationId").or(raw.key.as_ref());
    let outside = outside.map(|id| String::from_utf8_lossy(id).into_owned());
    let id = outside.as_deref().or(inside).map(Id::from);
    let content = match topic {
        Topic::DeadLetters => dead_letter(raw),
        Topic::Requests => value.as_ref().map_or_else(|| unfit(raw), |value| request(raw, value)),
        Topic::Responses => match (&value, outside.as_deref()) {
            (Some(_), Some(outside)) if inside.is_some_and(|inside| inside != outside) => unfit(raw),
            (Some(value), _) => reply(raw, value),
            (None, _) => unfit(raw),
        },
    };
    (id, content)
}

fn request(raw: &Raw, value: &Value) -> Content {
    let partition = raw.header("kafka_replyPartition").and_then(|bytes| <[u8; 4]>::try_from(&bytes[..]).ok());
    match value["data"].as_str() {
        Some(data) => {
            Content::Request { data: Digest::of(data), reply_partition: partition.map(i32::from_be_bytes) }
        }
        None => unfit(raw),
    }
}

fn reply(raw: &Raw, value: &Value) -> Content {
    if let Some(code) = value["error"]["code"].as_str() {
        return Content::Error(code.into());
    }
    value["hash"].as_str().and_then(Digest::parse).map_or_else(|| unfit(raw), Content::Hash)
}

fn dead_letter(raw: &Raw) -> Content {
    let number = |name| raw.text(name).and_then(|text| text.parse::<i64>().ok());
    let partition = number("dlq-partition").and_then(|partition| i32::try_from(partition).ok());
    let origin = partition.zip(number("dlq-offset"));
    match raw.text("dlq-reason") {
        Some(reason) => Content::DeadLetter {
            reason: reason.into(),
            origin: origin.map(|(partition, offset)| Position { partition, offset }),
        },
        None => unfit(raw),
    }
}

fn unfit(raw: &Raw) -> Content {
    match &raw.value {
        Some(value) => Content::Unfit(String::from_utf8_lossy(value).into()),
        None => Content::Unfit("no value".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(key: &str, value: &str, headers: &[(&str, &[u8])]) -> Raw {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value)));
        Raw {
            key: Some(key.to_owned().into()),
            value: Some(value.to_owned().into()),
            headers: headers.collect(),
        }
    }

    #[test]
    fn requests_and_replies_say_whose_they_are() {
        let headers: &[(&str, &[u8])] =
            &[("kafka_correlationId", b"header"), ("kafka_replyPartition", &[0, 0, 0, 2])];
        let request = read(Topic::Requests, &raw("key", r#"{"version":1,"id":"x","data":"d"}"#, headers));
        let content = Content::Request { data: Digest::of("d"), reply_partition: Some(2) };
        assert_eq!(request, (Some("header".into()), content));

        let hash = format!(r#"{{"id":"key","hash":"{}"}}"#, Digest::of("d"));
        let reply = read(Topic::Responses, &raw("key", &hash, &[]));
        assert_eq!(reply, (Some("key".into()), Content::Hash(Digest::of("d"))));

        let error = read(Topic::Responses, &raw("key", r#"{"error":{"code":"failed","message":""}}"#, &[]));
        assert_eq!(error, (Some("key".into()), Content::Error("failed".into())));
    }

    #[test]
    fn a_reply_for_two_requests_fits_none() {
        let hash = format!(r#"{{"id":"another","hash":"{}"}}"#, Digest::of("d"));
        let (_, content) = read(Topic::Responses, &raw("key", &hash, &[]));
        assert!(matches!(content, Content::Unfit(_)), "{content:?}");
    }

    #[test]
    fn a_dead_letter_says_where_it_came_from() {
        let headers: &[(&str, &[u8])] =
            &[("dlq-reason", b"malformed"), ("dlq-partition", b"2"), ("dlq-offset", b"41")];
        let (id, content) = read(Topic::DeadLetters, &raw("key", "hello", headers));
        let origin = Some(Position { partition: 2, offset: 41 });
        assert_eq!(content, Content::DeadLetter { reason: "malformed".into(), origin });
        assert_eq!(id, Some("key".into()));
    }
}

//! Where a reply goes, and what it says to be found there.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;
use uuid::Uuid;

use crate::header::{self, Headers, PartitionEncoding, ReplyPartition};
use crate::reply::{self, ReplyRecord};
use crate::splice::EncodeError;

/// The correlation id that counts: any bytes, to be echoed as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrelationKey<'a> {
    bytes: Cow<'a, [u8]>,
    is_from_value: bool,
}

impl<'a> CorrelationKey<'a> {
    /// The id that a record carries outside its value: the header, else the key. Empty ones count as absent.
    pub(crate) fn outside(key: Option<&'a [u8]>, headers: &'a Headers) -> Option<Self> {
        let key = key.filter(|key| !key.is_empty());
        let found = header::filled(headers, header::CORRELATION_ID).or(key);
        found.map(|bytes| Self { bytes: Cow::Borrowed(bytes), is_from_value: false })
    }

    /// The id that a record's value gives.
    pub(crate) fn inside(id: Cow<'a, str>) -> Self {
        let bytes = match id {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Self { bytes, is_from_value: true }
    }

    /// Whether the record's value had to be read to find it, because nothing outside gave one.
    pub fn is_from_value(&self) -> bool {
        self.is_from_value
    }

    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as they came, for keeps.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_owned()
    }

    /// The id where a text is needed: UTF-8 as it is, other 16 bytes (Spring's) as a hyphenated UUID, and whatever else
    /// in hexadecimal.
    pub fn to_text(&self) -> Cow<'a, str> {
        match &self.bytes {
            Cow::Borrowed(bytes) => {
                str::from_utf8(bytes).map_or_else(|_| printed(bytes).into(), Cow::Borrowed)
            }
            Cow::Owned(bytes) => str::from_utf8(bytes).map_or_else(|_| printed(bytes), str::to_owned).into(),
        }
    }
}

fn printed(bytes: &[u8]) -> String {
    Uuid::from_slice(bytes).map_or_else(
        |_| {
            bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("writing to a string never fails");
                hex
            })
        },
        |uuid| uuid.hyphenated().to_string(),
    )
}

/// Where the request's headers ask for the reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplyTo<'a> {
    /// `None`: the configured response topic.
    pub topic: Option<&'a str>,
    /// `None`: any partition.
    pub partition: Option<ReplyPartition>,
}

impl<'a> ReplyTo<'a> {
    /// Reads both headers; a header that cannot be read is left out, and the text says which and why.
    pub(crate) fn read(headers: &'a Headers) -> (Self, Option<String>) {
        let topic = headers.get(header::REPLY_TOPIC).map(|value| match str::from_utf8(value) {
            Ok("") => Err("the reply topic is empty".to_owned()),
            Ok(topic) => Ok(topic),
            Err(error) => Err(format!("the reply topic is not text: {error}")),
        });
        let partition = headers
            .get(header::REPLY_PARTITION)
            .map(|value| ReplyPartition::decode(value).map_err(|error| error.to_string()));
        let (topic, no_topic) = split(topic);
        let (partition, no_partition) = split(partition);
        (Self { topic, partition }, no_topic.or(no_partition))
    }

    /// Whether the caller wrote its partition as text, as NestJS does, and so awaits NestJS's marks.
    pub fn is_nest(&self) -> bool {
        self.partition.is_some_and(|partition| partition.encoding == PartitionEncoding::Text)
    }
}

fn split<T, E>(read: Option<Result<T, E>>) -> (Option<T>, Option<E>) {
    match read {
        None => (None, None),
        Some(Ok(value)) => (Some(value), None),
        Some(Err(error)) => (None, Some(error)),
    }
}

/// All that is needed to answer a request whose record is gone or unfit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress {
    /// The id that counts, to be echoed byte for byte.
    pub correlation_id: Vec<u8>,
    /// The id in the reply's value.
    pub id: String,
    /// `None`: the configured response topic.
    pub topic: Option<String>,
    /// `None`: any partition.
    pub partition: Option<ReplyPartition>,
}

impl ReturnAddress {
    /// The same, borrowed.
    pub fn reply_to(&self) -> ReplyTo<'_> {
        ReplyTo { topic: self.topic.as_deref(), partition: self.partition }
    }

    /// A reply with an output: see [`Request::reply`](crate::request::Request::reply).
    ///
    /// # Errors
    /// If the output is no JSON object or uses a name of the envelope.
    pub fn reply(&self, output: &impl Serialize) -> Result<ReplyRecord, EncodeError> {
        reply::reply_record(&self.correlation_id, &self.id, &self.reply_to(), output)
    }

    /// A reply with an error: see [`Request::error_reply`](crate::request::Request::error_reply).
    pub fn error_reply(&self, code: impl AsRef<str>, message: &str) -> ReplyRecord {
        reply::error_record(&self.correlation_id, &self.id, &self.reply_to(), code.as_ref(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let headers = Headers::from([(header::CORRELATION_ID.to_owned(), bytes.to_vec())]);
        CorrelationKey::outside(None, &headers).unwrap().to_text().into_owned()
    }

    #[test]
    fn an_id_prints_without_loss() {
        assert_eq!(text(b"test-123"), "test-123");
        assert_eq!(text("schlüssel".as_bytes()), "schlüssel");
        let binary =
            [0x9f, 0x3a, 1, 0xc4, 0x6e, 0x0b, 0x4d, 0x21, 0xa7, 0xf4, 0x0c, 0x9b, 0x1e, 0x55, 0xd3, 0x10];
        assert_eq!(text(&binary), "9f3a01c4-6e0b-4d21-a7f4-0c9b1e55d310");
        assert_eq!(text(&[0xff, 0x00, 0x0a]), "ff000a");
        assert_eq!(text(&[0xff; 17]), "ff".repeat(17));
    }
}

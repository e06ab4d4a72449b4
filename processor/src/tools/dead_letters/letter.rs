//! A dead letter as it is found: the record, and what its headers say of it. Anybody may have written it, so each of them
//! may be missing.

use kafka::batch::RawRecord;
use protocol::{Headers, Request, dead_letter};

use super::place::Place;
use crate::tools::moment::Moment;

/// A record of the dead-letter topic.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) place: Place,
    pub(super) record: RawRecord,
    /// Where the record came from, as far as it says.
    pub(super) topic: Option<String>,
    pub(super) partition: Option<i32>,
    pub(super) offset: Option<i64>,
    /// Why it is here.
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) attempts: Option<u32>,
    /// When it was given up; the record's own time if it does not say.
    pub(super) time: Option<Moment>,
    /// How often it was replayed before.
    pub(super) replays: u32,
    /// The correlation id as text: of the header, the key or the value.
    pub(super) id: Option<String>,
}

impl Letter {
    pub(super) fn read(partition: i32, record: RawRecord) -> Self {
        let place = Place { partition, offset: record.offset };
        // What was added last counts: the record may have brought such headers with it.
        let text = |name: &str| {
            let named = record.headers.iter().rev().find(|(found, _)| found == name.as_bytes());
            named.and_then(|(_, value)| Some(str::from_utf8(value.as_ref()?).ok()?.to_owned()))
        };
        let given_up = text(dead_letter::TIME).and_then(|text| text.parse().ok());
        let time = given_up.or_else(|| u64::try_from(record.timestamp_ms).ok());
        Self {
            place,
            topic: text(dead_letter::TOPIC),
            partition: text(dead_letter::PARTITION).and_then(|text| text.parse().ok()),
            offset: text(dead_letter::OFFSET).and_then(|text| text.parse().ok()),
            reason: text(dead_letter::REASON),
            // One that is damaged says nothing itself.
            message: text(dead_letter::MESSAGE)
                .or_else(|| Some(record.reason.clone()).filter(|reason| !reason.is_empty())),
            attempts: text(dead_letter::ATTEMPTS).and_then(|text| text.parse().ok()),
            time: time.and_then(Moment::of_epoch_ms),
            replays: text(dead_letter::REPLAYS).and_then(|text| text.parse().ok()).unwrap_or(0),
            id: id(&record),
            record,
        }
    }

    /// Where the record came from, in words: `hash_requests/1/57`.
    pub(super) fn origin(&self) -> Option<String> {
        Some(format!("{}/{}/{}", self.topic.as_ref()?, self.partition?, self.offset?))
    }
}

/// The headers that an ordinary record can have.
pub(super) fn headers_of(record: &RawRecord) -> Headers {
    let readable = record
        .headers
        .iter()
        .filter_map(|(name, value)| Some((str::from_utf8(name).ok()?.to_owned(), value.as_ref()?.to_vec())));
    readable.collect()
}

fn id(record: &RawRecord) -> Option<String> {
    let headers = headers_of(record);
    match Request::decode(record.key.as_deref(), record.value.as_deref(), &headers) {
        Ok(request) => Some(request.correlation_id.to_text().into_owned()),
        Err(error) => {
            let id = error.return_address?.correlation_id;
            Some(String::from_utf8(id).unwrap_or_else(|binary| hex::encode(binary.as_bytes())))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A dead letter at 0/7 about a record with this value and these headers.
    pub(in crate::tools::dead_letters) fn letter(value: &str, headers: &[(&str, Option<&str>)]) -> Letter {
        let own = |(name, value): &(&str, Option<&str>)| {
            ((*name).to_owned().into(), value.map(|value| value.to_owned().into()))
        };
        let record = RawRecord {
            offset: 7,
            timestamp_ms: 1_700_000_000_000,
            key: Some("key-1".into()),
            value: Some(value.to_owned().into()),
            headers: headers.iter().map(own).collect(),
            reason: String::new(),
        };
        Letter::read(0, record)
    }

    #[test]
    fn what_it_says_is_read_and_the_last_word_counts() {
        let letter = letter(
            r#"{"id":"a","data":"x"}"#,
            &[
                ("dlq-reason", Some("stale")),
                ("dlq-reason", Some("failed")),
                ("dlq-topic", Some("requests")),
                ("dlq-partition", Some("1")),
                ("dlq-offset", Some("57")),
                ("dlq-attempts", Some("1")),
                ("dlq-time", Some("1700000001000")),
                ("dlq-replays", Some("2")),
            ],
        );
        assert_eq!(letter.reason.as_deref(), Some("failed"));
        assert_eq!(letter.origin().as_deref(), Some("requests/1/57"));
        assert_eq!((letter.attempts, letter.replays), (Some(1), 2));
        assert_eq!(letter.time.map(Moment::epoch_ms), Some(1_700_000_001_000));
        assert_eq!(letter.id.as_deref(), Some("key-1"));
    }

    #[test]
    fn what_it_does_not_say_is_unknown() {
        let letter = letter("nonsense", &[("dlq-partition", Some("one")), ("dlq-offset", None)]);
        assert_eq!((letter.reason.as_deref(), letter.origin(), letter.replays), (None, None, 0));
        assert_eq!(letter.time.map(Moment::epoch_ms), Some(1_700_000_000_000));
    }

    #[test]
    fn of_one_that_cannot_be_read_it_is_known_why() {
        let reason = "offsets 7 to 9 cannot be read: wrong checksum";
        let damaged = RawRecord { offset: 7, reason: reason.to_owned(), ..RawRecord::default() };
        assert_eq!(Letter::read(0, damaged).message.as_deref(), Some(reason));
    }

    #[test]
    fn an_id_that_is_no_text_is_shown_in_hexadecimal() {
        let mut record = letter("nonsense", &[]).record;
        record.key = Some(vec![0xff, 0x00].into());
        assert_eq!(Letter::read(0, record).id.as_deref(), Some("ff00"));
    }

    /// Headers in lines `name: value`, and the record's value.
    #[test]
    fn fuzz_dead_letter() {
        fuzz::Target::new("dead-letter").run(|input| {
            let [head, value] = fuzz::parts(input);
            let lines = head.split(|&byte| byte == b'\n').filter_map(|line| fuzz::split(line, b": "));
            let bytes = bytes::Bytes::copy_from_slice;
            let headers = lines.map(|(name, value)| (bytes(name), Some(bytes(value)))).collect();
            let letter =
                Letter::read(0, RawRecord { value: Some(bytes(value)), headers, ..RawRecord::default() });
            let shown = [letter.origin(), letter.time.map(Moment::in_words), letter.id, letter.message];
            for text in shown.into_iter().flatten() {
                let printable = crate::tools::escape::printable(text.as_bytes());
                assert!(!printable.chars().any(char::is_control), "{printable:?}");
            }
        });
    }
}

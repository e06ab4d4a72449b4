//! A record that is kept, with why.

use bytes::Bytes;
use kafka::batch::RawRecord;
use kafka::{Record, RecordAndOffset};
use protocol::DeadLetter;

/// Bytes that a record takes in a batch beside its key, value and headers; generous.
const RECORD_OVERHEAD: usize = 64;
/// No topic is so particular about time that it would refuse a younger record.
const A_MINUTE_MS: u64 = 60_000;

/// A dead letter on its way: the record as it came, and the note that says why it is here.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) record: RawRecord,
    pub(crate) note: DeadLetter,
}

impl Letter {
    /// The record to write: as it came, null header values, order and repeated names included, then the note's headers.
    pub(super) fn to_record(&self) -> RawRecord {
        let mut record = self.record.clone();
        let note = self.note.headers().into_iter();
        record.headers.extend(note.map(|(name, value)| (Bytes::from(name), Some(Bytes::from(value)))));
        record
    }

    /// Roughly what it takes of a batch; never too little.
    pub(super) fn bytes(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers =
            self.record.headers.iter().map(|(name, value)| name.len() + length(value) + RECORD_OVERHEAD);
        let note = self.note.headers().iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        length(&self.record.key)
            + length(&self.record.value)
            + headers.sum::<usize>()
            + note
            + RECORD_OVERHEAD
    }

    /// Makes it smaller for a topic that it does not fit: first the value goes, then all but the note, whose
    /// coordinates lead back to the record and are its key. `false` if nothing is left to leave out.
    pub(super) fn shrink(&mut self) -> bool {
        if self.record.value.take().is_some() {
            return true;
        }
        let had_more = !self.is_bare();
        self.record.key = Some(self.coordinates());
        self.record.headers.clear();
        had_more
    }

    /// Makes it more ordinary for a topic that refuses it for what it is: first it gets the time of now for a timestamp
    /// that the topic may not take, and a key if it has none, as a compacted topic wants; then it shrinks. `false` if
    /// nothing is left to try.
    pub(super) fn conform(&mut self, now_ms: i64) -> bool {
        let is_new = self.record.timestamp_ms.abs_diff(now_ms) < A_MINUTE_MS;
        if is_new && self.record.key.is_some() {
            return self.shrink();
        }
        let (coordinates, was_bare) = (self.coordinates(), self.is_bare());
        self.record.timestamp_ms = now_ms;
        self.record.key.get_or_insert(coordinates);
        // One that waits for its topic to be changed grows old again and again, which is nothing new.
        !was_bare
    }

    /// Nothing is left of the record but where it stood.
    fn is_bare(&self) -> bool {
        let record = &self.record;
        record.value.is_none()
            && record.headers.is_empty()
            && record.key.as_ref() == Some(&self.coordinates())
    }

    fn coordinates(&self) -> Bytes {
        let DeadLetter { topic, partition, offset, .. } = &self.note;
        Bytes::from(format!("{topic}/{partition}/{offset}"))
    }
}

/// An ordinary record in the form that can also carry the others.
pub(crate) fn raw(record: RecordAndOffset) -> RawRecord {
    let RecordAndOffset { record, offset } = record;
    let Record { key, value, headers, timestamp } = record;
    RawRecord {
        offset,
        timestamp_ms: timestamp.timestamp_millis(),
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        headers: headers.into_iter().map(|(name, value)| (name.into(), Some(value.into()))).collect(),
        reason: String::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A letter about a record with an odd header.
    pub(in crate::dead_letters) fn letter(offset: i64) -> Letter {
        let headers = vec![("null".into(), None), ("twice".into(), Some("a".into())), ("twice".into(), None)];
        let record = RawRecord {
            offset,
            key: Some("key".into()),
            value: Some("value".into()),
            headers,
            ..Default::default()
        };
        let note = DeadLetter {
            reason: "unreadable".into(),
            message: "header \"null\" has a null value".into(),
            topic: "hash_requests".into(),
            partition: 1,
            offset,
            attempts: 0,
            time_epoch_ms: 1_700_000_000_000,
        };
        Letter { record, note }
    }

    #[test]
    fn a_letter_is_the_record_as_it_came_and_seven_headers_more() {
        let letter = letter(41);
        let record = letter.to_record();
        assert_eq!((record.key, record.value), (Some("key".into()), Some("value".into())));
        assert_eq!(record.headers[..3], letter.record.headers[..]);
        assert_eq!(record.headers.len(), 10);
        assert!(record.headers.contains(&("dlq-offset".into(), Some("41".into()))));
    }

    #[test]
    fn what_does_not_fit_loses_its_value_first_and_its_coordinates_never() {
        let mut letter = letter(41);
        let whole = letter.bytes();
        assert!(letter.shrink());
        assert_eq!((letter.record.value.clone(), letter.record.key.clone()), (None, Some("key".into())));
        assert!(letter.shrink());
        assert_eq!(letter.to_record().headers.len(), 7);
        assert!(letter.bytes() < whole);
        assert!(!letter.shrink());
    }

    #[test]
    fn what_is_refused_for_what_it_is_gets_a_new_time_and_a_key_first() {
        const NOW_MS: i64 = 1_800_000_000_000;
        let mut letter = letter(41);
        letter.record.key = None;
        let before = letter.record.clone();
        assert!(letter.conform(NOW_MS));
        let key = Some(Bytes::from("hash_requests/1/41"));
        assert_eq!(letter.record, RawRecord { timestamp_ms: NOW_MS, key: key.clone(), ..before });
        assert!(letter.conform(NOW_MS + 10));
        assert_eq!((letter.record.value.clone(), letter.record.headers.len()), (None, 3));
        assert!(letter.conform(NOW_MS + 20));
        assert_eq!((letter.record.key.clone(), letter.record.headers.len()), (key, 0));
        assert!(!letter.conform(NOW_MS + 30), "nothing is left to try");
        let later = NOW_MS + 3_600_000;
        assert!(!letter.conform(later), "nor later on");
        assert_eq!(letter.record.timestamp_ms, later);
    }
}

//! A record that is kept, with why.

use bytes::Bytes;
use kafka::batch::RawRecord;
use kafka::{Record, RecordAndOffset};
use protocol::DeadLetter;

/// Bytes that a record takes in a batch beside its key, value and headers; generous.
const RECORD_OVERHEAD: usize = 64;

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
    /// coordinates lead back to the record. `false` if nothing is left to leave out.
    pub(super) fn shrink(&mut self) -> bool {
        let record = &mut self.record;
        if record.value.take().is_some() {
            return true;
        }
        let had_more = record.key.take().is_some() || !record.headers.is_empty();
        record.headers.clear();
        had_more
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
}

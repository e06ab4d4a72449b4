//! One partition, from its first record on.

use std::sync::Arc;

use bytes::Bytes;
use kafka::batch::RawRecord;
use kafka::reader::{Fetched, Reader, Start};
use kafka::{Backoff, Kafka, RecordAndOffset};
use tokio::time::sleep;

use super::content::{self, Raw};
use super::kept::{Kept, Log};
use crate::checker::{Content, Coordinates, Seen};

/// Reads until dropped, whatever happens to the broker.
pub(super) async fn follow(kafka: Kafka, name: String, log: Log, kept: Arc<Kept>) {
    let mut backoff = Backoff::new();
    let mut reader = loop {
        match Reader::open(&kafka, &name, log.partition, Start::Earliest).await {
            Ok(reader) => break reader,
            Err(_) => sleep(backoff.next_pause()).await,
        }
    };
    loop {
        let fetched = reader.next().await;
        take(fetched, log, &kept);
    }
}

fn take(fetched: Fetched, log: Log, kept: &Kept) {
    if fetched.restarted {
        kept.complain(format!("{log} begins anew, and nobody deleted it"));
    }
    if let Some(skipped) = fetched.skipped {
        kept.complain(format!("{log}: offsets {skipped:?} were gone before they were read"));
    }
    let seen = kept.now();
    let at = |offset| Coordinates {
        topic: log.topic,
        incarnation: log.incarnation,
        partition: log.partition,
        offset,
    };
    let readable = fetched.records.into_iter().map(|RecordAndOffset { record, offset }| {
        let raw = Raw {
            key: record.key.map(Bytes::from),
            value: record.value.map(Bytes::from),
            headers: record.headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
        };
        let (id, content) = content::read(log.topic, &raw);
        Seen { at: at(offset), seen, id, content }
    });
    let unreadable = fetched.unreadable.into_iter().map(|RawRecord { offset, reason, .. }| Seen {
        at: at(offset),
        seen,
        id: None,
        content: Content::Unfit(format!("unreadable: {reason}").into()),
    });
    kept.keep(log, readable.chain(unreadable), fetched.next_offset);
}

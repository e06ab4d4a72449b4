//! What the log lines of one request are found by. Read from its record only where a line may come of it.

use kafka::Record;
use kafka::batch::RawRecord;
use protocol::{Headers, reply_correlation};
use service::traces;

/// The names of a request, as far as its record has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// The correlation id, in text where it is text.
    pub(crate) id: Option<String>,
    /// The name that the caller of the gateway gave it.
    pub(crate) request_id: Option<String>,
    /// The trace that it belongs to.
    pub(crate) trace_id: Option<String>,
}

impl Names {
    pub(crate) fn of(record: &Record) -> Self {
        Self::read(record.key.as_deref(), record.value.as_deref(), &record.headers)
    }

    pub(crate) fn of_raw(record: &RawRecord) -> Self {
        Self::read(record.key.as_deref(), record.value.as_deref(), &readable(record))
    }

    fn read(key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> Self {
        Self {
            // Found in a request by the same rule as in its reply.
            id: reply_correlation(key, value, headers).map(|id| id.to_text().into_owned()),
            request_id: traces::request_id(headers),
            trace_id: traces::trace_id(headers),
        }
    }
}

/// Those headers that have a name and a value.
pub(crate) fn readable(record: &RawRecord) -> Headers {
    let header = |(name, value): &(bytes::Bytes, Option<bytes::Bytes>)| {
        Some((str::from_utf8(name).ok()?.to_owned(), value.as_ref()?.to_vec()))
    };
    record.headers.iter().filter_map(header).collect()
}

//! The answers, one file for each family of requests.

use kafka_protocol::ResponseError;

pub(crate) mod configs;
pub(crate) mod coordinator;
pub(crate) mod fetch;
pub(crate) mod list_offsets;
pub(crate) mod membership;
pub(crate) mod metadata;
pub(crate) mod offsets;
pub(crate) mod produce;
pub(crate) mod records;
pub(crate) mod topics;
pub(crate) mod versions;

/// An error as an answer carries it: 0 is none.
fn code(error: Option<ResponseError>) -> i16 {
    error.map_or(0, |error| error.code())
}

#![doc = include_str!("wire.md")]

pub mod address;
pub mod code;
pub mod dead_letter;
mod envelope;
pub mod header;
pub mod id;
pub mod registry;
pub mod reply;
pub mod request;
mod splice;

pub use address::{CorrelationKey, ReplyTo, ReturnAddress};
pub use code::{ErrorCode, Fault};
pub use dead_letter::DeadLetter;
pub use envelope::{SUPPORTED_VERSIONS, VERSION};
pub use header::{Deadline, Headers, ReplyPartition};
pub use id::{CorrelationId, IdText, Tag};
pub use registry::{Completion, Parting, Pending, RegisterError, Registry};
pub use reply::{OutputError, Reply, ReplyError, ReplyRecord, WorkerError, reply_correlation};
pub use request::{Request, RequestError, add_request_headers, encode_request};
pub use splice::EncodeError;

//! How a service logs.

use crate::settings::catalogue::Service;
use crate::settings::reader::Reader;

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `RUST_LOG`, in the syntax of tracing's `EnvFilter`.
    pub filter: String,
}

impl LogSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let format = match reader.text("LOG_FORMAT").as_str() {
            "json" => LogFormat::Json,
            _ => LogFormat::Text,
        };
        Self { format, filter: reader.text("RUST_LOG") }
    }
}

impl Default for LogSettings {
    /// The catalogue's defaults, which are the same for both services.
    fn default() -> Self {
        Self::read(&mut Reader::of_defaults(Service::Gateway))
    }
}

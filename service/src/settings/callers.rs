//! Who may call the gateway.

use std::path::PathBuf;

use crate::settings::reader::Reader;

/// How callers are known. Nothing set means that anybody may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerSettings {
    /// `SERVICE_1_API_KEYS_FILE`: lines `name sha256-of-the-key-in-hex scope…`.
    pub api_keys_file: Option<PathBuf>,
}

impl CallerSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { api_keys_file: reader.path("SERVICE_1_API_KEYS_FILE") }
    }
}

//! A port that knows whether somebody asked for it.

use crate::settings::reader::Reader;

/// A TCP port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The port; 0 means any free one.
    pub number: u16,
    /// Whether somebody set it. A default that is taken gives way to a free port; a set one is an error.
    pub set: bool,
}

impl Port {
    /// Any free port.
    pub const ANY: Self = Self { number: 0, set: true };

    /// Exactly this one.
    pub fn exactly(number: u16) -> Self {
        Self { number, set: true }
    }

    pub(super) fn read(reader: &mut Reader, key: &str) -> Self {
        Self { number: reader.whole(key), set: reader.is_set(key) }
    }
}

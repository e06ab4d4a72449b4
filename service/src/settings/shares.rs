//! How much of the gateway one caller may have.

use crate::settings::reader::Reader;

/// Limits for each caller. None means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareSettings {
    /// `SERVICE_1_CALLER_MAX_PENDING`: requests of one caller under way at once.
    pub max_pending: Option<u32>,
    /// `SERVICE_1_CALLER_RATE`: requests of one caller a second, in the long run.
    pub rate: Option<u32>,
    /// `SERVICE_1_CALLER_BURST`: requests of one caller at once after a rest; none means as many as in a second.
    pub burst: Option<u32>,
}

impl ShareSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mut limit = |key| Some(reader.whole(key)).filter(|limit| *limit > 0);
        let shares = Self {
            max_pending: limit("SERVICE_1_CALLER_MAX_PENDING"),
            rate: limit("SERVICE_1_CALLER_RATE"),
            burst: limit("SERVICE_1_CALLER_BURST"),
        };
        if shares.burst.is_some() && shares.rate.is_none() {
            let reason = "without a rate everything is allowed at once, so a burst limits nothing; set both";
            reader.conflict("SERVICE_1_CALLER_BURST and SERVICE_1_CALLER_RATE", reason);
        }
        shares
    }
}

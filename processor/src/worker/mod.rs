pub(crate) mod expiry;
pub(crate) mod offsets;

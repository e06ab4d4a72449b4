//! Bytes on the socket: length-prefixed frames, and a decoder that does not believe them.

mod frames;
mod guarded;

pub(crate) use frames::{FrameError, Frames};
pub(crate) use guarded::decode;

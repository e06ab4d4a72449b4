//! Bytes on the socket: length-prefixed frames.

mod frames;

pub(crate) use frames::{FrameError, Frames};

//! Writer and reader against a live broker, in good times and in bad ones.
//!
//! Where no fault is needed the broker is chosen by `TEST_BROKER`: `embedded` (the default), or the address of a
//! running one.

mod poison;
mod range;
mod reader;
mod recovery;
mod support;
mod writer;

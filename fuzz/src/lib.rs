//! Feeds decoders with bytes that nobody meant to send.
//!
//! ```text
//!   corpus/NAME/* ─▶ as they are ─────────────┐
//!        │                                    ├─▶ decoder ─▶ no panic, bounded memory, bounded time, and what
//!        └────────▶ mutated, for a while ─────┘              the target itself asserts
//!              ▲                              │
//!              └── kept: reached new code ◀───┘ (guided runs only)
//! ```
//!
//! A target is a test beside its decoder, named `fuzz_…`, so that it reaches what is private and exists on every
//! toolchain. `cargo test` runs each for a moment. `make fuzz` runs the same tests for longer and guided by coverage: the
//! compiler's own instrumentation tells which inputs reach code that no other has reached, and these are mutated further.
//! It needs no nightly toolchain and no C++.
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `FUZZ_SECONDS` | how long each target runs; then a line on stderr says what was tried | up to 2,000 inputs in 0.2 s, in silence |
//! | `FUZZ_SEED` | where the random numbers begin, to repeat a run | the time; in a short run the same each time |
//!
//! An input that fails is written to `target/fuzz/NAME/`, and the panic says where; one that ended the whole process, as
//! memory does that is not to be had, is `running` there. Once mended it belongs into `fuzz/corpus/NAME/`, which every run
//! begins with.

mod allocations;
mod campaign;
mod corpus;
mod coverage;
mod mutate;
mod options;
mod parts;
mod random;
mod target;

pub use parts::{parts, split};
pub use target::Target;

#[cfg(test)]
mod tests;

//! One decoder, and what it may cost.

use crate::campaign;
use crate::options::Options;

/// What a decoder may hold where nothing else is said, beside a multiple of its input: room for an error's words.
const FLOOR_BYTES: usize = 64 << 10;
/// A field of one byte becomes a `String`, a map's node, an element of a message.
const PER_BYTE: usize = 512;

/// A decoder by the name of its corpus.
#[derive(Debug)]
pub struct Target {
    pub(crate) name: &'static str,
    pub(crate) floor_bytes: usize,
    pub(crate) per_byte: usize,
}

impl Target {
    /// The one whose corpus is `fuzz/corpus/NAME`.
    pub fn new(name: &'static str) -> Self {
        Self { name, floor_bytes: FLOOR_BYTES, per_byte: PER_BYTE }
    }

    /// How much memory it may hold at once: `floor_bytes`, and `per_byte` for each byte of the input. By default 64 KiB and 512.
    #[must_use]
    pub fn memory(self, floor_bytes: usize, per_byte: usize) -> Self {
        Self { floor_bytes, per_byte, ..self }
    }

    /// Gives `decode` every input of the corpus, and then mutations, few of them or for as long as the environment says.
    ///
    /// # Panics
    /// If `decode` does, holds more memory than it may or takes longer than seconds for one input; and if there is no corpus.
    pub fn run(self, decode: impl Fn(&[u8])) {
        campaign::run(&self, &Options::from_environment(), decode);
    }

    pub(crate) fn limit_bytes(&self, length: usize) -> usize {
        self.floor_bytes.saturating_add(self.per_byte.saturating_mul(length))
    }
}

//! The operations of this worker. One file an operation, and one line in [`all`].

mod hash;

pub use hash::{Hash, HashInput, HashOutput};

use crate::Operations;

/// Everything that the program answers to.
pub fn all() -> Operations {
    Operations::none().with(Hash)
}

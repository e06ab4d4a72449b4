//! A worker's handler that waits until it is let through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hash_processor::{Cost, HandlerError, Operations};
use sha2::{Digest as _, Sha256};

/// Between two looks of a waiting handler.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// What stands before the handlers. Open at first.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    is_closed: Arc<AtomicBool>,
    begun: Arc<AtomicUsize>,
}

impl Gate {
    /// Hashes as the shipped operation does, behind this gate.
    pub(crate) fn operations(&self, cost: Cost) -> Operations {
        let gate = self.clone();
        Operations::none().with_fn("hash", cost, move |input: serde_json::Value| {
            gate.begun.fetch_add(1, Ordering::SeqCst);
            while gate.is_closed.load(Ordering::SeqCst) {
                std::thread::sleep(LOOK_INTERVAL);
            }
            let hash = hex::encode(Sha256::digest(input["data"].as_str().unwrap_or_default()));
            Ok::<_, HandlerError>(serde_json::json!({ "hash": hash }))
        })
    }

    /// Holds up who comes from now on.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Lets everybody through.
    pub(crate) fn open(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
    }

    /// How many requests have been begun.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

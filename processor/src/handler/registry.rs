//! The operations of one worker, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Erased, Operation};

/// What a worker answers to. Cheap to clone.
#[derive(Clone, Default)]
pub struct Operations {
    by_name: Arc<BTreeMap<&'static str, Arc<dyn Erased>>>,
}

impl Operations {
    /// A worker that knows no operation yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same with one operation more. A second operation of one name replaces the first.
    #[must_use]
    pub fn with<O: Operation>(mut self, operation: O) -> Self {
        Arc::make_mut(&mut self.by_name).insert(O::NAME, Arc::new(operation));
        self
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<dyn Erased>> {
        self.by_name.get(name)
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.names()).finish()
    }
}

//! The operations of one worker, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::function::Function;
use super::{Cost, Erased, HandlerError, Operation};

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

    /// What the program itself answers to: [`operations::all`](crate::operations::all).
    pub fn shipped() -> Self {
        crate::operations::all()
    }

    /// A single operation made of a short closure, under this name.
    pub fn of_fn<I, O, F>(name: &'static str, handle: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(I) -> Result<O, HandlerError> + Send + Sync + 'static,
    {
        Self::none().with_fn(name, Cost::Short, handle)
    }

    /// A single operation made of a heavy closure, under this name.
    pub fn heavy_fn<I, O, F>(name: &'static str, handle: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(I) -> Result<O, HandlerError> + Send + Sync + 'static,
    {
        Self::none().with_fn(name, Cost::Heavy, handle)
    }

    /// The same with one operation more. A second operation of one name replaces the first.
    #[must_use]
    pub fn with<O: Operation>(self, operation: O) -> Self {
        self.insert(O::NAME, Arc::new(operation))
    }

    /// The same with one operation more, made of a closure.
    #[must_use]
    pub fn with_fn<I, O, F>(self, name: &'static str, cost: Cost, handle: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(I) -> Result<O, HandlerError> + Send + Sync + 'static,
    {
        self.insert(name, Arc::new(Function { name, cost, handle, input: PhantomData::<fn(I)> }))
    }

    fn insert(mut self, name: &'static str, operation: Arc<dyn Erased>) -> Self {
        Arc::make_mut(&mut self.by_name).insert(name, operation);
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

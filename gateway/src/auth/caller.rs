//! Somebody who is known.

use std::sync::Arc;

use super::SCHEME;
use crate::problem::{Code, Problem};

/// Who calls, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    name: Arc<str>,
    /// Names of operations.
    scopes: Arc<[String]>,
}

impl Caller {
    pub(crate) fn new(name: impl Into<Arc<str>>, scopes: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.into(), scopes: scopes.into_iter().collect() }
    }

    /// The name they are logged under and that goes along to the worker.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Names of operations that they may use.
    pub(super) fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Lets pass what they may do.
    ///
    /// # Errors
    /// 403 if `operation` is not among it.
    pub(crate) fn demand(&self, operation: &str) -> Result<(), Problem> {
        if self.scopes.iter().any(|scope| scope == operation) {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, format!("{} lacks the scope `{operation}`", self.name))
            .challenge(format!(r#"{SCHEME}, error="insufficient_scope", scope="{operation}""#)))
    }
}

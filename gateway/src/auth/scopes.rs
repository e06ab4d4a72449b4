//! What callers may be allowed: a scope is the name of an operation.

use crate::operations::{self, Operation, Visitor};

/// Every scope that opens something here.
pub(super) fn all() -> Vec<&'static str> {
    struct Names(Vec<&'static str>);
    impl Visitor for Names {
        fn visit<O: Operation>(&mut self) {
            self.0.push(O::NAME);
        }
    }
    let mut names = Names(Vec::new());
    operations::each(&mut names);
    names.0
}

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

/// Those of `scopes` that open nothing here. They may be for another gateway that the same file serves, or misspelt.
pub(super) fn unknown<'a>(scopes: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let known = all();
    scopes.into_iter().map(String::as_str).filter(|scope| !known.contains(scope)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_nothing_is_found() {
        let scopes = ["hash", "hsah", "other:read"].map(str::to_owned);
        assert_eq!(unknown(&scopes), ["hsah", "other:read"]);
        assert!(unknown(&scopes[..1]).is_empty());
    }
}

//! When trouble with a partition is worth a warning.

/// Failures in a row. One that a second attempt mends is everyday life (a leader moved, an idle connection was
/// closed); one that stays is told once, and once more when it is over.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    failures: u32,
}

impl Trouble {
    const TOLD_AT: u32 = 2;

    /// Another attempt failed; true if that is the one to tell of.
    pub(crate) fn again(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures == Self::TOLD_AT
    }

    /// An attempt worked; true if there had been trouble that was told of.
    pub(crate) fn over(&mut self) -> bool {
        std::mem::take(&mut self.failures) >= Self::TOLD_AT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lasting_trouble_is_told_once_and_so_is_its_end() {
        let mut trouble = Trouble::default();
        assert_eq!([trouble.again(), trouble.over()], [false, false]);
        assert_eq!([trouble.again(), trouble.again(), trouble.again()], [false, true, false]);
        assert_eq!([trouble.over(), trouble.over()], [true, false]);
    }
}

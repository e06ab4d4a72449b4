//! When errors are excused.

use super::history::{Fault, Span};

/// The times in which some fault excuses errors: sorted, those that touch merged.
pub(super) struct FaultWindows(Vec<Span>);

impl FaultWindows {
    pub(super) fn of<'f>(faults: impl IntoIterator<Item = &'f Fault>) -> Self {
        Self::over(faults.into_iter().filter_map(Fault::excuses).collect())
    }

    /// Of any times.
    pub(super) fn over(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| span.from);
        spans.dedup_by(|next, before| {
            let touches = next.from <= before.to;
            if touches {
                before.to = before.to.max(next.to);
            }
            touches
        });
        Self(spans)
    }

    /// Whether `span` has a moment in one of them.
    pub(super) fn cover(&self, span: &Span) -> bool {
        let next = self.0.partition_point(|window| window.to < span.from);
        self.0.get(next).is_some_and(|window| window.overlaps(span))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::history::Since;
    use super::*;

    fn span(from: u64, to: u64) -> Span {
        Span { from: Duration::from_secs(from), to: Duration::from_secs(to) }
    }

    fn fault(began: u64, ended: u64, bound: Option<u64>) -> Fault {
        let Span { from: began, to: ended } = span(began, ended);
        let bound = bound.map(Duration::from_secs);
        Fault { name: "test", target: String::new(), began, ended, since: Since::Ended, bound }
    }

    #[test]
    fn windows_that_touch_are_one_and_planned_changes_are_none() {
        let faults =
            [fault(30, 35, Some(5)), fault(10, 16, Some(4)), fault(11, 12, Some(1)), fault(50, 60, None)];
        let windows = FaultWindows::of(&faults);
        assert_eq!(windows.0, [span(10, 20), span(30, 40)]);
        for (call, is_covered) in [
            (span(0, 9), false),
            (span(0, 10), true),
            (span(20, 21), true),
            (span(21, 29), false),
            (span(15, 16), true),
            (span(0, 100), true),
            (span(41, 70), false),
        ] {
            assert_eq!(windows.cover(&call), is_covered, "{call:?}");
        }
    }
}

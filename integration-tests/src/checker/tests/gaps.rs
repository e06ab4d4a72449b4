//! The gaps between answers, in forged histories.

use std::time::Duration;

use super::super::*;
use super::run::{Run, seconds};

#[test]
fn the_longest_silence_of_each_partition_is_found() {
    let mut run = Run::new();
    // Call by call on partitions 1, 2, 0, each replied to 15 ms later.
    for second in [1, 2, 3, 4, 10, 12] {
        run.now = seconds(second);
        run.answered();
    }
    let gaps = longest_gaps(&run.history, Span { from: seconds(2), to: seconds(20) });
    let at = |second| seconds(second) + Duration::from_millis(15);
    let expected = [
        (0, Span { from: at(3), to: at(12) }),
        (1, Span { from: at(4), to: seconds(20) }),
        (2, Span { from: at(10), to: seconds(20) }),
    ];
    assert_eq!(gaps, BTreeMap::from(expected));
    let gaps = longest_gaps(&run.history, Span { from: seconds(1), to: at(12) });
    assert_eq!(gaps[&2], Span { from: at(2), to: at(10) }, "between two answers");
    assert_eq!(gaps[&0], Span { from: at(3), to: at(12) });
}

#[test]
fn a_partition_without_any_answer_is_silent_all_along() {
    let mut run = Run::new();
    run.unanswered();
    let during = Span { from: seconds(1), to: seconds(9) };
    assert_eq!(longest_gaps(&run.history, during), BTreeMap::from([(1, during)]));
}

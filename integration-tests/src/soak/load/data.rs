//! The data of calls: distinct, so that a record says which call it is of, and of every kind that JSON has to carry.

/// Data of call `number` in the run of `seed`.
pub(super) fn of_call(seed: u64, number: u64) -> String {
    let mut data = format!("call {number} of {seed} ");
    match number % 16 {
        0 => data.push_str(&"long ".repeat(800)),
        1 => data.push_str("\"quoted\" \\ / \u{8}\t\n\r and a null: \u{0}"),
        2 => data.push_str("Grüße, 世界, 🦀, \u{2028}\u{feff}"),
        3 => data.push_str(r#"{"data":"nested","id":"x","version":2}"#),
        _ => data.push_str("abcdefghijklmnopqrstuvwxyz"),
    }
    data
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_calls_have_the_same_data() {
        let all: BTreeSet<_> = (0..1_000).map(|number| of_call(7, number)).collect();
        assert_eq!(all.len(), 1_000);
        assert_ne!(of_call(7, 1), of_call(8, 1));
    }
}

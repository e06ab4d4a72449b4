use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::soak::faults::ALL;

fn kinds() -> Vec<Kind> {
    ALL.iter().map(|row| row.kind).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_seed_has_one_plan(seed in any::<u64>(), minutes in 1..30_u64) {
        let length = Duration::from_secs(minutes * 60);
        let plan = Plan::of(seed, length, &kinds());
        prop_assert_eq!(&plan, &Plan::of(seed, length, &kinds()));
        prop_assert_eq!(plan.to_string(), Plan::of(seed, length, &kinds()).to_string());
        // More time only adds to it.
        let longer = Plan::of(seed, length * 2, &kinds());
        prop_assert!(longer.steps.starts_with(&plan.steps));
    }

    #[test]
    fn every_kind_is_met_once_before_any_is_met_again(seed in any::<u64>()) {
        let plan = Plan::of(seed, Duration::from_secs(3600), &kinds());
        let mut seen = Vec::new();
        for fault in plan.steps.iter().flat_map(|step| &step.faults) {
            seen.push(fault.kind.row().name);
        }
        // Mixed steps may take a kind out of its turn, never out of its round.
        for round in seen.chunks_exact(ALL.len()) {
            prop_assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), ALL.len());
        }
        prop_assert!(seen.len() > 2 * ALL.len());
    }

    #[test]
    fn a_plan_fits_its_time_and_faults_overlap_at_most_two_at_a_time(seed in any::<u64>()) {
        let length = Duration::from_secs(600);
        let plan = Plan::of(seed, length, &kinds());
        let expected: Duration = plan.steps.iter().map(Step::expected).sum();
        prop_assert!(WARM_UP + expected <= length);
        for step in &plan.steps {
            prop_assert!((1..=2).contains(&step.faults.len()));
            for fault in &step.faults {
                let row = fault.kind.row();
                prop_assert!(row.lasts.contains(&fault.lasts.as_secs()));
                prop_assert!(step.rest >= fault.bound.unwrap_or_default());
            }
        }
    }
}

#[test]
fn seeds_have_plans_of_their_own() {
    let plans: BTreeSet<_> =
        (0..50).map(|seed| Plan::of(seed, Duration::from_secs(300), &kinds()).to_string()).collect();
    assert_eq!(plans.len(), 50);
}

#[test]
fn nothing_to_choose_from_is_no_plan() {
    assert_eq!(Plan::of(1, Duration::from_secs(600), &[]).steps, []);
}

#[test]
fn names_are_told_apart() {
    let names: BTreeSet<_> = ALL.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ALL.len());
    for row in ALL {
        assert_eq!(row.kind.row().name, row.name);
    }
}

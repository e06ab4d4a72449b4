//! A run that cannot fail protects nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::corpus::Corpus;
use crate::coverage::magnitude;
use crate::mutate::{LONGEST, mutated};
use crate::options::Options;
use crate::random::Random;
use crate::{Target, allocations, campaign, parts};

/// Found after some hundred inputs of this seed; far longer than they take.
const OPTIONS: Options = Options { time: Duration::from_secs(60), inputs: u64::MAX, seed: 1, is_long: false };

/// The words of the panic that a run of this target ends in.
fn fault(target: Target, decode: impl Fn(&[u8])) -> String {
    let run = AssertUnwindSafe(|| campaign::run(&target, &OPTIONS, decode));
    let panic = catch_unwind(run).expect_err("it has to be found");
    *panic.downcast::<String>().expect("words")
}

#[test]
fn a_bug_behind_a_length_is_found() {
    let words = fault(Target::new("self"), |bytes| {
        assert!(bytes.first_chunk() != Some(&[0, 0, 0, 0x7f]), "reached");
    });
    assert!(words.contains("self: it panicked: reached") && words.contains("FUZZ_SEED="), "{words}");
}

#[test]
fn memory_that_a_length_asks_for_is_found() {
    let words = fault(Target::new("self"), |bytes| {
        let Some(length) = bytes.first_chunk().map(|length| u32::from_be_bytes(*length)) else { return };
        // Believed, and then nothing comes of it.
        drop(Vec::<u8>::with_capacity((length as usize).min(1 << 28)));
    });
    assert!(words.contains("it held"), "{words}");
}

#[test]
fn a_target_without_a_corpus_fails() {
    assert!(fault(Target::new("nothing-of-that-name"), |_| ()).contains("no corpus"));
}

#[test]
fn a_decoder_without_fault_passes() {
    Target::new("self").run(|bytes| drop(bytes.to_vec()));
}

#[test]
fn a_short_run_ends_after_so_many_inputs() {
    let options = Options { inputs: 7, ..OPTIONS };
    let tried = Cell::new(0);
    campaign::run(&Target::new("self"), &options, |_| tried.set(tried.get() + 1));
    let kept = Corpus::of("self").kept().len();
    assert_eq!(tried.get(), kept + 7);
}

#[test]
fn memory_is_what_was_held_at_once() {
    let peak = allocations::peak_of(|| {
        drop(Vec::<u8>::with_capacity(1000));
        drop(Vec::<u8>::with_capacity(3000));
    });
    assert_eq!(peak, 3000);
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let pool = [b"GET / HTTP/1.1".to_vec(), Vec::new(), vec![7; LONGEST]];
    let inputs = |seed| {
        let mut random = Random::new(seed);
        (0..500).map(|_| mutated(&pool, &mut random)).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
    assert!(inputs(3).iter().all(|input| input.len() <= LONGEST));
}

#[test]
fn fields_are_cut_at_the_marks() {
    assert_eq!(parts::<2>(b"a\n--\nb\n--\nc"), [&b"a"[..], b"b\n--\nc"]);
    assert_eq!(parts::<3>(b"a"), [&b"a"[..], b"", b""]);
    assert_eq!(parts::<1>(b"a\n--\nb"), [b"a\n--\nb"]);
}

#[test]
fn counts_differ_by_magnitude() {
    let magnitudes: Vec<_> = [0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 127, 128, 255].map(magnitude).into();
    assert_eq!(magnitudes, [0, 1, 2, 4, 8, 8, 16, 32, 32, 64, 64, 128, 128]);
}

/// Chance alone would need some thousand million tries.
#[cfg(guided)]
#[test]
fn fuzz_is_guided() {
    let words = fault(Target::new("self"), |bytes| {
        let Some(word) = bytes.first_chunk::<4>() else { return };
        if word[0] == b'f' && word[1] == b'u' && word[2] == b'z' {
            assert!(word[3] != b'z', "reached");
        }
    });
    assert!(words.contains("it panicked: reached"), "{words}");
}

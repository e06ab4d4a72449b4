//! One run of one target.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::allocations;
use crate::corpus::Corpus;
use crate::coverage::Coverage;
use crate::mutate::mutated;
use crate::options::Options;
use crate::random::Random;
use crate::target::Target;

/// No input of some kilobytes takes longer, however busy the machine.
const LONGEST: Duration = Duration::from_secs(10);
const ROOM: &str = "there is room for one input";

pub(crate) fn run(target: &Target, options: &Options, decode: impl Fn(&[u8])) {
    let corpus = Corpus::of(target.name);
    let mut coverage = Coverage::default();
    let mut pool = Vec::new();
    let mut running = corpus.running().expect("the target folder can be written to");
    for (path, bytes) in corpus.kept() {
        running.put(&bytes).expect(ROOM);
        if let Err(fault) = attempt(target, &decode, &bytes, &mut coverage) {
            panic!("{}: {fault}\nby {}", target.name, path.display());
        }
        pool.push(bytes);
    }
    let kept = pool.len();
    if options.is_long {
        pool.extend(corpus.found());
    }

    let mut random = Random::new(options.seed);
    let ends = Instant::now() + options.time;
    let mut tried = 0_u64;
    let mut next = kept;
    while tried == 0 || (tried < options.inputs && Instant::now() < ends) {
        // What was found before is tried as it is, which tells what it reaches.
        let is_old = next < pool.len();
        let bytes = if is_old { pool[next].clone() } else { mutated(&pool, &mut random) };
        running.put(&bytes).expect(ROOM);
        match attempt(target, &decode, &bytes, &mut coverage) {
            Ok(true) if !is_old => {
                corpus.keep(&bytes);
                pool.push(bytes);
                next = pool.len();
            }
            Ok(_) => next += usize::from(is_old),
            Err(fault) => {
                let (name, path, seed) = (target.name, corpus.failed(&bytes), options.seed);
                panic!(
                    "{name}: {fault}\nby {path} (FUZZ_SEED={seed}), {} bytes: {}",
                    bytes.len(),
                    bytes.escape_ascii()
                );
            }
        }
        tried += 1;
    }
    if options.is_long {
        report(target.name, tried, kept, pool.len(), coverage.reached(), options.seed);
    }
}

/// Whether it reached anything new; or what is wrong with it.
fn attempt(
    target: &Target,
    decode: &impl Fn(&[u8]),
    bytes: &[u8],
    coverage: &mut Coverage,
) -> Result<bool, String> {
    let began = Instant::now();
    let mut result = Ok(());
    let mut peak = 0;
    let is_new = coverage.is_new(|| {
        peak = allocations::peak_of(|| result = catch_unwind(AssertUnwindSafe(|| decode(bytes))));
    });
    if let Err(panic) = result {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        return Err(format!("it panicked: {}", words.unwrap_or("without a word")));
    }
    let limit = target.limit_bytes(bytes.len());
    if peak > limit {
        return Err(format!("it held {peak} bytes, and may hold {limit} for {}", bytes.len()));
    }
    if began.elapsed() > LONGEST {
        return Err(format!("it took {:?}", began.elapsed()));
    }
    Ok(is_new)
}

#[expect(clippy::print_stderr, reason = "who asks for a long run wants to read what it did")]
fn report(name: &str, tried: u64, kept: usize, pool: usize, reached: usize, seed: u64) {
    let found = pool - kept;
    let guided =
        if cfg!(guided) { format!(", {found} more found, {reached} branches") } else { String::new() };
    eprintln!("{name}: {tried} inputs from a corpus of {kept}{guided} (FUZZ_SEED={seed})");
}

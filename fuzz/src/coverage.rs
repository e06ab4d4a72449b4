//! Which code an input reached, from the counters that the compiler puts into every branch when it is told to:
//! `-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-inline-8bit-counters`, see `.ci/fuzz`. In any other build there are
//! none, and nothing is ever new.
#![cfg_attr(
    guided,
    expect(unsafe_code, reason = "the instrumentation hands over its counters as two raw pointers")
)]

/// What was reached so far.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// Of each counter, which magnitudes it has had.
    seen: Vec<u8>,
    reached: usize,
}

impl Coverage {
    /// How many counters have ever been touched.
    pub(crate) fn reached(&self) -> usize {
        self.reached
    }

    /// Runs `work`; whether it reached code, or went round a loop so much more often, as nothing before.
    pub(crate) fn is_new(&mut self, work: impl FnOnce()) -> bool {
        let counters = counters::all();
        counters.iter().for_each(counters::clear);
        work();
        let width = counters::WIDTH;
        self.seen.resize(counters.len() * width, 0);
        let mut is_new = false;
        for (counters, seen) in counters.iter().zip(self.seen.chunks_mut(width)) {
            let Some(counts) = counters::read(counters) else { continue };
            for (count, seen) in counts.into_iter().zip(seen) {
                let magnitude = magnitude(count);
                if magnitude & !*seen != 0 {
                    self.reached += usize::from(*seen == 0);
                    *seen |= magnitude;
                    is_new = true;
                }
            }
        }
        is_new
    }
}

/// One bit for each: none of them for 0, then 1, 2, 3, 4–7, 8–15, 16–31, 32–127 and the rest.
pub(crate) fn magnitude(count: u8) -> u8 {
    match count {
        0 => 0,
        1..=3 => 1 << (count - 1),
        4..=7 => 1 << 3,
        8..=15 => 1 << 4,
        16..=31 => 1 << 5,
        32..=127 => 1 << 6,
        _ => 1 << 7,
    }
}

#[cfg(guided)]
mod counters {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// Counters are looked at so many at a time: most of them are zero.
    pub(super) const WIDTH: usize = 8;

    static ALL: OnceLock<&'static [AtomicU64]> = OnceLock::new();

    pub(super) fn all() -> &'static [AtomicU64] {
        let all = ALL.get().expect("a guided build is instrumented: see .ci/fuzz");
        assert!(!all.is_empty(), "a guided build has counters");
        all
    }

    pub(super) fn clear(counters: &AtomicU64) {
        counters.store(0, Relaxed);
    }

    pub(super) fn read(counters: &AtomicU64) -> Option<[u8; WIDTH]> {
        let counts = counters.load(Relaxed);
        (counts != 0).then(|| counts.to_ne_bytes())
    }

    /// Called before `main` by what the compiler has added, once for each program.
    ///
    /// # Safety
    /// `start` and `stop` are the two ends of a static array of bytes.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
        // SAFETY: both lie in one array, by this function's contract, which lives as long as the program. It is shared with
        // instrumented code, which adds to the bytes without looking; a count that is lost costs nothing. Every bit
        // pattern is an AtomicU64, and `align_to` cuts off what is not aligned to one.
        let (_, counters, _) = unsafe {
            let length = usize::try_from(stop.offset_from(start)).unwrap_or(0);
            std::slice::from_raw_parts_mut(start, length).align_to::<AtomicU64>()
        };
        drop(ALL.set(counters));
    }
}

#[cfg(not(guided))]
mod counters {
    pub(super) const WIDTH: usize = 1;

    pub(super) fn all() -> &'static [u8] {
        &[]
    }

    pub(super) fn clear(_: &u8) {}

    pub(super) fn read(_: &u8) -> Option<[u8; WIDTH]> {
        None
    }
}

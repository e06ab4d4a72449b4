//! A program that runs on this allocator: this test. Every block is filled with a pattern of its own, so that one which was
//! given out twice, or is too small, shows.

use std::sync::mpsc;
use std::thread;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// A sequence that looks like chance and is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

/// A block whose content is known.
struct Filled {
    bytes: Vec<u8>,
    pattern: u8,
}

impl Filled {
    fn new(chance: &mut Chance) -> Self {
        // Mostly small, sometimes beyond what is kept, now and then empty.
        let size = if chance.below(8) == 0 { chance.below(5_000) } else { chance.below(300) };
        let pattern = u8::try_from(chance.below(255)).expect("a byte") + 1;
        let bytes = if chance.below(2) == 0 {
            vec![pattern; size]
        } else {
            let mut zeroed = vec![0; size];
            assert!(zeroed.iter().all(|byte| *byte == 0), "it is not zeroed");
            zeroed.fill(pattern);
            zeroed
        };
        Self { bytes, pattern }
    }

    /// Lets it grow or shrink in place, or move.
    fn resize(&mut self, chance: &mut Chance) {
        self.check();
        let size = chance.below(2_500);
        self.bytes.resize(size, self.pattern);
        if chance.below(2) == 0 {
            self.bytes.shrink_to_fit();
        }
        self.check();
    }

    fn check(&self) {
        assert!(self.bytes.iter().all(|byte| *byte == self.pattern), "somebody else wrote here");
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.check();
        }
    }
}

#[test]
fn nobody_gets_what_is_anothers() {
    const THREADS: usize = 4;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::sync_channel(64)).unzip();
    thread::scope(|scope| {
        for (number, receiver) in receivers.into_iter().enumerate() {
            let next = senders[(number + 1) % THREADS].clone();
            scope.spawn(move || {
                let mut chance = Chance(number as u64);
                let mut own: Vec<Filled> = Vec::new();
                for _ in 0..60_000 {
                    match chance.below(6) {
                        0 | 1 => own.push(Filled::new(&mut chance)),
                        2 if !own.is_empty() => own[0].resize(&mut chance),
                        // To be freed by another thread than the one that allocated it.
                        3 => drop(own.pop().map(|block| next.try_send(block))),
                        4 => drop(receiver.try_recv()),
                        _ if !own.is_empty() => drop(own.swap_remove(chance.below(own.len()))),
                        _ => {}
                    }
                }
            });
        }
    });
}

/// Asks Linux.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_threads_that_have_been() {
    let resident_kb = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap()
    };
    let round = || {
        let worker = || {
            let blocks: Vec<_> = (0..2_000).map(|_| vec![1u8; 100]).collect();
            drop(blocks);
        };
        thread::spawn(worker).join().unwrap();
    };
    (0..20).for_each(|_| round());
    let before = resident_kb();
    (0..500).for_each(|_| round());
    let grown = resident_kb().saturating_sub(before);
    // A thread that kept what it freed would leave 200 KB behind each time.
    assert!(grown < 20_000, "{grown} kB after 500 threads");
}

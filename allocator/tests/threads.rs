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

#[test]
fn memory_does_not_grow_with_the_threads_that_have_been() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap();
        status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let round = || {
        let worker = || {
            let blocks: Vec<_> = (0..2_000).map(|_| vec![1u8; 100]).collect();
            drop(blocks);
        };
        thread::spawn(worker).join().unwrap();
    };
    (0..20).for_each(|_| round());
    let before = resident();
    (0..500).for_each(|_| round());
    let grown = resident().saturating_sub(before);
    // A thread that kept what it freed would leave 200 KB behind each time.
    assert!(grown < 20_000_000, "{grown} bytes after 500 threads");
}

#[test]
fn blocks_are_aligned_as_asked() {
    #[repr(align(64))]
    struct Wide(#[expect(dead_code, reason = "there for its size")] [u8; 64]);
    for _ in 0..100 {
        let (wide, narrow) = (Box::new(Wide([0; 64])), Box::new(0u128));
        assert_eq!((&raw const *wide).addr() % 64, 0);
        assert_eq!((&raw const *narrow).addr() % align_of::<u128>(), 0);
    }
}

/// The last thing that a thread does is to drop its thread locals, which free and may allocate.
#[test]
fn a_thread_that_ends_may_allocate_and_free() {
    struct AtTheEnd(Vec<u8>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            self.0 = vec![2; self.0.len() + 1];
            assert!(self.0.iter().all(|byte| *byte == 2));
        }
    }
    thread_local!(static LAST: AtTheEnd = AtTheEnd(vec![1; 40]));
    for _ in 0..50 {
        let length = thread::spawn(|| LAST.with(|last| last.0.len())).join().unwrap();
        assert_eq!(length, 40);
    }
}

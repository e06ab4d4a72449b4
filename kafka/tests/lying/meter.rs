//! How much memory is asked for at once: an allocator that keeps the books of the system's.
//!
//! rskafka reserves what a frame announces, up to a limit; connections of our own reserve what has arrived. So what threads
//! with rskafka clients ask for stands in a book of its own.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    marker::PhantomData,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The largest piece that was asked for since the start, in bytes, by threads without rskafka.
static LARGEST: AtomicUsize = AtomicUsize::new(0);
/// The same by threads with it.
static LARGEST_WITH_RSKAFKA: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HAS_RSKAFKA: Cell<bool> = const { Cell::new(false) };
}

#[global_allocator]
static METER: Meter = Meter;

struct Meter;

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its contract; there is no other way to see what is asked for"
)]
// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

fn note(bytes: usize) {
    // A thread that is ending has no such variable any more.
    let has_rskafka = HAS_RSKAFKA.try_with(Cell::get).unwrap_or_default();
    let book = if has_rskafka { &LARGEST_WITH_RSKAFKA } else { &LARGEST };
    book.fetch_max(bytes, Relaxed);
}

/// Says that the current thread has rskafka clients, until it is dropped.
pub(crate) struct WithRskafka(PhantomData<*const ()>);

impl WithRskafka {
    pub(crate) fn here() -> Self {
        HAS_RSKAFKA.set(true);
        Self(PhantomData)
    }
}

impl Drop for WithRskafka {
    fn drop(&mut self) {
        HAS_RSKAFKA.set(false);
    }
}

/// Answers here have some hundreds of bytes, but for one of 130 KB, and a quarter of this is asked for. Frames of 8 MB and more
/// are announced and do not come, see [`lies`](crate::lies): who believes that is found out.
const MOST: usize = 1 << 20;
/// What rskafka reserves at most for a frame that announces as much.
const MOST_WITH_RSKAFKA: usize = 64 << 20;

/// Fails if anybody in this process asked for more at once.
pub(crate) fn check() {
    for (book, most, who) in [(&LARGEST, MOST, "we"), (&LARGEST_WITH_RSKAFKA, MOST_WITH_RSKAFKA, "rskafka")] {
        let largest = book.load(Relaxed);
        assert!(largest <= most, "{who} asked for {largest} bytes at once");
    }
}

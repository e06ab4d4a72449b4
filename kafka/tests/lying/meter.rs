//! How much memory is asked for at once: an allocator that keeps the books of the system's.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The largest piece that was asked for since the start, in bytes.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

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
        LARGEST.fetch_max(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

/// Answers here have some hundreds of bytes. rskafka reserves up to 64 MiB for a frame that announces as much, and a tenth
/// of that for an array; we reserve what is there.
const MOST: usize = 64 << 20;

/// Fails if more was asked for at once than a frame may have, by anything in this process.
pub(crate) fn check() {
    let largest = LARGEST.load(Relaxed);
    assert!(largest <= MOST, "{largest} bytes were asked for at once");
}

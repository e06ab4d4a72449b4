//! How much memory a decoder holds at most, counted where it is allocated: on its own thread, in every test binary that
//! has a target. An allocator cannot be written without `unsafe`; this one hands everything on to the system's.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each call is passed on as it came")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counted;

#[global_allocator]
static COUNTED: Counted = Counted;

thread_local! {
    // No destructors, so that they can be used from the first allocation of a thread to its last.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Bytes that `work` held at once, at most, beyond what was there before.
pub(crate) fn peak_of(work: impl FnOnce()) -> usize {
    let before = LIVE.get();
    PEAK.set(before);
    work();
    usize::try_from(PEAK.get() - before).unwrap_or(0)
}

fn taken(size: usize) {
    let live = LIVE.get().saturating_add_unsigned(size);
    LIVE.set(live);
    if live > PEAK.get() {
        PEAK.set(live);
    }
}

fn given_back(size: usize) {
    LIVE.set(LIVE.get().saturating_sub_unsigned(size));
}

// SAFETY: everything is done by `System`, with the arguments as they came; counting allocates nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the contract of this same function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        given_back(layout.size());
        taken(new_size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

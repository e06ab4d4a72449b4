//! The programs' allocator: dlmalloc, in pure Rust, with the small blocks that a thread has freed kept for its next needs.
//!
//! A request allocates and frees some thirty small blocks in each service, in one busy thread. dlmalloc takes its one lock
//! for each, which cost more than the rest of its work together; a block that the thread kept costs a few instructions.
//! What is large, and what a thread has too much of, is dlmalloc's as before.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: allocator::Allocator = allocator::Allocator;
//! # fn main() {}
//! ```

#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait, free blocks are linked through themselves, and hints for caches name addresses"
)]

mod class;
mod kept;

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;

use dlmalloc::GlobalDlmalloc;

use class::Class;
use kept::Kept;

/// To be made the `#[global_allocator]` of a program. All values of it are the same allocator.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allocator;

thread_local! {
    /// What this thread has freed. Given back to dlmalloc when the thread ends.
    static KEPT: Kept<GlobalDlmalloc> = const { Kept::new(GlobalDlmalloc) };
}

/// Memory for a block of the class: one that the thread kept, or a new one.
fn take(class: Class) -> *mut u8 {
    match KEPT.try_with(|kept| kept.take(class)) {
        Ok(Some(block)) => block.as_ptr(),
        // None is kept; or the thread is about to end, and keeps nothing any more.
        Ok(None) | Err(_) => {
            // SAFETY: no class has a size of zero.
            unsafe { GlobalDlmalloc.alloc(class.layout()) }
        }
    }
}

/// # Safety
/// The block came from [`take`] for the same class, and nobody uses it any more.
unsafe fn give_back(class: Class, block: *mut u8) {
    // SAFETY: of the class by the caller's word, and nobody's.
    let is_kept = KEPT.try_with(|kept| unsafe { kept.keep(class, block) });
    if !is_kept.unwrap_or(false) {
        // SAFETY: `take` got it from there, with the same layout, now or when it was first needed.
        unsafe { GlobalDlmalloc.dealloc(block, class.layout()) }
    }
}

// SAFETY: a block is dlmalloc's, with the layout of its class if it has one, else with its own; both follow from the layout
// that callers have to repeat. It is at most in one hand: its user's, one thread's list, or dlmalloc. Nothing in
// here allocates through the global allocator. Nor do the standard library's thread locals: GlobalAlloc's documentation
// promises it under "Re-entrance" since Rust 1.93, and `rust-version` asks for no older one.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Class::of(layout) {
            Some(class) => take(class),
            // SAFETY: the caller keeps the contract of this same function.
            None => unsafe { GlobalDlmalloc.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match Class::of(layout) {
            // SAFETY: allocated with this layout, and so by `take` for this class.
            Some(class) => unsafe { give_back(class, block) },
            // SAFETY: as above.
            None => unsafe { GlobalDlmalloc.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = Class::of(layout) else {
            // SAFETY: as above.
            return unsafe { GlobalDlmalloc.alloc_zeroed(layout) };
        };
        let block = take(class);
        if !block.is_null() {
            // SAFETY: a block of the class has at least the layout's size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size is none that overflows with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (Class::of(layout), Class::of(new)) {
            // SAFETY: as above.
            (None, None) => unsafe { GlobalDlmalloc.realloc(block, layout, new_size) },
            (Some(before), Some(after)) if before == after => block,
            _ => {
                // SAFETY: the new size is not zero by the caller's word.
                let moved = unsafe { self.alloc(new) };
                if !moved.is_null() {
                    // SAFETY: two blocks, each of which has as much; the old one is used no more.
                    unsafe {
                        ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
                        self.dealloc(block, layout);
                    }
                }
                moved
            }
        }
    }
}

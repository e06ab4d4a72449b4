//! Blocks as the functions of `std::alloc` give them: where, aligned to what, and with what inside.

#![expect(unsafe_code, reason = "memory without an owner is what these functions are about")]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// Alignments up to a page: those of the classes, and wider ones.
const ALIGNMENTS: [usize; 6] = [1, 16, 32, 64, 512, 4096];

/// Within the classes, at their end, and beyond.
const SIZES: [usize; 8] = [1, 24, 25, 100, 1_016, 1_017, 5_000, 300_000];

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("an alignment is a power of two")
}

/// A block full of `pattern`.
fn filled(layout: Layout, pattern: u8) -> *mut u8 {
    // SAFETY: no size is zero, and the block has it.
    unsafe {
        let block = alloc(layout);
        assert!(!block.is_null());
        block.write_bytes(pattern, layout.size());
        block
    }
}

/// Whether each of the first `size` bytes is `expected`.
///
/// # Safety
/// They have been written to, and nobody writes to them meanwhile.
unsafe fn is_all(block: *const u8, size: usize, expected: u8) -> bool {
    // SAFETY: by the caller's word.
    unsafe { std::slice::from_raw_parts(block, size) }.iter().all(|byte| *byte == expected)
}

/// Three, because dlmalloc by itself would merge them and give the first one again first.
#[test]
fn what_a_thread_freed_last_it_gets_again_first() {
    for size in [8, 40, 100, 1_000] {
        let layout = layout(size, 8);
        let mut freed = [(); 3].map(|()| filled(layout, 1));
        for block in freed {
            // SAFETY: allocated with this layout, and used no more.
            unsafe { dealloc(block, layout) };
        }
        let again = [(); 3].map(|()| filled(layout, 2));
        freed.reverse();
        assert_eq!(again, freed, "of {size} bytes");
        for block in again {
            // SAFETY: as above.
            unsafe { dealloc(block, layout) };
        }
    }
}

#[test]
fn blocks_are_aligned_as_asked_also_when_they_grow_and_shrink() {
    for align in ALIGNMENTS {
        for (before, after) in SIZES.into_iter().flat_map(|size| SIZES.map(|other| (size, other))) {
            let block = filled(layout(before, align), 0xa5);
            assert!(block.addr().is_multiple_of(align), "{before} bytes at {align}");
            // SAFETY: allocated with this layout; the new size is neither zero nor too large. The old block is used no more.
            let moved = unsafe { realloc(block, layout(before, align), after) };
            assert!(!moved.is_null() && moved.addr().is_multiple_of(align), "{before} to {after} at {align}");
            // SAFETY: the smaller of the two is initialized by `filled`, and all of it belongs to the block, which is ours.
            unsafe {
                assert!(is_all(moved, before.min(after), 0xa5), "{before} to {after} at {align}");
                moved.write_bytes(0x5a, after);
                dealloc(moved, layout(after, align));
            }
        }
    }
}

#[test]
fn what_shall_be_zeroed_is_also_where_somebody_wrote_before() {
    for (size, align) in SIZES.into_iter().flat_map(|size| ALIGNMENTS.map(|align| (size, align))) {
        let layout = layout(size, align);
        for block in [(); 3].map(|()| filled(layout, 0xa5)) {
            // SAFETY: allocated with this layout, and used no more.
            unsafe { dealloc(block, layout) };
        }
        // SAFETY: no size is zero; zeroed memory is initialized; each is freed once, with its layout.
        unsafe {
            let zeroed = [(); 3].map(|()| alloc_zeroed(layout));
            for block in zeroed {
                assert!(!block.is_null() && block.addr().is_multiple_of(align), "{size} bytes at {align}");
                assert!(is_all(block, size, 0), "{size} bytes at {align}");
                block.write_bytes(0x5a, size);
            }
            // Only now, so that none stood where another was.
            assert!(zeroed.iter().all(|block| is_all(*block, size, 0x5a)));
            zeroed.iter().for_each(|block| dealloc(*block, layout));
        }
    }
}

//! The free blocks of one thread: a list for each class, linked through the blocks themselves.

use std::alloc::GlobalAlloc;
use std::cell::Cell;
use std::ptr::NonNull;

use crate::class::{ALIGN, CLASSES, Class, OVERHEAD, STEP};

/// Most that is kept of one class, in bytes: with a thousand requests under way, twice as much brought nothing. Of all 32
/// classes together that is 4 MiB for each living thread.
const MAX_BYTES: usize = 128 * 1024;

/// Free blocks, all of which came from `B` with the layouts of their classes: at most [`CLASSES`] times [`MAX_BYTES`], kept
/// until this is dropped, as the thread ends. No other thread gets them before.
#[derive(Debug)]
pub(crate) struct Kept<B: GlobalAlloc> {
    lists: [List; CLASSES],
    backing: B,
}

/// Blocks of one class.
#[derive(Debug)]
struct List {
    first: Cell<Option<NonNull<Link>>>,
    bytes: Cell<usize>,
}

/// What stands at the beginning of a free block.
struct Link {
    next: Option<NonNull<Link>>,
}

// A block of any class, so of the smallest, has room for it, and its alignment.
const _: () = assert!(size_of::<Link>() <= STEP - OVERHEAD && align_of::<Link>() <= ALIGN);

impl<B: GlobalAlloc> Kept<B> {
    /// Keeps nothing yet.
    pub(crate) const fn new(backing: B) -> Self {
        Self { lists: [const { List { first: Cell::new(None), bytes: Cell::new(0) } }; CLASSES], backing }
    }

    /// A block of the class, for the caller alone.
    #[inline]
    pub(crate) fn take(&self, class: Class) -> Option<NonNull<u8>> {
        let list = &self.lists[class.index()];
        let first = list.first.get()?;
        // SAFETY: a block in the list is nobody's but the list's, and begins with its link since it was put there.
        let next = unsafe { first.as_ref() }.next;
        list.first.set(next);
        fetch_ahead(next);
        list.bytes.set(list.bytes.get() - class.size());
        Some(first.cast())
    }

    /// Whether the block is kept; there may be enough of its class.
    ///
    /// # Safety
    /// The block came from this `B`, with the layout of the class, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn keep(&self, class: Class, block: *mut u8) -> bool {
        let list = &self.lists[class.index()];
        let bytes = list.bytes.get() + class.size();
        let Some(link) = NonNull::new(block).filter(|_| bytes <= MAX_BYTES) else { return false };
        let link = link.cast::<Link>();
        // SAFETY: nobody's, large enough for a link, and aligned for it. As every allocator does, this takes the pointer that
        // came back to have the provenance of the whole block: it may be written to, and given out again.
        unsafe { link.write(Link { next: list.first.get() }) };
        list.first.set(Some(link));
        list.bytes.set(bytes);
        true
    }
}

/// Has the processor bring the beginning of the block that is taken next, with its link, into its caches: in a crowd it has
/// long been pushed out.
#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch_ahead(next: Option<NonNull<Link>>) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    if let Some(next) = next {
        // SAFETY: a hint, which reads nothing as far as the language knows and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(next.as_ptr().cast()) };
    }
}

/// Nothing: stable Rust has no such hint for other processors.
#[cfg(not(target_arch = "x86_64"))]
fn fetch_ahead(_next: Option<NonNull<Link>>) {}

impl<B: GlobalAlloc> Drop for Kept<B> {
    fn drop(&mut self) {
        for class in Class::all() {
            while let Some(block) = self.take(class) {
                // SAFETY: everything that is kept came from there, with that layout.
                unsafe { self.backing.dealloc(block.as_ptr(), class.layout()) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{Layout, System};
    use std::collections::BTreeSet;

    use super::*;

    /// The system's, with an account of what it gave.
    #[derive(Default)]
    struct Accounted<'a>(Option<&'a Cell<isize>>);

    impl Accounted<'_> {
        fn add(&self, blocks: isize) {
            self.0.inspect(|account| account.set(account.get() + blocks));
        }
    }

    // SAFETY: everything is done by `System`, with the arguments as they came.
    unsafe impl GlobalAlloc for Accounted<'_> {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.add(1);
            // SAFETY: the caller keeps the contract of this same function.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            self.add(-1);
            // SAFETY: as above.
            unsafe { System.dealloc(block, layout) }
        }
    }

    fn class_of(size: usize) -> Class {
        Class::of(Layout::from_size_align(size, 8).unwrap()).unwrap()
    }

    /// A new block, full of something.
    fn block(backing: &Accounted<'_>, class: Class) -> *mut u8 {
        // SAFETY: no class has a size of zero, and the block has the size of its class.
        unsafe {
            let block = backing.alloc(class.layout());
            block.write_bytes(0xa5, class.size());
            block
        }
    }

    #[test]
    fn what_was_kept_last_is_taken_first_and_each_once() {
        let account = Cell::new(0);
        let kept = Kept::new(Accounted(Some(&account)));
        for size in [24, 100, 500, 1000] {
            let class = class_of(size);
            let blocks: Vec<_> = (0..10).map(|_| block(&kept.backing, class)).collect();
            for &block in &blocks {
                // SAFETY: from the same backing, with the layout of the class.
                assert!(unsafe { kept.keep(class, block) });
            }
            let taken: Vec<_> = std::iter::from_fn(|| kept.take(class)).map(NonNull::as_ptr).collect();
            assert_eq!(taken, blocks.iter().rev().copied().collect::<Vec<_>>());
            for block in taken {
                // SAFETY: as above.
                assert!(unsafe { kept.keep(class, block) });
            }
        }
        assert_eq!(account.get(), 40);
        drop(kept);
        assert_eq!(account.get(), 0, "everything is given back at the end");
    }

    #[test]
    fn classes_do_not_mix() {
        let kept = Kept::new(Accounted::default());
        let (small, large) = (class_of(24), class_of(1000));
        // SAFETY: from the same backing, with the layout of the class.
        assert!(unsafe { kept.keep(small, block(&kept.backing, small)) });
        assert_eq!(kept.take(large), None);
        assert!(kept.take(small).is_some_and(|block| {
            // SAFETY: as above.
            unsafe { kept.keep(small, block.as_ptr()) }
        }));
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let account = Cell::new(0);
        let kept = Kept::new(Accounted(Some(&account)));
        for class in Class::all() {
            let room = MAX_BYTES / class.size();
            let blocks: BTreeSet<_> = (0..=room).map(|_| block(&kept.backing, class)).collect();
            // SAFETY: from the same backing, with the layout of the class.
            let refused: Vec<_> =
                blocks.iter().filter(|&&block| !unsafe { kept.keep(class, block) }).collect();
            assert_eq!(refused.len(), 1);
            // SAFETY: it was not kept.
            unsafe { kept.backing.dealloc(*refused[0], class.layout()) };
        }
        drop(kept);
        assert_eq!(account.get(), 0);
    }

    #[test]
    fn nothing_is_kept_of_no_block() {
        let kept = Kept::new(Accounted::default());
        // SAFETY: there is no block.
        assert!(!unsafe { kept.keep(class_of(24), std::ptr::null_mut()) });
    }
}

//! Which sizes are kept, and which of them are the same.

use std::alloc::Layout;

/// Between two sizes, in bytes.
pub(crate) const STEP: usize = 32;

/// What dlmalloc needs of each block for itself, in bytes: with it a block is a multiple of [`STEP`], and nothing is lost.
pub(crate) const OVERHEAD: usize = size_of::<usize>();

/// How many classes there are: up to some 1 KiB. Larger blocks are few, and take longer to fill than to get.
pub(crate) const CLASSES: usize = 32;

/// The alignment of every block of a class, in bytes; dlmalloc aligns nothing to less.
pub(crate) const ALIGN: usize = 2 * size_of::<usize>();

/// Blocks that are one like another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class(usize);

impl Class {
    /// All that there are.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES).map(Self)
    }

    /// The smallest one that serves a layout, if one does.
    #[inline]
    pub(crate) fn of(layout: Layout) -> Option<Self> {
        // No size comes near the largest number.
        let class = (layout.size() + OVERHEAD - 1) / STEP;
        (class < CLASSES && layout.align() <= ALIGN).then_some(Self(class))
    }

    /// The place of the class among all.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// Of each block, in bytes.
    #[inline]
    pub(crate) fn size(self) -> usize {
        (self.0 + 1) * STEP - OVERHEAD
    }

    /// Of each block.
    #[inline]
    pub(crate) fn layout(self) -> Layout {
        Layout::from_size_align(self.size(), ALIGN).expect("small, and a power of two")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(size: usize, align: usize) -> Option<Class> {
        Class::of(Layout::from_size_align(size, align).unwrap())
    }

    #[test]
    fn a_class_ends_where_the_next_one_begins() {
        for class in Class::all() {
            assert_eq!(of(class.size(), 1), Some(class));
            assert_eq!(of(class.size() + 1, 1), Class::all().nth(class.index() + 1));
        }
        assert_eq!(of(1, 1), Class::all().next());
    }

    #[test]
    fn what_is_large_or_widely_aligned_has_none() {
        let largest = CLASSES * STEP - OVERHEAD;
        assert!(of(largest, ALIGN).is_some() && of(largest + 1, 1).is_none());
        assert!(of(8, 2 * ALIGN).is_none());
        assert!(of(isize::MAX.unsigned_abs(), 1).is_none());
    }

    proptest! {
        #[test]
        fn a_class_serves_what_it_is_asked_for(size in 1..2048usize, align in 0..7u32) {
            let asked = Layout::from_size_align(size, 1 << align).unwrap();
            if let Some(class) = Class::of(asked) {
                let served = class.layout();
                prop_assert!(served.size() >= asked.size() && served.align() >= asked.align());
                prop_assert!(served.size() - asked.size() < STEP);
            }
        }
    }
}

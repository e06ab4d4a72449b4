//! The last thing that a thread does is to drop its thread locals, which free and may allocate: also after the allocator's own is
//! gone, in which the thread kept its blocks.
//!
//! They are dropped last in, first out, and a thread of the standard library has allocated before it runs anything of ours:
//! whatever that makes is dropped before the allocator's. So this thread is the system's, and makes its own first.

#![cfg(unix)]
#![expect(unsafe_code, reason = "only the system starts a thread that has not allocated yet")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// How many threads came to their end as they should.
static ENDED: AtomicUsize = AtomicUsize::new(0);

/// What is dropped when the allocator keeps nothing any more.
struct Last {
    /// From before.
    block: RefCell<Vec<u8>>,
    /// Also used, so that the allocator's is there to be dropped.
    length: Cell<usize>,
}

impl Drop for Last {
    fn drop(&mut self) {
        let mut block = self.block.take();
        assert!(block.len() == self.length.get() && block.iter().all(|byte| *byte == 1));
        // Into another class, and out of all of them.
        for length in [400, 4_000, 40] {
            block.resize(length, 1);
            block.shrink_to_fit();
            assert!(block.iter().all(|byte| *byte == 1));
        }
        drop(block);
        let others = [2, 3].map(|pattern| (pattern, vec![pattern; 40]));
        assert!(others.iter().all(|(pattern, block)| block.iter().all(|byte| byte == pattern)));
        ENDED.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    // Made without an allocation: all that happens at its first use is that its end is registered.
    static LAST: Last = const { Last { block: RefCell::new(Vec::new()), length: Cell::new(0) } };
}

extern "C" fn run(_nothing: *mut c_void) -> *mut c_void {
    LAST.with(|last| last.length.set(40));
    // The first allocation of this thread. What is freed is kept, so that there is something to give back at the end, too.
    let block = vec![1; 40];
    drop(vec![0; 100]);
    LAST.with(|last| last.block.replace(block));
    ptr::null_mut()
}

#[test]
fn a_thread_that_ends_may_allocate_and_free() {
    const THREADS: usize = 50;
    for _ in 0..THREADS {
        // SAFETY: zeros are a value of it, whether it is a number or a pointer; it is only written to before it is read.
        let mut thread: libc::pthread_t = unsafe { std::mem::zeroed() };
        // SAFETY: `thread` may be written to, no attributes are the usual ones, and `run` makes nothing of its argument.
        let refused = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), run, ptr::null_mut()) };
        assert_eq!(refused, 0, "no thread");
        // SAFETY: it was started above, and nobody else waits for it or lets it go; its result is not asked for.
        assert_eq!(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, 0);
    }
    assert_eq!(ENDED.load(Ordering::SeqCst), THREADS);
}

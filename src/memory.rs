//! How much memory a piece of work has in use, counted by the allocator.
//!
//! A sort or an aggregate may keep more rows than there is memory, and no allocation fails before the system
//! ends the whole process. The work for a query runs on one thread; what that thread has in use, whoever
//! watches may read and stop the query in time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

/// The system's allocator, which counts. It must be the system's: oxigraph (0.5.13) has Rust free messages that
/// RocksDB has allocated, and crashes with any other. Without it as `#[global_allocator]` everything counts as nothing.
#[derive(Debug, Default)]
pub struct Counting;

thread_local! {
    /// Bytes in use by this thread that [`SHARED`] does not know of yet.
    static OWN: Cell<isize> = const { Cell::new(0) };
    /// Where to others this thread tells what it has in use, while it is watched.
    static SHARED: RefCell<Option<Arc<AtomicIsize>>> = const { RefCell::new(None) };
}

/// Bytes that are counted before others are told.
const STEP: isize = 64 * 1024;

fn count(bytes: isize) {
    // A thread that is ending has no more counters.
    let _ = OWN.try_with(|own| {
        let total = own.get().wrapping_add(bytes);
        own.set(total);
        if total.unsigned_abs() < STEP.unsigned_abs() {
            return;
        }
        own.set(0);
        let _ = SHARED.try_with(|shared| {
            if let Ok(shared) = shared.try_borrow()
                && let Some(shared) = &*shared
            {
                shared.fetch_add(total, Ordering::Relaxed);
            }
        });
    });
}

fn size(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its signature; all calls go to the system's"
)]
// SAFETY: every method hands its arguments on to `System` unchanged, and counting neither allocates nor
// unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let pointer = unsafe { System.alloc(layout) };
        if !pointer.is_null() {
            count(size(layout));
        }
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(size(layout));
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-size(layout));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        let pointer = unsafe { System.realloc(pointer, layout, new_size) };
        if !pointer.is_null() {
            count(isize::try_from(new_size).unwrap_or(isize::MAX) - size(layout));
        }
        pointer
    }
}

/// Counts `bytes` of this thread no longer: another thread will free them.
pub fn hand_over(bytes: usize) {
    count(-isize::try_from(bytes).unwrap_or(isize::MAX));
}

/// What the thread that made it has come to use since, for any thread to read.
#[derive(Debug, Clone)]
pub struct Usage(Arc<AtomicIsize>);

impl Usage {
    /// Begins to count for this thread, instead of what was counted for it before.
    #[must_use]
    pub fn of_this_thread() -> Self {
        let shared = Arc::new(AtomicIsize::new(0));
        OWN.set(0);
        SHARED.replace(Some(shared.clone()));
        Self(shared)
    }

    /// Bytes in use, give or take some ten thousand.
    #[must_use]
    pub fn bytes(&self) -> usize {
        usize::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Where this thread tells what it has in use, while it is watched.
#[must_use]
pub fn usage() -> Option<Usage> {
    SHARED.with_borrow(|shared| shared.clone().map(Usage))
}

/// Runs `work` for whoever `usage` is of: what it allocates on this thread is in use by them.
pub fn on_behalf_of<T>(usage: Option<&Usage>, work: impl FnOnce() -> T) -> T {
    let _own = Lent {
        own: OWN.replace(0),
        shared: SHARED.replace(usage.map(|usage| usage.0.clone())),
    };
    work()
}

/// What is this thread's own while it works for another. It has it again afterwards, even if the work panics.
struct Lent {
    own: isize,
    shared: Option<Arc<AtomicIsize>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let rest = OWN.replace(self.own);
        if let Some(usage) = SHARED.replace(self.shared.take()) {
            usage.fetch_add(rest, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn a_thread_counts_what_it_has_in_use() {
        let usage = Usage::of_this_thread();
        count(10 * STEP);
        count(-4 * STEP);
        std::thread::spawn(|| count(100 * STEP)).join().unwrap();
        assert_eq!(usage.bytes(), usize::try_from(6 * STEP).unwrap());
        let borrowed = usage.clone();
        let helped = std::thread::spawn(move || {
            on_behalf_of(Some(&borrowed), || count(3 * STEP + 7));
            // And no longer.
            count(50 * STEP);
        });
        helped.join().unwrap();
        assert_eq!(usage.bytes(), usize::try_from(9 * STEP + 7).unwrap());
        count(-20 * STEP);
        assert_eq!(usage.bytes(), 0);
    }
}

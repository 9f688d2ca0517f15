//! A query's place among the queries, which it lends to another while it only waits.
//!
//! The places bound what computes and what takes memory. A query that waits for a picture from another server does
//! neither, and with slow servers such queries would have all the places.

use std::cell::RefCell;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

/// A place, and the runtime on which to wait for it.
struct Place {
    permit: OwnedSemaphorePermit,
    runtime: Handle,
}

thread_local! {
    /// The place of the query for which this thread works.
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// This thread has a place, until dropped.
#[derive(Debug)]
pub struct Held(());

/// Gives the place to what this thread does from now on. The thread must be one that may block.
#[must_use]
pub fn hold(permit: OwnedSemaphorePermit, runtime: Handle) -> Held {
    PLACE.set(Some(Place { permit, runtime }));
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        // A thread that is ending has dropped it already.
        let _ = PLACE.try_with(RefCell::take);
    }
}

/// Does `wait`, which only waits; the place is free meanwhile, and had again before this returns.
pub fn lend<T>(wait: impl FnOnce() -> T) -> T {
    let Some(Place { permit, runtime }) = PLACE.take() else {
        return wait();
    };
    let places = permit.semaphore().clone();
    drop(permit);
    let result = wait();
    let again = runtime.block_on(places.acquire_owned());
    let permit = again.expect("the places are never closed");
    PLACE.set(Some(Place { permit, runtime }));
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_place_is_free_while_it_is_lent_and_after_its_work() {
        let places = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&places).acquire_owned().await.unwrap();
        let (runtime, seen) = (Handle::current(), Arc::clone(&places));
        let worker = std::thread::spawn(move || {
            let _held = hold(permit, runtime);
            let before = seen.available_permits();
            let lent = lend(|| seen.available_permits());
            [before, lent, seen.available_permits()]
        });
        let free = tokio::task::spawn_blocking(|| worker.join().unwrap());
        assert_eq!(free.await.unwrap(), [0, 1, 0]);
        assert_eq!(places.available_permits(), 1);
        assert_eq!(lend(|| 7), 7, "without a place there is nothing to lend");
    }
}

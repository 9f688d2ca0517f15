//! A query's place among the queries, which it lends to another while it only waits.
//!
//! The places bound what computes and what takes memory. A query that waits for a picture from another server does
//! neither, and with slow servers such queries would have all the places.

pub mod fair;

use fair::Place;
use std::cell::RefCell;
use tokio::runtime::Handle;

thread_local! {
    /// The place of the query for which this thread works, and the runtime on which to wait for it.
    static PLACE: RefCell<Option<(Place, Handle)>> = const { RefCell::new(None) };
}

/// This thread has a place, until dropped.
#[derive(Debug)]
pub struct Held(());

/// Gives the place to what this thread does from now on. The thread must be one that may block.
#[must_use]
pub fn hold(place: Place, runtime: Handle) -> Held {
    PLACE.set(Some((place, runtime)));
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
    let Some((place, runtime)) = PLACE.take() else {
        return wait();
    };
    let (places, client) = place.give_back();
    let result = wait();
    let place = runtime.block_on(places.ask_again(client));
    PLACE.set(Some((place, runtime)));
    result
}

#[cfg(test)]
mod tests {
    use super::fair::{Client, Places};
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_place_is_free_while_it_is_lent_and_after_its_work() {
        let places = Places::new(1, 1);
        let place = places.ask(Client::Anybody).unwrap().await;
        let (runtime, seen) = (Handle::current(), places.clone());
        let worker = std::thread::spawn(move || {
            let _held = hold(place, runtime);
            let before = seen.n_free();
            let lent = lend(|| seen.n_free());
            [before, lent, seen.n_free()]
        });
        let free = tokio::task::spawn_blocking(|| worker.join().unwrap());
        assert_eq!(free.await.unwrap(), [0, 1, 0]);
        assert_eq!(places.n_free(), 1);
        assert_eq!(lend(|| 7), 7, "without a place there is nothing to lend");
    }
}

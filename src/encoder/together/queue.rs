//! What waits for the model, of all requests, and whose turn it is.

use std::collections::VecDeque;
use std::sync::Arc;

/// Says whether nobody waits for an answer any more.
pub type IsStopped = Arc<dyn Fn() -> bool + Send + Sync>;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Requests: each has a thread that waits.
    pub(super) requests: usize,
    /// Items of all requests: each takes memory and time.
    pub(super) items: usize,
}

/// How much is taken at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) items: usize,
    /// In whatever unit the items' costs are; one item is taken whatever it costs.
    pub(super) cost: usize,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Items of requests, each with what it costs. The requests take turns, an item a turn: who asks for one waits for
/// one item of each of the others, however many those have.
pub(super) struct Queue<T> {
    bounds: Bounds,
    /// The one whose turn it is comes first; each has an item.
    requests: VecDeque<Request<T>>,
    n_items: usize,
}

struct Request<T> {
    items: VecDeque<(T, usize)>,
    is_stopped: IsStopped,
}

impl<T> Queue<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            requests: VecDeque::new(),
            n_items: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.n_items
    }

    /// Adds a request.
    ///
    /// # Errors
    /// [`Full`] if there is no room for it. A request that is larger than all room there is has some when nothing else
    /// waits.
    pub(super) fn push(
        &mut self,
        items: VecDeque<(T, usize)>,
        is_stopped: IsStopped,
    ) -> Result<(), Full> {
        if items.is_empty() {
            return Ok(());
        }
        if !self.has_room(items.len()) {
            self.drop_stopped();
        }
        if !self.has_room(items.len()) {
            return Err(Full);
        }
        self.n_items += items.len();
        self.requests.push_back(Request { items, is_stopped });
        Ok(())
    }

    fn has_room(&self, n: usize) -> bool {
        self.requests.is_empty()
            || (self.requests.len() < self.bounds.requests
                && self.n_items.saturating_add(n) <= self.bounds.items)
    }

    /// What is to be encoded next: of requests that were stopped, nothing.
    pub(super) fn take(&mut self, batch: Batch) -> Vec<T> {
        self.drop_stopped();
        let mut taken = Vec::new();
        let mut cost = 0usize;
        while taken.len() < batch.items
            && let Some(mut request) = self.requests.pop_front()
        {
            let (item, costs) = (request.items.pop_front()).expect("each request has an item");
            cost = cost.saturating_add(costs);
            if !taken.is_empty() && cost > batch.cost {
                request.items.push_front((item, costs));
                self.requests.push_front(request);
                break;
            }
            taken.push(item);
            self.n_items -= 1;
            if !request.items.is_empty() {
                self.requests.push_back(request);
            }
        }
        taken
    }

    fn drop_stopped(&mut self) {
        self.requests.retain(|request| !(request.is_stopped)());
        self.n_items = (self.requests.iter())
            .map(|request| request.items.len())
            .sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const BOUNDS: Bounds = Bounds {
        requests: 8,
        items: 100,
    };

    fn going_on() -> IsStopped {
        Arc::new(|| false)
    }

    /// `n` items (request, number) that cost 1 each.
    fn items(request: usize, n: usize) -> VecDeque<((usize, usize), usize)> {
        (0..n).map(|number| ((request, number), 1)).collect()
    }

    fn of(items: usize) -> Batch {
        Batch {
            items,
            cost: usize::MAX,
        }
    }

    #[test]
    fn requests_take_turns() {
        let mut queue = Queue::new(BOUNDS);
        queue.push(items(0, 5), going_on()).unwrap();
        queue.push(items(1, 2), going_on()).unwrap();
        assert_eq!(queue.take(of(3)), [(0, 0), (1, 0), (0, 1)]);
        // Who comes now waits for one of each, not for all that were there before.
        queue.push(items(2, 1), going_on()).unwrap();
        assert_eq!(queue.take(of(3)), [(1, 1), (0, 2), (2, 0)]);
        assert_eq!(queue.take(of(3)), [(0, 3), (0, 4)]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn what_is_stopped_is_not_taken_and_makes_room() {
        let mut queue = Queue::new(BOUNDS);
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_stopped);
        let look: IsStopped = Arc::new(move || stopped.load(Ordering::Relaxed));
        queue.push(items(0, 99), look).unwrap();
        queue.push(items(1, 1), going_on()).unwrap();
        assert_eq!(queue.push(items(2, 1), going_on()), Err(Full));
        assert_eq!(queue.take(of(1)), [(0, 0)]);
        is_stopped.store(true, Ordering::Relaxed);
        queue.push(items(2, 9), going_on()).unwrap();
        assert_eq!(queue.take(of(3)), [(1, 0), (2, 0), (2, 1)]);
    }

    #[test]
    fn a_request_larger_than_the_room_waits_alone() {
        let mut queue = Queue::new(BOUNDS);
        queue.push(items(0, 1000), going_on()).unwrap();
        assert_eq!(queue.push(items(1, 1), going_on()), Err(Full));
    }

    #[test]
    fn a_batch_costs_what_it_may_or_has_one_item() {
        let mut queue = Queue::new(BOUNDS);
        let costly = [((0, 0), 50), ((0, 1), 3)].into();
        queue.push(costly, going_on()).unwrap();
        queue.push(items(1, 4), going_on()).unwrap();
        let batch = Batch { items: 9, cost: 5 };
        assert_eq!(queue.take(batch), [(0, 0)]);
        assert_eq!(queue.take(batch), [(1, 0), (0, 1), (1, 1)]);
        assert_eq!(queue.take(batch), [(1, 2), (1, 3)]);
    }

    proptest! {
        /// Nothing is lost, nothing comes twice, each request in its order; and whoever waits gets an item before
        /// another gets two.
        #[test]
        fn all_is_taken_once_and_fairly(
            steps in prop::collection::vec((0usize..9, 1usize..6), 1..60),
        ) {
            let mut queue = Queue::new(BOUNDS);
            let (mut pushed, mut taken) = (Vec::new(), Vec::new());
            let mut waiting: Vec<usize> = Vec::new();
            let mut turns: Vec<Vec<usize>> = Vec::new();
            for (request, (n, most)) in steps.into_iter().enumerate() {
                if queue.push(items(request, n), going_on()).is_ok() {
                    pushed.extend((0..n).map(|number| (request, number)));
                    waiting.push(n);
                    turns.push(Vec::new());
                } else {
                    waiting.push(0);
                    turns.push(Vec::new());
                }
                prop_assert!(queue.len() <= BOUNDS.items);
                let batch = queue.take(of(most));
                for (who, number) in batch {
                    // All that still wait have seen `who` at most once since their own turn.
                    for (other, seen) in turns.iter_mut().enumerate() {
                        if other != who && waiting[other] > 0 {
                            prop_assert!(!seen.contains(&who), "{} twice before {}", who, other);
                            seen.push(who);
                        }
                    }
                    turns[who].clear();
                    waiting[who] -= 1;
                    taken.push((who, number));
                }
            }
            taken.extend(queue.take(of(usize::MAX)));
            for request in 0..waiting.len() {
                let of_request: Vec<_> = taken.iter().filter(|(who, _)| *who == request).collect();
                let expected: Vec<_> = pushed.iter().filter(|(who, _)| *who == request).collect();
                prop_assert_eq!(of_request, expected);
            }
        }
    }
}

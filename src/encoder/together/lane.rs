//! One tower of the model, what waits for it, and the thread that runs it.

use super::EmbedError;
use super::queue::{Batch, Bounds, IsStopped, Queue};
use crate::embedding::Embedding;
use crate::encoder::EncoderError;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often one who waits looks whether the query was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// Items are encoded in the order in which [`Queue`] gives them, by one thread, until dropped.
pub(super) struct Lane<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    name: &'static str,
    state: Mutex<State<T>>,
    /// Something waits, or the lane is dropped.
    changed: Condvar,
    most: Box<dyn Fn(usize) -> Batch + Send + Sync>,
    run: Box<Run<T>>,
}

/// One embedding per item, in order.
type Run<T> = dyn Fn(&[T]) -> Result<Vec<Embedding>, EncoderError> + Send + Sync;

struct State<T> {
    queue: Queue<Item<T>>,
    has_thread: bool,
    is_closed: bool,
}

/// An item, and who gets its embedding.
struct Item<T> {
    value: T,
    number: usize,
    asked_by: mpsc::Sender<(usize, Result<Embedding, EncoderError>)>,
}

impl<T: Send + 'static> Lane<T> {
    /// `most` says how much is encoded at once when so many items wait, and `run` encodes them.
    pub(super) fn new(
        name: &'static str,
        bounds: Bounds,
        most: impl Fn(usize) -> Batch + Send + Sync + 'static,
        run: impl Fn(&[T]) -> Result<Vec<Embedding>, EncoderError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                name,
                state: Mutex::new(State {
                    queue: Queue::new(bounds),
                    has_thread: false,
                    is_closed: false,
                }),
                changed: Condvar::new(),
                most: Box::new(most),
                run: Box::new(run),
            }),
        }
    }

    /// One embedding per item, in order; each item comes with its cost. Blocks.
    ///
    /// # Errors
    /// [`EmbedError`]; of several items that fail, the first one's.
    pub(super) fn encode(
        &self,
        items: VecDeque<(T, usize)>,
        is_stopped: &IsStopped,
    ) -> Result<Vec<Embedding>, EmbedError> {
        let n = items.len();
        let (sender, receiver) = mpsc::channel();
        let items = (items.into_iter().enumerate())
            .map(|(number, (value, cost))| {
                let asked_by = sender.clone();
                let item = Item {
                    value,
                    number,
                    asked_by,
                };
                (item, cost)
            })
            .collect();
        drop(sender);
        {
            let mut state = self.shared.state();
            self.shared.start(&mut state)?;
            (state.queue.push(items, Arc::clone(is_stopped))).map_err(|_| EmbedError::Full)?;
        }
        self.shared.changed.notify_one();
        let mut embeddings: Vec<Option<Result<Embedding, EncoderError>>> = Vec::new();
        embeddings.resize_with(n, || None);
        let mut n_missing = n;
        while n_missing > 0 {
            match receiver.recv_timeout(LOOK) {
                Ok((number, embedding)) => {
                    embeddings[number] = Some(embedding);
                    n_missing -= 1;
                }
                Err(RecvTimeoutError::Timeout) if is_stopped() => return Err(EmbedError::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
                // The queue drops what was stopped.
                Err(RecvTimeoutError::Disconnected) => return Err(EmbedError::Stopped),
            }
        }
        let embeddings = embeddings.into_iter().flatten();
        Ok(embeddings.collect::<Result<_, _>>()?)
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.changed.notify_all();
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Shared<T> {
    /// Starts the thread with the first item: many an encoder is never asked.
    fn start(self: &Arc<Self>, state: &mut State<T>) -> Result<(), EncoderError> {
        if state.has_thread {
            return Ok(());
        }
        let shared = Arc::clone(self);
        std::thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || shared.encode_all())
            .map_err(|source| EncoderError::Run {
                tower: self.name,
                source: Box::new(source),
            })?;
        state.has_thread = true;
        Ok(())
    }

    fn encode_all(&self) {
        while let Some(batch) = self.next() {
            self.encode(batch);
        }
    }

    /// Waits for items; none once the lane is dropped.
    fn next(&self) -> Option<Vec<Item<T>>> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            let n_waiting = state.queue.len();
            if n_waiting == 0 {
                state = (self.changed.wait(state)).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // How much fits may have to be found out first, and others may ask meanwhile.
            drop(state);
            // Without an answer they go one by one, and the thread that all wait for goes on.
            let most = catch_unwind(AssertUnwindSafe(|| (self.most)(n_waiting)));
            let most = most.unwrap_or(Batch { items: 1, cost: 0 });
            state = self.state();
            let batch = state.queue.take(most);
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }

    /// Runs a batch. Where it fails, each item is tried alone: what is wrong with one costs the others nothing but time.
    fn encode(&self, batch: Vec<Item<T>>) {
        let (values, receivers): (Vec<T>, Vec<_>) = (batch.into_iter())
            .map(|item| (item.value, (item.number, item.asked_by)))
            .unzip();
        let embeddings = match self.try_run(&values) {
            Ok(embeddings) => embeddings.into_iter().map(Ok).collect(),
            Err(error) if values.len() == 1 => vec![Err(error)],
            Err(_) => (values.iter())
                .map(|value| {
                    let mut embeddings = self.try_run(std::slice::from_ref(value))?;
                    Ok(embeddings.pop().expect("one embedding per item"))
                })
                .collect::<Vec<_>>(),
        };
        for ((number, asked_by), embedding) in receivers.into_iter().zip(embeddings) {
            // Who has gone needs no embedding.
            let _ = asked_by.send((number, embedding));
        }
    }

    fn try_run(&self, values: &[T]) -> Result<Vec<Embedding>, EncoderError> {
        let failed = |problem: String| EncoderError::Run {
            tower: self.name,
            source: problem.into(),
        };
        // What panicked left nothing behind that a later run would read.
        let run = catch_unwind(AssertUnwindSafe(|| (self.run)(values)));
        let embeddings =
            run.map_err(|panic| failed(format!("it panicked: {}", said(&*panic))))??;
        if embeddings.len() != values.len() {
            let (found, wanted) = (embeddings.len(), values.len());
            return Err(failed(format!(
                "it gave {found} vectors instead of {wanted}"
            )));
        }
        Ok(embeddings)
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::{JoinHandle, spawn};

    const BOUNDS: Bounds = Bounds {
        requests: 40,
        items: 20_000,
    };

    fn going_on() -> IsStopped {
        Arc::new(|| false)
    }

    fn embedding(x: u32) -> Embedding {
        Embedding::new(vec![1.0, f32::from(u16::try_from(x).unwrap())]).unwrap()
    }

    fn items(of: impl IntoIterator<Item = u32>) -> VecDeque<(u32, usize)> {
        of.into_iter().map(|x| (x, 1)).collect()
    }

    /// A lane whose batches begin when the test lets them, and tell what is in them.
    struct Gated {
        lane: Arc<Lane<u32>>,
        begin: Sender<()>,
        batches: Receiver<Vec<u32>>,
    }

    fn gated() -> Gated {
        let (begin, may_begin) = channel::<()>();
        let (tell, batches) = channel();
        let (may_begin, tell) = (Mutex::new(may_begin), Mutex::new(tell));
        let run = move |values: &[u32]| {
            let _ = tell.lock().unwrap().send(values.to_vec());
            let _ = may_begin.lock().unwrap().recv();
            assert!(!values.contains(&13), "thirteen");
            Ok(values.iter().map(|x| embedding(*x)).collect())
        };
        let most = |_| Batch {
            items: 4,
            cost: usize::MAX,
        };
        Gated {
            lane: Arc::new(Lane::new("test", BOUNDS, most, run)),
            begin,
            batches,
        }
    }

    impl Gated {
        fn ask(
            &self,
            of: impl IntoIterator<Item = u32>,
            is_stopped: IsStopped,
        ) -> JoinHandle<Result<Vec<Embedding>, EmbedError>> {
            let (lane, items) = (Arc::clone(&self.lane), items(of));
            spawn(move || lane.encode(items, &is_stopped))
        }

        /// Until so many items wait.
        fn wait_for(&self, n: usize) {
            while self.lane.shared.state().queue.len() != n {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn what_comes_during_a_batch_is_the_next_batch() {
        let gated = gated();
        let first = gated.ask([1], going_on());
        assert_eq!(gated.batches.recv().unwrap(), [1], "at once");
        let others: Vec<_> = (2..5).map(|x| gated.ask([x], going_on())).collect();
        gated.wait_for(3);
        gated.begin.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap(), [embedding(1)]);
        let mut batch = gated.batches.recv().unwrap();
        batch.sort_unstable();
        assert_eq!(batch, [2, 3, 4]);
        gated.begin.send(()).unwrap();
        for (x, other) in (2..).zip(others) {
            assert_eq!(other.join().unwrap().unwrap(), [embedding(x)]);
        }
    }

    /// By the order of batches, not by time: one text is in the batch after the one that runs, whoever asked for ten
    /// thousand before.
    #[test]
    fn ten_thousand_do_not_starve_one() {
        let gated = gated();
        let many = gated.ask((0..10_000).map(|x| 100 + x % 1000), going_on());
        assert_eq!(gated.batches.recv().unwrap().len(), 4);
        let one = gated.ask([7], going_on());
        gated.wait_for(10_000 - 4 + 1);
        gated.begin.send(()).unwrap();
        assert!(gated.batches.recv().unwrap().contains(&7));
        gated.begin.send(()).unwrap();
        assert_eq!(one.join().unwrap().unwrap(), [embedding(7)]);
        assert!(!many.is_finished());
        // From now on batches need not be let.
        drop(gated.begin);
        assert_eq!(many.join().unwrap().unwrap().len(), 10_000);
    }

    #[test]
    fn a_stopped_request_takes_no_more_of_the_model() {
        let gated = gated();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_stopped);
        let many = gated.ask(0..12, Arc::new(move || stopped.load(Ordering::Relaxed)));
        assert_eq!(gated.batches.recv().unwrap(), [0, 1, 2, 3]);
        let other = gated.ask([20], going_on());
        gated.wait_for(9);
        is_stopped.store(true, Ordering::Relaxed);
        // It does not even wait for the batch that runs.
        assert!(matches!(many.join().unwrap(), Err(EmbedError::Stopped)));
        gated.begin.send(()).unwrap();
        assert_eq!(gated.batches.recv().unwrap(), [20]);
        gated.begin.send(()).unwrap();
        assert_eq!(other.join().unwrap().unwrap(), [embedding(20)]);
    }

    #[test]
    fn a_panic_costs_the_request_that_brought_it() {
        let gated = gated();
        let first = gated.ask([1], going_on());
        gated.batches.recv().unwrap();
        let requests = [[2, 3], [13, 4], [5, 6]].map(|of| {
            let asked = gated.ask(of, going_on());
            (of, asked)
        });
        gated.wait_for(6);
        for _ in 0..20 {
            gated.begin.send(()).unwrap();
        }
        assert!(first.join().unwrap().is_ok());
        for (of, asked) in requests {
            let found = asked.join().unwrap();
            match of.contains(&13) {
                false => assert_eq!(found.unwrap(), of.map(embedding)),
                true => {
                    let Err(EmbedError::Encoder(EncoderError::Run { source, .. })) = found else {
                        panic!("{found:?}");
                    };
                    assert!(source.to_string().contains("thirteen"), "{source}");
                }
            }
        }
        assert!(
            gated.ask([8], going_on()).join().unwrap().is_ok(),
            "it goes on"
        );
    }

    #[test]
    fn where_nobody_can_say_how_many_fit_they_go_one_by_one() {
        let run = |values: &[u32]| Ok(values.iter().map(|x| embedding(*x)).collect());
        let lane = Lane::new("test", BOUNDS, |_| panic!("no model"), run);
        let found = lane.encode(items([1, 2]), &going_on()).unwrap();
        assert_eq!(found, [1, 2].map(embedding));
    }

    #[test]
    fn a_full_queue_says_so_at_once() {
        let gated = gated();
        let first = gated.ask([1], going_on());
        gated.batches.recv().unwrap();
        let many = gated.ask((0..20_000).map(|x| 100 + x % 1000), going_on());
        gated.wait_for(20_000);
        let refused = gated.ask([2], going_on()).join().unwrap();
        assert!(matches!(refused, Err(EmbedError::Full)));
        assert!(!first.is_finished());
        drop(gated.begin);
        assert_eq!(many.join().unwrap().unwrap().len(), 20_000);
    }
}

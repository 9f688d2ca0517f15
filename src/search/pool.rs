//! Work in blocks, for all processors, shared fairly between queries.
//!
//! Each query's own thread works on its blocks; the threads of the pool help, one block of one query, then one of the
//! next. So a short search is not kept waiting by a long one: it has its own thread and its share of the others.

use crate::memory::{self, Usage};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// The threads that help.
pub(super) struct Pool {
    queue: Mutex<VecDeque<Arc<Job>>>,
    has_work: Condvar,
    n_helpers: usize,
}

/// Blocks of one query that are worked on.
struct Job {
    work: Box<dyn Fn(usize) + Send + Sync>,
    n_blocks: usize,
    /// The next block that nobody works on.
    next: AtomicUsize,
    is_stopped: AtomicBool,
    /// What another thread panicked with.
    failure: Mutex<Option<Box<dyn Any + Send>>>,
    /// Helpers at work on a block.
    helping: Mutex<usize>,
    is_left: Condvar,
    usage: Option<Usage>,
}

/// Not all blocks were worked on.
#[derive(Debug)]
pub(super) struct Stopped;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// The pool of this process: one thread fewer than there are processors, as each query has its own.
    pub(super) fn shared() -> &'static Self {
        static POOL: OnceLock<&'static Pool> = OnceLock::new();
        POOL.get_or_init(|| {
            let n = std::thread::available_parallelism().map_or(1, usize::from);
            Self::with_helpers(n - 1)
        })
    }

    /// A pool that is there for as long as the process.
    pub(super) fn with_helpers(n_helpers: usize) -> &'static Self {
        let pool: &'static Self = Box::leak(Box::new(Self {
            queue: Mutex::new(VecDeque::new()),
            has_work: Condvar::new(),
            n_helpers,
        }));
        for _ in 0..n_helpers {
            // A system without threads to give leaves the work to the queries' own.
            let thread = std::thread::Builder::new().name("search".to_owned());
            let _ = thread.spawn(|| pool.help());
        }
        pool
    }

    /// Calls `work` with each number below `n_blocks`, on this thread and others, in whatever order; `is_stopped` is
    /// asked before each block of this thread, and ends the work of all.
    ///
    /// # Panics
    /// If `work` panics.
    pub(super) fn run(
        &self,
        n_blocks: usize,
        work: impl Fn(usize) + Send + Sync + 'static,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(), Stopped> {
        if n_blocks <= 1 || self.n_helpers == 0 {
            for block in 0..n_blocks {
                if is_stopped() {
                    return Err(Stopped);
                }
                work(block);
            }
            return Ok(());
        }
        let job = Arc::new(Job {
            work: Box::new(work),
            n_blocks,
            next: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            failure: Mutex::new(None),
            helping: Mutex::new(0),
            is_left: Condvar::new(),
            usage: memory::usage(),
        });
        lock(&self.queue).push_back(job.clone());
        for _ in 1..n_blocks.min(self.n_helpers + 1) {
            self.has_work.notify_one();
        }
        let job_ends = EndOfJob(&job);
        loop {
            if is_stopped() {
                job.is_stopped.store(true, Ordering::Relaxed);
                break;
            }
            let Some(block) = job.take() else {
                break;
            };
            (job.work)(block);
        }
        drop(job_ends);
        if let Some(failure) = lock(&job.failure).take() {
            std::panic::resume_unwind(failure);
        }
        match job.is_stopped.load(Ordering::Relaxed) {
            true => Err(Stopped),
            false => Ok(()),
        }
    }

    fn help(&self) {
        loop {
            let (job, block) = self.next_block();
            let work = || memory::on_behalf_of(job.usage.as_ref(), || (job.work)(block));
            if let Err(failure) = std::panic::catch_unwind(AssertUnwindSafe(work)) {
                *lock(&job.failure) = Some(failure);
                job.is_stopped.store(true, Ordering::Relaxed);
            }
            *lock(&job.helping) -= 1;
            job.is_left.notify_all();
        }
    }

    /// The next block of the query whose turn it is.
    fn next_block(&self) -> (Arc<Job>, usize) {
        let mut queue = lock(&self.queue);
        loop {
            let Some(job) = queue.pop_front() else {
                queue = (self.has_work.wait(queue)).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            // Counted before the block is taken: whoever sees that none is left waits for this one.
            *lock(&job.helping) += 1;
            match job.take() {
                Some(block) => {
                    queue.push_back(job.clone());
                    return (job, block);
                }
                None => {
                    *lock(&job.helping) -= 1;
                    job.is_left.notify_all();
                }
            }
        }
    }
}

impl Job {
    fn take(&self) -> Option<usize> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return None;
        }
        let block = self.next.fetch_add(1, Ordering::Relaxed);
        (block < self.n_blocks).then_some(block)
    }
}

/// Waits until no helper is at work any more, even if this thread's own work panics.
struct EndOfJob<'a>(&'a Job);

impl Drop for EndOfJob<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_stopped.store(true, Ordering::Relaxed);
        }
        let mut helping = lock(&self.0.helping);
        while *helping > 0 {
            helping = (self.0.is_left.wait(helping)).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_is_worked_on_once() {
        let pool = Pool::with_helpers(3);
        for n in [0, 1, 2, 1000] {
            let counts: Arc<Vec<AtomicUsize>> =
                Arc::new((0..n).map(|_| AtomicUsize::new(0)).collect());
            let counted = counts.clone();
            let count = move |block: usize| {
                counted[block].fetch_add(1, Ordering::Relaxed);
            };
            pool.run(n, count, &|| false).unwrap();
            assert!(
                counts
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) == 1)
            );
        }
    }

    #[test]
    fn all_threads_stop() {
        let pool = Pool::with_helpers(2);
        let n_done = Arc::new(AtomicUsize::new(0));
        let counted = n_done.clone();
        let work = move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        let seen = n_done.clone();
        let stops = move || seen.load(Ordering::Relaxed) >= 5;
        assert!(pool.run(1_000_000, work, &stops).is_err());
        let n = n_done.load(Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(n_done.load(Ordering::Relaxed), n, "nobody works on");
    }

    /// A helper takes the blocks of two queries in turn.
    #[test]
    fn queries_have_their_turns() {
        let pool = Pool::with_helpers(1);
        let order = Arc::new(Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for name in ["long", "short"] {
                let order = order.clone();
                scope.spawn(move || {
                    let caller = std::thread::current().id();
                    let work = move |_| {
                        if std::thread::current().id() != caller {
                            lock(&order).push(name);
                        }
                        std::thread::sleep(std::time::Duration::from_millis(2));
                    };
                    pool.run(if name == "long" { 200 } else { 60 }, work, &|| false)
                        .unwrap();
                });
            }
        });
        let order = lock(&order);
        let last_short = order.iter().rposition(|name| *name == "short").unwrap();
        let n_long_meanwhile = order[..last_short]
            .iter()
            .filter(|name| **name == "long")
            .count();
        assert!(
            order.len() > last_short + 1,
            "the long one is not done first: {order:?}"
        );
        assert!(n_long_meanwhile > 0, "nor has it to wait: {order:?}");
    }

    #[test]
    fn a_failure_elsewhere_is_a_failure() {
        let pool = Pool::with_helpers(1);
        let caller = std::thread::current().id();
        let work = move |_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            assert_eq!(std::thread::current().id(), caller);
        };
        let run = || pool.run(1000, work, &|| false);
        assert!(std::panic::catch_unwind(AssertUnwindSafe(run)).is_err());
        // And the helper is there for the next.
        pool.run(10, |_| {}, &|| false).unwrap();
    }
}

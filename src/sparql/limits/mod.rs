//! The time and the memory that a query may take.

pub(super) mod cancellation;
pub(super) mod spent;

use crate::encoder::together::{EmbedError, IsStopped};
use crate::memory::Usage;
use crate::sparql::error::QueryError;
use crate::sparql::options::SparqlOptions;
use cancellation::Cancellation;
use oxigraph::sparql::{CancellationToken, QueryEvaluationError};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How often time and memory are looked at: some tens of megabytes later.
const INTERVAL: Duration = Duration::from_millis(20);

/// Cancels an evaluation that takes too long or too much memory, for as long as this exists.
pub(super) struct Deadline {
    pub(super) token: CancellationToken,
    watched: Arc<Watched>,
}

/// A query that is being answered.
struct Watched {
    token: CancellationToken,
    timeout: Option<Duration>,
    started: Instant,
    usage: Usage,
    max_memory_bytes: Option<usize>,
    /// Whether it was the memory: what is stopped frees it.
    needed_too_much: AtomicBool,
}

impl Deadline {
    /// For what this thread does from now on, which may take `max_time` if that is less than an operator allows.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if the system gives no thread to look after it.
    pub(super) fn start(
        options: &SparqlOptions,
        cancellation: &Cancellation,
        max_time: Option<Duration>,
    ) -> Result<Self, QueryError> {
        let token = cancellation.token().clone();
        let times = [options.timeout, max_time];
        let watched = Arc::new(Watched {
            token: token.clone(),
            timeout: times.into_iter().flatten().min(),
            started: Instant::now(),
            usage: Usage::of_this_thread(),
            max_memory_bytes: options.max_memory_bytes,
            needed_too_much: AtomicBool::new(false),
        });
        if watched.timeout.is_some() || watched.max_memory_bytes.is_some() {
            WATCH
                .add(&watched)
                .map_err(|error| QueryError::Internal(Box::new(error)))?;
        }
        Ok(Self { token, watched })
    }

    /// Why the query was stopped, if it was: [`QueryError::TimedOut`], [`QueryError::TooMuchMemory`] or
    /// [`QueryError::Cancelled`]. The evaluator looks at the token only when it reads the store.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        if self.token.is_cancelled() {
            return Err(self.why_stopped());
        }
        Ok(())
    }

    /// Whether the query was stopped, for whoever works for it elsewhere.
    pub(super) fn is_stopped(&self) -> IsStopped {
        let token = self.token.clone();
        Arc::new(move || token.is_cancelled())
    }

    /// Who must act when a text or an image has no vector.
    pub(super) fn explain_embedding(&self, error: EmbedError) -> QueryError {
        match self.check() {
            Err(stopped) if matches!(error, EmbedError::Stopped) => stopped,
            _ => QueryError::Internal(Box::new(error)),
        }
    }

    /// Who must act when the evaluator gives up.
    pub(super) fn explain(&self, error: QueryEvaluationError) -> QueryError {
        match QueryError::of_evaluation(error) {
            QueryError::Cancelled => self.why_stopped(),
            other => other,
        }
    }

    fn why_stopped(&self) -> QueryError {
        fence(Ordering::Acquire);
        if self.watched.needed_too_much.load(Ordering::Relaxed) {
            let most = self.watched.max_memory_bytes.unwrap_or_default();
            return QueryError::TooMuchMemory(most >> 20);
        }
        match self.watched.timeout {
            Some(timeout) if self.watched.is_late() => QueryError::TimedOut(timeout.as_secs()),
            _ => QueryError::Cancelled,
        }
    }

    /// What the evaluator gives, each item and the end after a look at the limits: what is stopped may end as if
    /// that were all. Nothing comes after an error.
    pub(super) fn each<T>(
        &self,
        mut items: impl Iterator<Item = Result<T, QueryEvaluationError>>,
    ) -> impl Iterator<Item = Result<T, QueryError>> {
        let mut is_over = false;
        std::iter::from_fn(move || {
            if is_over {
                return None;
            }
            let item = items.next();
            let stopped = self.check();
            is_over = stopped.is_err() || !matches!(item, Some(Ok(_)));
            match stopped {
                Err(error) => Some(Err(error)),
                Ok(()) => item.map(|item| item.map_err(|error| self.explain(error))),
            }
        })
    }
}

impl Watched {
    fn is_late(&self) -> bool {
        (self.timeout).is_some_and(|timeout| self.started.elapsed() >= timeout)
    }

    fn needs_too_much(&self) -> bool {
        (self.max_memory_bytes).is_some_and(|most| self.usage.bytes() > most)
    }

    /// Cancels it if it has to end. Returns whether it goes on.
    fn look(&self) -> bool {
        let needs_too_much = self.needs_too_much();
        if needs_too_much {
            self.needed_too_much.store(true, Ordering::Relaxed);
            // Who sees the token cancelled sees this, too.
            fence(Ordering::Release);
        }
        let ends = needs_too_much || self.is_late();
        if ends {
            self.token.cancel();
        }
        !ends
    }
}

/// One thread looks after all queries: starting one for each would take longer than many a query.
static WATCH: Watch = Watch {
    watched: Mutex::new(AllWatched {
        queries: Vec::new(),
        has_thread: false,
    }),
    has_some: Condvar::new(),
};

struct Watch {
    watched: Mutex<AllWatched>,
    has_some: Condvar,
}

struct AllWatched {
    queries: Vec<Weak<Watched>>,
    has_thread: bool,
}

impl Watch {
    fn add(&'static self, query: &Arc<Watched>) -> std::io::Result<()> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.has_thread {
            std::thread::Builder::new()
                .name("query watch".to_owned())
                .spawn(|| self.look_after_all())?;
            watched.has_thread = true;
        }
        watched.queries.push(Arc::downgrade(query));
        if watched.queries.len() == 1 {
            self.has_some.notify_one();
        }
        Ok(())
    }

    fn look_after_all(&self) {
        loop {
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            while watched.queries.is_empty() {
                watched = (self.has_some.wait(watched)).unwrap_or_else(PoisonError::into_inner);
            }
            let goes_on = |query: &Weak<Watched>| query.upgrade().is_some_and(|query| query.look());
            watched.queries.retain(goes_on);
            drop(watched);
            std::thread::sleep(INTERVAL);
        }
    }
}

//! The time and the memory that a query may take.

use super::service::ServiceError;
use super::{QueryError, QueryRequest, SparqlOptions};
use crate::memory::Usage;
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
    /// For what this thread does from now on.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if the system gives no thread to look after it.
    pub(super) fn start(
        options: &SparqlOptions,
        request: &QueryRequest<'_>,
    ) -> Result<Self, QueryError> {
        let token = request.cancellation.token().clone();
        let times = [options.timeout, request.max_time];
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
            return Err(self.explain(QueryEvaluationError::Cancelled));
        }
        Ok(())
    }

    /// Who must act when the evaluator gives up.
    pub(super) fn explain(&self, error: QueryEvaluationError) -> QueryError {
        fence(Ordering::Acquire);
        match error {
            QueryEvaluationError::Cancelled if self.watched.needed_too_much.load(Ordering::Relaxed) => {
                QueryError::TooMuchMemory(self.watched.max_memory_bytes.unwrap_or_default() >> 20)
            }
            QueryEvaluationError::Cancelled => match self.watched.timeout {
                Some(timeout) if self.watched.is_late() => QueryError::TimedOut(timeout.as_secs()),
                _ => QueryError::Cancelled,
            },
            QueryEvaluationError::Service(error) => match error.downcast_ref::<ServiceError>() {
                Some(failed) if failed.is_of_endpoint() => QueryError::Service {
                    reason: error.to_string(),
                    is_timeout: failed.is_timeout(),
                },
                _ => QueryError::Malformed(error.to_string()),
            },
            QueryEvaluationError::UnboundService => QueryError::Malformed(
                "SERVICE has a variable that no endpoint is bound to in its group; bind it there, or name the endpoint by its IRI".to_owned(),
            ),
            error @ (QueryEvaluationError::UnsupportedCustomFunction(_)
            | QueryEvaluationError::UnsupportedCustomFunctionArity { .. }
            | QueryEvaluationError::InvalidServiceName(_)
            | QueryEvaluationError::UnsupportedService(_)) => {
                QueryError::Malformed(error.to_string())
            }
            error => QueryError::Internal(Box::new(error)),
        }
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

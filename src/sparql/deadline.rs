//! The time and the memory that a query may take.

use super::stop::Cancellation;
use super::{QueryError, SparqlOptions};
use crate::memory::Usage;
use oxigraph::sparql::{CancellationToken, QueryEvaluationError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError, Weak};
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
    pub(super) fn start(options: &SparqlOptions, cancellation: &Cancellation) -> Self {
        let token = cancellation.token().clone();
        let watched = Arc::new(Watched {
            token: token.clone(),
            timeout: options.timeout,
            started: Instant::now(),
            usage: Usage::of_this_thread(),
            max_memory_bytes: options.max_memory_bytes,
            needed_too_much: AtomicBool::new(false),
        });
        if watched.timeout.is_some() || watched.max_memory_bytes.is_some() {
            WATCH.add(&watched);
        }
        Self { token, watched }
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
        match error {
            QueryEvaluationError::Cancelled if self.watched.needed_too_much.load(Ordering::Relaxed) => {
                QueryError::TooMuchMemory(self.watched.max_memory_bytes.unwrap_or_default() >> 20)
            }
            QueryEvaluationError::Cancelled => match self.watched.timeout {
                Some(timeout) if self.watched.is_late() => QueryError::TimedOut(timeout.as_secs()),
                _ => QueryError::Cancelled,
            },
            QueryEvaluationError::Service(error) => QueryError::Malformed(error.to_string()),
            QueryEvaluationError::UnboundService => QueryError::Malformed(
                "SERVICE has a variable that no endpoint is bound to before it; name the endpoint by its IRI".to_owned(),
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
        }
        let ends = needs_too_much || self.is_late();
        if ends {
            self.token.cancel();
        }
        !ends
    }
}

/// One thread looks after all queries: starting one for each would take longer than many a query.
static WATCH: LazyLock<Watch> = LazyLock::new(|| {
    std::thread::spawn(|| WATCH.look_after_all());
    Watch::default()
});

#[derive(Default)]
struct Watch {
    queries: Mutex<Vec<Weak<Watched>>>,
    has_some: Condvar,
}

impl Watch {
    fn add(&self, query: &Arc<Watched>) {
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        queries.push(Arc::downgrade(query));
        if queries.len() == 1 {
            self.has_some.notify_one();
        }
    }

    fn look_after_all(&self) {
        loop {
            let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
            while queries.is_empty() {
                queries = (self.has_some.wait(queries)).unwrap_or_else(PoisonError::into_inner);
            }
            queries.retain(|query| query.upgrade().is_some_and(|query| query.look()));
            drop(queries);
            std::thread::sleep(INTERVAL);
        }
    }
}

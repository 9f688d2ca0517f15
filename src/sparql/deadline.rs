//! The time and the memory that a query may take.

use super::stop::Cancellation;
use super::{QueryError, SparqlOptions};
use crate::memory::Usage;
use oxigraph::sparql::{CancellationToken, QueryEvaluationError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often the memory is looked at: some tens of megabytes later.
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

/// Cancels an evaluation that takes too long or too much memory, for as long as this exists.
pub(super) struct Deadline {
    pub(super) token: CancellationToken,
    timeout: Option<Duration>,
    started: Instant,
    usage: Usage,
    max_memory_bytes: Option<usize>,
    /// Whether it was the memory: what is stopped frees it.
    needed_too_much: Arc<AtomicBool>,
    /// Dropped with the deadline, which ends the waiting thread.
    _over: Option<Sender<()>>,
}

impl Deadline {
    /// For what this thread does from now on.
    pub(super) fn start(options: &SparqlOptions, cancellation: &Cancellation) -> Self {
        let (over, waiting) = channel::<()>();
        let this = Self {
            token: cancellation.token().clone(),
            timeout: options.timeout,
            started: Instant::now(),
            usage: Usage::of_this_thread(),
            max_memory_bytes: options.max_memory_bytes,
            needed_too_much: Arc::default(),
            _over: Some(over),
        };
        let watched = Self {
            usage: this.usage.clone(),
            token: this.token.clone(),
            needed_too_much: this.needed_too_much.clone(),
            _over: None,
            ..this
        };
        std::thread::spawn(move || {
            while waiting.recv_timeout(watched.pause()) == Err(RecvTimeoutError::Timeout) {
                let needs_too_much = watched.needs_too_much();
                watched
                    .needed_too_much
                    .store(needs_too_much, Ordering::Relaxed);
                if needs_too_much || watched.is_late() {
                    watched.token.cancel();
                    return;
                }
            }
        });
        this
    }

    /// How long not to look.
    fn pause(&self) -> Duration {
        let left = (self.timeout).map(|timeout| timeout.saturating_sub(self.started.elapsed()));
        let look = self.max_memory_bytes.map(|_| MEMORY_INTERVAL);
        left.into_iter().chain(look).min().unwrap_or(Duration::MAX)
    }

    fn is_late(&self) -> bool {
        (self.timeout).is_some_and(|timeout| self.started.elapsed() >= timeout)
    }

    fn needs_too_much(&self) -> bool {
        (self.max_memory_bytes).is_some_and(|most| self.usage.bytes() > most)
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
            QueryEvaluationError::Cancelled if self.needed_too_much.load(Ordering::Relaxed) => {
                QueryError::TooMuchMemory(self.max_memory_bytes.unwrap_or_default() >> 20)
            }
            QueryEvaluationError::Cancelled => match self.timeout {
                Some(timeout) if self.is_late() => QueryError::TimedOut(timeout.as_secs()),
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

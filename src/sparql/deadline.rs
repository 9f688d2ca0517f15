//! The time that a query may take.

use super::QueryError;
use super::stop::Cancellation;
use oxigraph::sparql::{CancellationToken, QueryEvaluationError};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Cancels an evaluation that takes too long, for as long as this exists.
pub(super) struct Deadline {
    pub(super) token: CancellationToken,
    timeout: Option<Duration>,
    started: Instant,
    /// Dropped with the deadline, which ends the waiting thread.
    _over: Option<Sender<()>>,
}

impl Deadline {
    pub(super) fn after(timeout: Option<Duration>, cancellation: &Cancellation) -> Self {
        let token = cancellation.token().clone();
        let over = timeout.map(|timeout| {
            let (over, waiting) = channel::<()>();
            let token = token.clone();
            std::thread::spawn(move || {
                if waiting.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                    token.cancel();
                }
            });
            over
        });
        Self {
            token,
            timeout,
            started: Instant::now(),
            _over: over,
        }
    }

    /// [`QueryError::TimedOut`] once the time is over, [`QueryError::Cancelled`] before. The evaluator looks at the clock only when it
    /// reads the store, which it may not do for a long time while it multiplies what it has read.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        if self.token.is_cancelled() {
            return Err(self.explain(QueryEvaluationError::Cancelled));
        }
        Ok(())
    }

    /// Who must act when the evaluator gives up.
    pub(super) fn explain(&self, error: QueryEvaluationError) -> QueryError {
        match error {
            QueryEvaluationError::Cancelled => match self.timeout {
                Some(timeout) if self.started.elapsed() >= timeout => {
                    QueryError::TimedOut(timeout.as_secs())
                }
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

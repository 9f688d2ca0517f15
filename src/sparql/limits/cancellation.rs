//! Stopping the evaluation of a query from outside.

use oxigraph::sparql::CancellationToken;

/// Stops the evaluation of a query, from any thread.
#[derive(Clone, Default)]
pub struct Cancellation(CancellationToken);

impl Cancellation {
    /// Stops the evaluation soon.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// What stops the evaluation when it is dropped.
    #[must_use]
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    pub(in crate::sparql) fn token(&self) -> &CancellationToken {
        &self.0
    }
}

/// Stops the work for an answer when whoever waits for it, and holds this, is gone.
#[derive(Debug)]
pub struct CancelOnDrop(Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl std::fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cancellation")
            .field(&self.is_cancelled())
            .finish()
    }
}

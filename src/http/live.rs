//! What is served now, replaced between requests.

use super::AppState;
use axum::extract::FromRef;
use std::sync::{Arc, PoisonError, RwLock};

/// The state that requests get which begin now. Those before keep theirs to their end: no answer is of two states.
#[derive(Clone)]
pub struct Live(Arc<RwLock<Arc<AppState>>>);

impl Live {
    /// Serves `state`.
    #[must_use]
    pub fn new(state: Arc<AppState>) -> Self {
        Self(Arc::new(RwLock::new(state)))
    }

    /// What is served.
    #[must_use]
    pub fn now(&self) -> Arc<AppState> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves `state` from the next request on.
    pub fn replace(&self, state: Arc<AppState>) {
        let before = {
            let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *now, state)
        };
        // Gigabytes may be given back here, and nobody waits for it.
        drop(before);
    }
}

impl FromRef<Live> for Arc<AppState> {
    fn from_ref(live: &Live) -> Self {
        live.now()
    }
}

//! The copies of a loaded model that no run is using.

use ort::session::Session;
use std::sync::{Condvar, Mutex, PoisonError};

/// Sessions that wait for a run.
pub(super) struct Idle {
    sessions: Mutex<Vec<Session>>,
    given_back: Condvar,
}

/// A session for one run; given back when this is dropped.
pub(super) struct Taken<'i> {
    idle: &'i Idle,
    session: Option<Session>,
}

impl Idle {
    pub(super) fn new(session: Session) -> Self {
        Self {
            sessions: Mutex::new(vec![session]),
            given_back: Condvar::new(),
        }
    }

    /// One more, or one that is not used any longer.
    pub(super) fn add(&self, session: Session) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(session);
        drop(sessions);
        self.given_back.notify_one();
    }

    /// Waits for one.
    pub(super) fn take(&self) -> Taken<'_> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = (self.given_back)
            .wait_while(sessions, |sessions| sessions.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let session = sessions.pop();
        Taken {
            idle: self,
            session,
        }
    }
}

impl Taken<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("given back only when dropped")
    }
}

impl Drop for Taken<'_> {
    /// After a run that panicked, too: it left no state behind that a later run would read.
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.idle.add(session);
        }
    }
}

//! What is known about one connection: whether a request is being answered, since when nothing happens, whether
//! its client has ended its side.

use super::server::ConnectionLimits;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, Request, Response, Version};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A client that has ended its side of the connection waits for its answer, or is gone: both look the same until
/// something is sent. So long may an answer take to begin then.
const HALF_CLOSED_PATIENCE: Duration = Duration::from_secs(5);

/// One connection, seen by the task that carries it, by its socket and by its requests.
#[derive(Debug)]
pub(super) struct Watch {
    state: Mutex<State>,
    /// Tells the task to look again.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Requests whose answer is not at its end.
    n_requests: usize,
    /// Those whose answer has not begun.
    n_waiting: usize,
    /// Since when there is no request; `None` before the first.
    quiet_since: Option<Instant>,
    /// When the first byte of the next request came, or, before the first request, the connection.
    head_since: Option<Instant>,
    /// An answer is under way that ends where the connection ends.
    is_open_ended: bool,
    /// The socket takes no more bytes for now.
    is_blocked: bool,
    /// When the client ended its side.
    ended_at: Option<Instant>,
    /// Whoever waits to be told that the client has ended its side.
    reader: Option<Waker>,
    /// Gives way to other connections.
    is_evicted: bool,
}

impl Watch {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                n_requests: 0,
                n_waiting: 0,
                quiet_since: None,
                head_since: Some(Instant::now()),
                is_open_ended: false,
                is_blocked: false,
                ended_at: None,
                reader: None,
                is_evicted: false,
            }),
            changed: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the client came.
    pub(super) fn came(&self) {
        let mut state = self.state();
        if state.n_requests == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            self.changed.notify_one();
        }
    }

    /// The client has ended its side: ready when that may be told, which is after the answers.
    pub(super) fn poll_end(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.ended_at.is_none() {
            state.ended_at = Some(Instant::now());
            self.changed.notify_one();
        }
        if state.n_requests == 0 && !state.is_blocked {
            return Poll::Ready(());
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended_at.is_some()
    }

    /// Whether the socket takes bytes.
    pub(super) fn set_blocked(&self, is_blocked: bool) {
        let mut state = self.state();
        state.is_blocked = is_blocked;
        if !is_blocked && let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// Whether closing the connection would look like the end of an answer that is not at its end.
    pub(super) fn is_open_ended(&self) -> bool {
        self.state().is_open_ended
    }

    /// When the connection is to be closed, as things are.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        let state = self.state();
        if state.is_evicted {
            return Some(Instant::now());
        }
        if state.n_requests > 0 {
            let ended_at = state.ended_at.filter(|_| state.n_waiting > 0);
            return ended_at.map(|at| at + HALF_CLOSED_PATIENCE);
        }
        match (state.head_since, state.quiet_since) {
            (Some(since), _) => Some(since + limits.head_timeout),
            (None, Some(since)) => Some(since + limits.idle_timeout),
            (None, None) => None,
        }
    }

    /// Waits until the deadline may be another.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Since when the connection does nothing, unless it has a request or is already to give way.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.n_requests == 0 && !state.is_blocked && !state.is_evicted)
            .then(|| state.quiet_since.or(state.head_since))
            .flatten()
    }

    /// Closes the connection, so that others have room.
    pub(super) fn evict(&self) {
        self.state().is_evicted = true;
        self.changed.notify_one();
    }

    /// A request begins.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> Answering {
        let mut state = self.state();
        state.n_requests += 1;
        state.n_waiting += 1;
        state.head_since = None;
        drop(state);
        Answering {
            watch: Arc::clone(self),
            // Before 1.1 an answer without length ends where the connection ends.
            ends_with_connection: request.version() < Version::HTTP_11
                && request.method() != Method::HEAD,
            has_begun: false,
            has_ended: false,
        }
    }
}

/// A request that is being answered, until dropped.
#[derive(Debug)]
pub(super) struct Answering {
    watch: Arc<Watch>,
    ends_with_connection: bool,
    has_begun: bool,
    has_ended: bool,
}

impl Answering {
    /// `response`, of which every step is seen.
    pub(super) fn with(mut self, response: Response<Body>) -> Response<WatchedBody> {
        let mut state = self.watch.state();
        state.n_waiting -= 1;
        let has_length = response.body().size_hint().exact().is_some();
        if self.ends_with_connection && !has_length {
            state.is_open_ended = true;
        }
        drop(state);
        self.has_begun = true;
        response.map(|body| WatchedBody {
            body,
            answering: self,
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.watch.state();
        state.n_requests -= 1;
        if !self.has_begun {
            state.n_waiting -= 1;
        }
        if self.has_ended {
            state.is_open_ended = false;
        }
        if state.n_requests == 0 {
            state.quiet_since = Some(Instant::now());
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
            self.watch.changed.notify_one();
        }
    }
}

/// The body of an answer.
pub(super) struct WatchedBody {
    body: Body,
    answering: Answering,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.answering.has_ended = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

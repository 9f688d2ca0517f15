//! Accepting connections and carrying them: how many, how long, and how they end.

use super::client::Peer;
use super::socket::Socket;
use super::watch::Watch;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// Connections that are still at work when the service stops get this long to finish.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// Most connections, where the system's limit of open files allows it.
const MOST_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");

/// Until accepting is tried again when it cannot work now.
const PAUSE: Duration = Duration::from_millis(50);

/// What connections may take.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at the same time. Beyond that, those that have been idle for longest are closed; if all are at
    /// work, new ones wait.
    pub max_connections: NonZeroUsize,
    /// Longest time for the head of a request, from its first byte, or from the beginning of the connection.
    pub head_timeout: Duration,
    /// Longest time between two requests. Longer than proxies keep theirs (60 s is common), so that they do not
    /// send into a connection that is just being closed.
    pub idle_timeout: Duration,
    /// Time that requests in flight have when the service stops.
    pub shutdown_grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        // Half: files, the store's tables and the images that are fetched are open files too.
        let half = open_files_limit().and_then(|n_files| NonZeroUsize::new(n_files / 2));
        Self {
            max_connections: half.map_or(MOST_CONNECTIONS, |half| half.min(MOST_CONNECTIONS)),
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            shutdown_grace: SHUTDOWN_GRACE,
        }
    }
}

/// How many files this process may open, where the system says it.
fn open_files_limit() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// [`super::serve`] within `limits`.
///
/// # Errors
/// None now: a listener that fails is tried again.
pub async fn serve_within(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let grace = limits.shutdown_grace;
    let (stopping, stopped) = watch::channel(false);
    let mut connections = Connections {
        router,
        limits: Arc::new(limits),
        stopped,
        tasks: JoinSet::new(),
        watches: HashMap::new(),
    };
    tokio::select! {
        () = shutdown => {}
        () = connections.accept_all(&listener) => {}
    }
    tracing::info!("shutting down");
    drop(listener);
    // The receivers are gone only when no connection is left.
    let _ = stopping.send(true);
    let all_done = async { while connections.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all_done).await.is_err() {
        let grace_s = grace.as_secs();
        tracing::warn!("requests still run after {grace_s} s and are cut off");
        connections.tasks.shutdown().await;
    }
    Ok(())
}

/// All connections.
struct Connections {
    router: Router,
    limits: Arc<ConnectionLimits>,
    /// True when the service stops.
    stopped: watch::Receiver<bool>,
    tasks: JoinSet<()>,
    /// What is known about each, by its task.
    watches: HashMap<Id, Arc<Watch>>,
}

impl Connections {
    /// Accepts for ever.
    async fn accept_all(&mut self, listener: &TcpListener) {
        let mut is_warned = false;
        loop {
            while self.tasks.len() >= self.limits.max_connections.get() {
                self.make_room().await;
            }
            tokio::select! {
                biased;
                () = self.ended(), if !self.tasks.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        is_warned = false;
                        self.carry(stream, Peer(peer.ip()));
                    }
                    // The client has gone again.
                    Err(error) if is_of_connection(&error) => {}
                    // Most likely there are too many open files, in a process that goes on with what it has.
                    Err(error) => {
                        if !is_warned {
                            tracing::warn!(
                                "no connection can be accepted now ({error}); idle ones are closed"
                            );
                        }
                        is_warned = true;
                        self.make_room().await;
                    }
                },
            }
        }
    }

    /// Closes the connection that has been idle for longest and waits a moment.
    async fn make_room(&mut self) {
        let idle = self.watches.values();
        let idlest = idle
            .filter_map(|watch| Some((watch.idle_since()?, watch)))
            .min_by_key(|(since, _)| *since);
        if let Some((_, watch)) = idlest {
            watch.evict();
        }
        if self.tasks.is_empty() {
            tokio::time::sleep(PAUSE).await;
        } else {
            // Until there is room, or not even that helps.
            let _ = tokio::time::timeout(PAUSE, self.ended()).await;
        }
    }

    /// Waits for the end of a connection.
    async fn ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return,
        };
        self.watches.remove(&id);
    }

    fn carry(&mut self, stream: TcpStream, peer: Peer) {
        let watch = Watch::new();
        let task = self.tasks.spawn(carry(
            stream,
            peer,
            self.router.clone(),
            Arc::clone(&watch),
            Arc::clone(&self.limits),
            self.stopped.clone(),
        ));
        self.watches.insert(task.id(), watch);
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
    ]
    .contains(&error.kind())
}

/// Answers the requests of one connection.
async fn carry(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    watch: Arc<Watch>,
    limits: Arc<ConnectionLimits>,
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("small answers may be late: {error}");
    }
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&watch)));
    let router = TowerToHyperService::new(router);
    let seen = Arc::clone(&watch);
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = seen.begin(&request);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let response = router.call(request);
        async move { response.await.map(|response| answering.with(response)) }
    });
    let builder = Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(socket, service));
    let mut is_stopping = false;
    loop {
        let deadline = watch.deadline(&limits);
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return;
        }
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!("a connection ended: {error:#}");
                }
                return;
            }
            () = watch.changed() => {}
            () = until(deadline) => {}
            _ = stopped.wait_for(|stopped| *stopped), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

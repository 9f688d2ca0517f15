//! Streamed answers: a blocking writer on one side, a response body on the other.

use super::error::{ApiError, Causes};
use crate::place::fair::Place;
use crate::sparql::QueryError;
use crate::sparql::results::WriteError;
use crate::sparql::text::guard;
use crate::sparql::{CancelOnDrop, Cancellation};
use crate::{memory, place};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use std::io::{self, Write};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Bytes that are collected before they are sent. An answer that fits is sent whole, with its length;
/// an error before the first chunk still becomes a proper status.
const CHUNK_BYTES: usize = 64 * 1024;

/// Once an answer is under way, rows wait no longer than this for a chunk to fill while more rows come.
const CHUNK_AGE: Duration = Duration::from_millis(500);

/// Chunks that wait for a slow client.
const CHUNKS_WAITING: usize = 2;

/// A client that takes no chunk for this long is given up, because it holds a place among the queries.
const CLIENT_PATIENCE: Duration = Duration::from_secs(60);

/// How an answer begins.
enum Start {
    /// All of it.
    Whole(&'static str, Bytes),
    /// The rest comes in parts.
    Parts(&'static str),
}

enum Part {
    Chunk(Bytes),
    /// Without this mark the answer is incomplete, whatever ended it, a panic included.
    End,
}

/// Takes the bytes of an answer from a thread that may block.
pub(super) struct BodyWriter {
    start: Option<oneshot::Sender<Result<Start, ApiError>>>,
    parts: mpsc::Sender<Part>,
    content_type: &'static str,
    buffer: Vec<u8>,
    sent_at: Instant,
    patience: Duration,
    runtime: Handle,
    cancellation: Cancellation,
}

/// The body ended before its end.
#[derive(Debug, thiserror::Error)]
#[error("the answer is incomplete")]
struct Incomplete;

/// Runs `job` on a thread of its own, with the stack that evaluating a query needs, and answers with
/// what the job writes. The thread holds `place` until it is done. If it fails after the first chunk the
/// connection is cut, so that no client takes half an answer for a whole one; if the client goes away the
/// evaluation is cancelled and the next write fails.
///
/// # Errors
/// What `job` gives before the first chunk.
pub(super) async fn respond(
    place: Place,
    job: impl FnOnce(&mut BodyWriter) -> Result<(), WriteError> + Send + 'static,
) -> Result<Response, ApiError> {
    respond_to(place, CLIENT_PATIENCE, job).await
}

/// [`respond`] to a client that may take `patience` for each chunk.
async fn respond_to(
    place: Place,
    patience: Duration,
    job: impl FnOnce(&mut BodyWriter) -> Result<(), WriteError> + Send + 'static,
) -> Result<Response, ApiError> {
    let (start_sender, start) = oneshot::channel();
    let (part_sender, parts) = mpsc::channel(CHUNKS_WAITING);
    let cancellation = Cancellation::default();
    let waiting = cancellation.on_drop();
    let mut writer = BodyWriter {
        start: Some(start_sender),
        parts: part_sender,
        content_type: "application/octet-stream",
        buffer: Vec::new(),
        sent_at: Instant::now(),
        patience,
        runtime: Handle::current(),
        cancellation,
    };
    let span = tracing::Span::current();
    let worker = std::thread::Builder::new()
        .name("query".to_owned())
        .stack_size(guard::STACK_SIZE)
        .spawn(move || {
            let _place = place::hold(place, writer.runtime.clone());
            let _in_request = span.entered();
            let outcome = job(&mut writer);
            writer.finish(outcome);
        })
        .map_err(ApiError::NoThread)?;
    match start.await {
        Ok(start) => Ok(start?.into_response(parts, waiting)),
        // The job panicked. The thread is at its end, so waiting for it takes no time.
        Err(_) => match worker.join() {
            // The layer around the router makes a response of it.
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Err(ApiError::ShuttingDown),
        },
    }
}

impl BodyWriter {
    /// Sets the media type of the answer; call it before writing.
    pub(super) fn set_content_type(&mut self, content_type: &'static str) {
        self.content_type = content_type;
    }

    /// Cancelled when nobody waits for the answer any more.
    pub(super) fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }

    fn finish(mut self, outcome: Result<(), WriteError>) {
        match (outcome, self.start.take()) {
            // A receiver that is gone needs no answer: nothing below checks for that.
            (Ok(()), Some(start)) => {
                let whole = Start::Whole(self.content_type, self.buffer.into());
                let _ = start.send(Ok(whole));
            }
            (Ok(()), None) => {
                if self.send_buffer().is_ok() {
                    let _ = self.send(Part::End);
                }
            }
            (Err(WriteError::Io(error)), _) => {
                tracing::debug!("the client takes no more of the answer: {error}");
            }
            (Err(WriteError::Query(QueryError::Cancelled)), None) => {
                tracing::debug!("the client left before the end of the answer");
            }
            (Err(WriteError::Query(error)), Some(start)) => {
                let _ = start.send(Err(error.into()));
            }
            (Err(WriteError::Query(error)), None) => {
                tracing::warn!(
                    "an answer was cut off after its first rows: {}",
                    Causes(&error)
                );
            }
        }
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        if let Some(start) = self.start.take() {
            start
                .send(Ok(Start::Parts(self.content_type)))
                .map_err(|_| client_gone())?;
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        memory::hand_over(chunk.capacity());
        self.send(Part::Chunk(chunk.into()))?;
        self.sent_at = Instant::now();
        Ok(())
    }

    fn send(&self, part: Part) -> io::Result<()> {
        self.runtime
            .block_on(self.parts.send_timeout(part, self.patience))
            .map_err(|error| match error {
                mpsc::error::SendTimeoutError::Timeout(_) => io::ErrorKind::TimedOut.into(),
                mpsc::error::SendTimeoutError::Closed(_) => client_gone(),
            })
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (client_left, old) = match &self.start {
            Some(start) => (start.is_closed(), false),
            None => (self.parts.is_closed(), self.sent_at.elapsed() > CHUNK_AGE),
        };
        if client_left {
            return Err(client_gone());
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES || old {
            self.send_buffer()?;
        }
        Ok(bytes.len())
    }

    /// Chunks leave by size and age; a serializer that flushes each row must not make one of each.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client_gone() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

impl Start {
    fn into_response(self, parts: mpsc::Receiver<Part>, waiting: CancelOnDrop) -> Response {
        let (content_type, body) = match self {
            Self::Whole(content_type, bytes) => (content_type, Body::from(bytes)),
            Self::Parts(content_type) => (content_type, Body::from_stream(chunks(parts, waiting))),
        };
        let content_type = HeaderValue::from_static(content_type);
        ([(header::CONTENT_TYPE, content_type)], body).into_response()
    }
}

/// The chunks up to the end mark; an error if the channel closes without it.
fn chunks(
    parts: mpsc::Receiver<Part>,
    waiting: CancelOnDrop,
) -> impl futures_util::Stream<Item = Result<Bytes, Incomplete>> {
    let chunks = stream::unfold(Some((parts, waiting)), async |state| {
        let (mut parts, waiting) = state?;
        match parts.recv().await {
            Some(Part::Chunk(bytes)) => Some((Ok(bytes), Some((parts, waiting)))),
            Some(Part::End) => None,
            None => Some((Err(Incomplete), None)),
        }
    });
    // Compression asks once more after the end.
    chunks.fuse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::fair::{Client, Places};
    use crate::sparql::Malformed;
    use axum::Router;
    use axum::body::to_bytes;
    use axum::routing::get;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    /// The only one, or one of others.
    async fn place_of(places: &Places) -> Place {
        places.ask(Client::Anybody).unwrap().await
    }

    async fn permit() -> Place {
        place_of(&Places::new(1, 1)).await
    }

    fn late_failure(out: &mut BodyWriter) -> Result<(), WriteError> {
        out.write_all(&[b'x'; 3 * CHUNK_BYTES])?;
        Err(QueryError::TimedOut(60).into())
    }

    #[tokio::test]
    async fn a_short_answer_has_its_length() {
        let response = respond(permit().await, |out| {
            out.set_content_type("text/csv");
            Ok(out.write_all(b"a,b")?)
        })
        .await
        .unwrap();
        assert_eq!(response.headers()["content-type"], "text/csv");
        let body = response.into_body();
        assert_eq!(axum::body::HttpBody::size_hint(&body).exact(), Some(3));
        assert_eq!(to_bytes(body, usize::MAX).await.unwrap(), "a,b");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_answer_arrives_in_parts_and_unchanged() {
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(5 * CHUNK_BYTES + 17).collect();
        let expected = sent.clone();
        let response = respond(permit().await, move |out| {
            for piece in sent.chunks(1000) {
                out.write_all(piece)?;
            }
            Ok(())
        })
        .await
        .unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body, expected);
    }

    /// What was sent is not in use any more.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_sent_takes_no_memory_of_its_query() {
        let (tell, told) = std::sync::mpsc::channel();
        let response = respond(permit().await, move |out| {
            let usage = memory::Usage::of_this_thread();
            for _ in 0..1000 {
                out.write_all(&[b'x'; CHUNK_BYTES])?;
            }
            tell.send(usage.bytes()).unwrap();
            Ok(())
        })
        .await
        .unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body.len(), 1000 * CHUNK_BYTES);
        assert!(told.recv().unwrap() < 100 * CHUNK_BYTES);
    }

    #[tokio::test]
    async fn an_early_failure_is_an_error_and_not_an_answer() {
        let error = respond(permit().await, |out| {
            out.write_all(b"<?xml version")?;
            Err(QueryError::from(Malformed::NotSelect).into())
        })
        .await
        .unwrap_err();
        assert!(
            matches!(error, ApiError::Query(QueryError::Malformed(_))),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_late_failure_or_panic_is_no_end_of_the_body() {
        for job in [
            late_failure,
            (|out| {
                out.write_all(&[b'x'; 2 * CHUNK_BYTES])?;
                panic!("a bug");
            }) as fn(&mut BodyWriter) -> _,
        ] {
            let response = respond(permit().await, job).await.unwrap();
            assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_late_failure_cuts_the_connection() {
        let (tell, told) = std::sync::mpsc::channel();
        let told = Arc::new(std::sync::Mutex::new(told));
        let router = Router::new().route(
            "/",
            get(async move || {
                respond(permit().await, move |out| {
                    out.write_all(&[b'x'; 3 * CHUNK_BYTES])?;
                    // Not before the client has seen the beginning.
                    told.lock().unwrap().recv().unwrap();
                    Err(QueryError::TimedOut(60).into())
                })
                .await
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, router).await });
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            .await
            .unwrap();
        let mut wire = vec![0; CHUNK_BYTES];
        client.read_exact(&mut wire).await.unwrap();
        assert!(wire.starts_with(b"HTTP/1.1 200 OK\r\n"));
        tell.send(()).unwrap();
        // The server closes the connection, which it would keep open after a whole answer.
        client.read_to_end(&mut wire).await.unwrap();
        assert!(
            !wire.ends_with(b"0\r\n\r\n"),
            "the last chunk must be missing"
        );
    }

    #[tokio::test]
    async fn a_client_that_leaves_stops_the_writer_and_frees_its_place() {
        let places = Places::new(1, 1);
        let place = place_of(&places).await;
        let response = respond(place, |out| {
            loop {
                out.write_all(&[b'x'; 1000])?;
            }
        })
        .await
        .unwrap();
        drop(response);
        // Would wait for ever if the job went on writing.
        drop(place_of(&places).await);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let places = Places::new(1, 1);
        let place = place_of(&places).await;
        let response = respond_to(place, Duration::from_millis(50), |out| {
            loop {
                out.write_all(&[b'x'; 1000])?;
            }
        })
        .await
        .unwrap();
        drop(place_of(&places).await);
        assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
    }

    /// A request that is given up before it has an answer frees its place.
    async fn frees_its_place_when_left(
        work: impl Fn(&mut BodyWriter) -> Result<(), WriteError> + Send + 'static,
    ) {
        let places = Places::new(1, 1);
        let place = place_of(&places).await;
        let (started, wait_for_start) = oneshot::channel();
        let request = tokio::spawn(respond(place, move |out| {
            let _ = started.send(());
            work(out)
        }));
        wait_for_start.await.unwrap();
        request.abort();
        // Would wait for ever if the work went on.
        drop(place_of(&places).await);
    }

    #[tokio::test]
    async fn a_client_that_leaves_cancels_an_evaluation_without_rows() {
        frees_its_place_when_left(|out| {
            let cancellation = out.cancellation();
            while !cancellation.is_cancelled() {
                std::thread::yield_now();
            }
            Err(QueryError::Cancelled.into())
        })
        .await;
    }

    #[tokio::test]
    async fn a_client_that_leaves_before_the_first_chunk_stops_the_writer_too() {
        frees_its_place_when_left(|out| {
            loop {
                out.write(b"").map(drop)?;
            }
        })
        .await;
    }
}

//! The socket of a connection, with what HTTP alone does not give: a reset where an answer is cut, words where the
//! parser refuses, and answers for clients that have ended their side.

use super::watch::Watch;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// So much of what a refused client still sends is read and dropped, because closing with unread bytes would
/// reset the connection, and the client would never see why it is refused.
const DRAIN_BYTES: usize = 1024 * 1024;

/// A connection's socket.
pub(super) struct Socket {
    stream: TcpStream,
    watch: Arc<Watch>,
    refusal: Option<Refusal>,
}

/// An answer in place of the parser's, which has no body.
struct Refusal {
    text: Vec<u8>,
    n_written: usize,
    n_drained: usize,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, watch: Arc<Watch>) -> Self {
        Self {
            stream,
            watch,
            refusal: None,
        }
    }

    /// Makes closing a reset if it would pass for the end of an answer that is not at its end (RFC 9112 section 8).
    fn be_honest(&self) -> bool {
        let is_cut = self.watch.is_open_ended();
        if is_cut && let Err(error) = self.stream.set_zero_linger() {
            tracing::warn!("a cut answer cannot be marked by a reset: {error}");
        }
        is_cut
    }

    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(refusal) = &mut self.refusal else {
            return Poll::Ready(Ok(()));
        };
        while let Some(rest) = refusal.text.get(refusal.n_written..)
            && !rest.is_empty()
        {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => refusal.n_written += n,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(refusal) = &mut self.refusal else {
            return Poll::Ready(());
        };
        let mut room = [0; 8192];
        while refusal.n_drained < DRAIN_BYTES {
            let mut room = ReadBuf::new(&mut room);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut room));
            if read.is_err() || room.filled().is_empty() {
                break;
            }
            refusal.n_drained += room.filled().len();
        }
        Poll::Ready(())
    }

    fn noting(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.watch.set_blocked(polled.is_pending());
        polled
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.be_honest();
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n_before = room.filled().len();
        if !self.watch.has_ended() {
            ready!(Pin::new(&mut self.stream).poll_read(context, room))?;
            if room.filled().len() > n_before || room.remaining() == 0 {
                self.watch.came();
                return Poll::Ready(Ok(()));
            }
        }
        self.watch.poll_end(context).map(Ok)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(text) = in_words(bytes) {
            self.refusal = Some(Refusal {
                text,
                n_written: 0,
                n_drained: 0,
            });
            // Sent before the connection is flushed or closed.
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noting(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [slice] = slices {
            return self.poll_write(context, slice);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noting(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.be_honest() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_refusal(context))?;
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        self.poll_drain(context).map(Ok)
    }
}

/// What is said in place of the bare status with which hyper refuses what it cannot parse; `None` for all other
/// bytes: each error of ours has a body.
fn in_words(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"HTTP/1.1 4") || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?;
    if !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    let (status, _) = head.strip_prefix("HTTP/1.1 ")?.split_once("\r\n")?;
    let sentence = match status.get(..3)? {
        "414" => "the URL is too long; send the query as the body of a POST",
        "431" => "the headers are too long; send less, for instance fewer cookies",
        "400" => "this is no HTTP request that can be read; check what the client sends",
        _ => return None,
    };
    let n_bytes = sentence.len() + 1;
    Some(
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: {n_bytes}\r\n\r\n{sentence}\n"
        )
        .into_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn only_a_bare_refusal_is_put_into_words() {
        let bare = b"HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let words = String::from_utf8(in_words(bare).unwrap()).unwrap();
        let (head, body) = words.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"));
        assert!(head.contains(&format!("content-length: {}", body.len())));
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nabc",
            "",
        ] {
            assert!(in_words(other.as_bytes()).is_none(), "{other}");
        }
    }
}

//! Request bodies, read within bounds of size, time and memory.

use super::error::ApiError;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bodies of the greatest length there is memory for at the same time.
const BODIES_AT_ONCE: usize = 8;

/// Memory is reserved in blocks of this size.
const BLOCK_BYTES: usize = 64 * 1024;

/// The first bytes of each body need no reservation, so that a query in a body never waits for uploads. The
/// number of connections bounds what they take.
const FREE_BYTES: usize = 64 * 1024;

/// How much of a body that is too long is read and dropped. Answering while the client still sends
/// resets the connection, and then most clients never show the answer.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// All request bodies that are being read or worked on.
pub(super) struct Bodies {
    /// Longest body.
    limit_bytes: usize,
    /// Free blocks.
    free: Arc<Semaphore>,
    patience: Patience,
}

/// Longest times.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For a whole body.
    whole: Duration,
    /// Between two pieces of it.
    piece: Duration,
    /// For other bodies to give memory free.
    memory: Duration,
}

const PATIENCE: Patience = Patience {
    whole: Duration::from_secs(60),
    piece: Duration::from_secs(10),
    memory: Duration::from_secs(10),
};

/// Memory that a body may take; free again when dropped.
#[derive(Debug, Default)]
pub(super) struct Reservation(Option<OwnedSemaphorePermit>);

/// How a body is packed.
enum Packing {
    None,
    Gzip,
}

impl Bodies {
    /// Bodies of `limit_bytes` at most.
    pub(super) fn new(limit_bytes: usize) -> Self {
        let n_blocks = limit_bytes
            .div_ceil(BLOCK_BYTES)
            .saturating_mul(BODIES_AT_ONCE);
        Self {
            limit_bytes,
            free: Arc::new(Semaphore::new(n_blocks.min(Semaphore::MAX_PERMITS))),
            patience: PATIENCE,
        }
    }

    /// The whole body, unpacked, and the memory reserved for it: keep that as long as the body is in use.
    ///
    /// # Errors
    /// If it is longer than allowed, packed or not, does not come, or there is no memory for it.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, Reservation), ApiError> {
        let limit_bytes = self.limit_bytes;
        let packing = packing(headers)?;
        // A client that expects our word waits for it before it sends, so it can be refused at once.
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if headers.contains_key(header::EXPECT) && announced.is_some_and(|n| n > limit_bytes) {
            return Err(ApiError::BodyTooLong { limit_bytes });
        }
        let mut reservation = Reservation::default();
        let whole = self.patience.whole;
        let received = tokio::time::timeout(whole, self.collect(body, &mut reservation));
        let received = received.await.unwrap_or(Err(ApiError::BodyTooSlow {
            limit_s: whole.as_secs(),
        }))?;
        let bytes = match packing {
            Packing::None => received,
            Packing::Gzip => self.unpack(&received, &mut reservation).await?,
        };
        Ok((bytes.into(), reservation))
    }

    async fn collect(
        &self,
        body: Body,
        reservation: &mut Reservation,
    ) -> Result<Vec<u8>, ApiError> {
        let limit_bytes = self.limit_bytes;
        let mut pieces = body.into_data_stream();
        let mut whole = Vec::new();
        let mut n_received = 0_usize;
        // What cannot be kept is read and dropped too, so that the client sees why.
        let mut refused = None;
        loop {
            let piece = tokio::time::timeout(self.patience.piece, pieces.next());
            let piece = piece.await.map_err(|_| ApiError::BodyStopped {
                limit_s: self.patience.piece.as_secs(),
            })?;
            let Some(piece) = piece else { break };
            let piece = piece.map_err(ApiError::BodyBroken)?;
            n_received += piece.len();
            if n_received > limit_bytes.saturating_add(DRAIN_BYTES) {
                break;
            }
            if refused.is_none() && n_received <= limit_bytes {
                match self.reserve(reservation, n_received).await {
                    Ok(()) => whole.extend_from_slice(&piece),
                    Err(error) => refused = Some(error),
                }
            }
            if refused.is_some() || n_received > limit_bytes {
                whole = Vec::new();
                *reservation = Reservation::default();
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        if n_received > limit_bytes {
            return Err(ApiError::BodyTooLong { limit_bytes });
        }
        Ok(whole)
    }

    async fn unpack(
        &self,
        packed: &[u8],
        reservation: &mut Reservation,
    ) -> Result<Vec<u8>, ApiError> {
        let limit_bytes = self.limit_bytes;
        let mut decoder = MultiGzDecoder::new(packed);
        let mut whole = Vec::new();
        loop {
            // The packed body is in memory too.
            let n_next = packed.len() + whole.len() + BLOCK_BYTES;
            self.reserve(reservation, n_next).await?;
            let mut block = decoder.by_ref().take(BLOCK_BYTES as u64);
            let n_read = block.read_to_end(&mut whole).map_err(ApiError::NotGzip)?;
            if whole.len() > limit_bytes {
                return Err(ApiError::BodyTooLong { limit_bytes });
            }
            if n_read == 0 {
                return Ok(whole);
            }
        }
    }

    /// Makes `held` cover `n_bytes`.
    async fn reserve(&self, held: &mut Reservation, n_bytes: usize) -> Result<(), ApiError> {
        let n_blocks = n_bytes.saturating_sub(FREE_BYTES).div_ceil(BLOCK_BYTES);
        let n_held = (held.0.as_ref()).map_or(0, OwnedSemaphorePermit::num_permits);
        let n_more = u32::try_from(n_blocks.saturating_sub(n_held)).unwrap_or(u32::MAX);
        if n_more == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.free).acquire_many_owned(n_more);
        let more = match tokio::time::timeout(self.patience.memory, more).await {
            Ok(more) => more.expect("the semaphore is never closed"),
            Err(_) => return Err(ApiError::TooManyBodies),
        };
        match &mut held.0 {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// What `Content-Encoding` says.
fn packing(headers: &HeaderMap) -> Result<Packing, ApiError> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(Packing::None);
    };
    let name = String::from_utf8_lossy(value.as_bytes())
        .trim()
        .to_ascii_lowercase();
    match name.as_str() {
        "" | "identity" => Ok(Packing::None),
        "gzip" | "x-gzip" => Ok(Packing::Gzip),
        _ => Err(ApiError::BodyEncoding { found: name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::io::{Error, Write};

    const SHORT: Duration = Duration::from_millis(50);

    fn bodies(limit_bytes: usize) -> Bodies {
        Bodies {
            patience: Patience {
                piece: SHORT,
                memory: SHORT,
                ..PATIENCE
            },
            ..Bodies::new(limit_bytes)
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    async fn read_packed(body: Vec<u8>, packing: &str) -> Result<Bytes, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, packing.parse().unwrap());
        let read = bodies(1000).read(&headers, Body::from(body)).await;
        read.map(|(bytes, _)| bytes)
    }

    #[tokio::test]
    async fn gzip_is_unpacked_within_the_limit() {
        let text = b"ASK {}".repeat(100);
        assert_eq!(read_packed(gzip(&text), "gzip").await.unwrap(), text);
        let two = [gzip(b"ASK "), gzip(b"{}")].concat();
        assert_eq!(read_packed(two, "X-GZIP").await.unwrap(), "ASK {}");
        let bomb = gzip(&vec![b'x'; 10_000_000]);
        let error = read_packed(bomb, "gzip").await.unwrap_err();
        assert!(matches!(error, ApiError::BodyTooLong { limit_bytes: 1000 }));
        for broken in [b"ASK {}".to_vec(), gzip(&text)[..20].to_vec()] {
            let error = read_packed(broken, "gzip").await.unwrap_err();
            assert!(matches!(error, ApiError::NotGzip(_)), "{error:?}");
        }
        let error = read_packed(text, "br").await.unwrap_err();
        assert!(matches!(error, ApiError::BodyEncoding { found } if found == "br"));
    }

    #[tokio::test]
    async fn a_body_that_stops_is_given_up() {
        let start = stream::iter([Ok::<_, Error>(Bytes::from_static(b"ASK"))]);
        let body = Body::from_stream(start.chain(stream::pending()));
        let error = bodies(1000)
            .read(&HeaderMap::new(), body)
            .await
            .unwrap_err();
        assert!(matches!(error, ApiError::BodyStopped { .. }), "{error:?}");
    }

    /// Whoever holds the memory, short bodies pass and long ones are told to come back.
    #[tokio::test]
    async fn all_bodies_together_have_bounded_memory() {
        let bodies = bodies(4 * BLOCK_BYTES);
        let read = async |n_blocks: usize| {
            let body = Body::from(vec![b'x'; n_blocks * BLOCK_BYTES]);
            bodies.read(&HeaderMap::new(), body).await
        };
        let mut held = Vec::new();
        let refused = loop {
            match read(4).await {
                Ok(body) => held.push(body),
                Err(error) => break error,
            }
            assert!(held.len() < 100, "the memory has no bound");
        };
        assert!(matches!(refused, ApiError::TooManyBodies), "{refused:?}");
        assert!(held.len() >= BODIES_AT_ONCE);
        assert!(read(1).await.is_ok());
        held.pop();
        assert!(read(4).await.is_ok());
    }
}

//! Fetching images from IIIF servers: bounded, patient where patience may help.

use super::options::Network;
use crate::{iiif, net};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Fetches images; shared by all downloads of a build.
#[derive(Debug)]
pub(super) struct Downloader {
    client: Client,
    limits: Network,
    width_px: u32,
    /// Attempts in a row that failed although they might have passed, over all images.
    n_in_vain: AtomicUsize,
}

/// Why an image does not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadError {
    #[error("{url} answered {status}")]
    Status {
        url: String,
        status: StatusCode,
        /// The server's wish for the next attempt.
        retry_after: Option<Duration>,
    },
    #[error("{url} is longer than {limit_bytes} bytes")]
    TooLarge { url: String, limit_bytes: usize },
    #[error("{url} did not arrive within {} s", .limit.as_secs())]
    Timeout { url: String, limit: Duration },
    #[error("{url} cannot be fetched: {reason}")]
    Transport { url: String, reason: String },
}

/// Longest pause between two attempts, whatever the server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// After so many attempts in vain the network or the server is down, and no image is tried twice
/// until one comes: otherwise tens of thousands of images would each be waited for.
const PATIENCE: usize = 200;

impl Downloader {
    pub(super) fn new(limits: Network, width_px: u32) -> reqwest::Result<Self> {
        let mut client = net::client_builder()
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.image_timeout);
        if !limits.uses_proxy {
            client = client.no_proxy();
        }
        let client = client.build()?;
        Ok(Self {
            client,
            limits,
            width_px,
            n_in_vain: AtomicUsize::new(0),
        })
    }

    /// The image behind `iiif_url` in the width of this build, or in its own size where the server
    /// refuses that width.
    ///
    /// Image API 3 servers answer 400 or 501 to a width beyond that of the image.
    pub(super) async fn get(&self, iiif_url: &str) -> Result<Vec<u8>, DownloadError> {
        let scaled = iiif::full_image_url(iiif_url, self.width_px);
        match self.get_patiently(&scaled).await {
            Err(
                error @ DownloadError::Status {
                    status: StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED,
                    ..
                },
            ) => {
                let whole = iiif::whole_image_url(iiif_url);
                // The first answer is the one that explains a wrong URL.
                self.get_patiently(&whole).await.map_err(|_| error)
            }
            answer => answer,
        }
    }

    async fn get_patiently(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        let mut pause = self.limits.retry_pause;
        let mut n_left = self.limits.retries;
        loop {
            let error = match self.get_once(url).await {
                Err(error) if error.may_pass() => error,
                answer => {
                    self.n_in_vain.store(0, Ordering::Relaxed);
                    return answer;
                }
            };
            let n_in_vain = 1 + self.n_in_vain.fetch_add(1, Ordering::Relaxed);
            if n_left == 0 || n_in_vain > PATIENCE {
                return Err(error);
            }
            n_left -= 1;
            tracing::debug!(%error, "trying again");
            let wish = error.retry_after().unwrap_or_default();
            tokio::time::sleep(pause.max(wish).min(MAX_PAUSE)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn get_once(&self, url: &str) -> Result<Vec<u8>, DownloadError> {
        let limit_bytes = self.limits.max_image_bytes;
        let too_large = || DownloadError::TooLarge {
            url: url.to_owned(),
            limit_bytes,
        };
        let failed = |error| self.explain(url, error);
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(DownloadError::Status {
                url: url.to_owned(),
                status,
                retry_after: retry_after(response.headers()),
            });
        }
        if response
            .content_length()
            .is_some_and(|n| n > limit_bytes as u64)
        {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn explain(&self, url: &str, error: reqwest::Error) -> DownloadError {
        let url = url.to_owned();
        if error.is_timeout() && !error.is_connect() {
            return DownloadError::Timeout {
                url,
                limit: self.limits.image_timeout,
            };
        }
        // "error sending request" says nothing; the innermost cause is "connection refused".
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        DownloadError::Transport {
            url,
            reason: cause.to_string(),
        }
    }
}

impl DownloadError {
    /// Whether the same request may be answered later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || (status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED)
            }
            Self::Timeout { .. } | Self::Transport { .. } => true,
            Self::TooLarge { .. } => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::TooLarge { .. } | Self::Timeout { .. } | Self::Transport { .. } => None,
        }
    }
}

/// Seconds in `Retry-After`; its other form, a date, is rare and then the usual pause is kept.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

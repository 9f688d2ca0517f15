//! Asking an endpoint again after a failure that may pass.

use crate::build::options::Network;
use anyhow::anyhow;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// Longest pause between two attempts where the endpoint names none.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Longest pause that an endpoint may ask for: some name a minute or some when too many ask.
const MAX_WISH: Duration = Duration::from_secs(600);

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: anyhow::Error,
    /// Whether the same query may be answered later.
    pub(super) may_pass: bool,
    /// The endpoint's wish for the next attempt.
    pub(super) wish: Option<Duration>,
}

impl Refusal {
    /// A connection that was refused or broke.
    pub(super) fn broken(error: anyhow::Error) -> Self {
        Self {
            error,
            may_pass: true,
            wish: None,
        }
    }

    /// An answer of another status than success.
    pub(super) fn status(status: StatusCode, headers: &HeaderMap, error: anyhow::Error) -> Self {
        let may_pass = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Self {
            error,
            may_pass,
            wish: retry_after(headers, SystemTime::now()),
        }
    }
}

impl From<anyhow::Error> for Refusal {
    /// What will be no different the next time.
    fn from(error: anyhow::Error) -> Self {
        Self {
            error,
            may_pass: false,
            wish: None,
        }
    }
}

/// Makes `attempt` until it succeeds, cannot succeed, or has failed once more than `limits.retries`.
///
/// # Errors
/// The last attempt's.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Refusal>>>(
    limits: &Network,
    attempt: impl Fn() -> F,
) -> anyhow::Result<T> {
    let mut pause = limits.retry_pause;
    let mut n_left = limits.retries;
    loop {
        let refusal = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        if !refusal.may_pass || n_left == 0 {
            return Err(refusal.error);
        }
        n_left -= 1;
        let wish = refusal.wish.unwrap_or_default();
        if wish > MAX_WISH {
            return Err(anyhow!(
                "{:#}; it asks to be left alone for {} s, run the same command again after that",
                refusal.error,
                wish.as_secs()
            ));
        }
        let wait = pause.min(MAX_PAUSE).max(wish);
        tracing::warn!(
            "{:#}; trying again in {:.1} s",
            refusal.error,
            wait.as_secs_f64()
        );
        tokio::time::sleep(wait).await;
        pause *= 2;
    }
}

/// `Retry-After` in either form: seconds, or a date.
pub(in crate::build) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date in the past is now.
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_has_two_forms() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            assert_eq!(
                retry_after(&headers, now),
                expected.map(Duration::from_secs),
                "{value}"
            );
        }
    }
}

//! One request and its answer: bounded in time and length.

use super::Downloader;
use super::error::DownloadError;
use super::pace::Kind;
use crate::build::answers::Validators;
use crate::build::endpoint::retry::retry_after;
use crate::fetch::{FetchError, Fetcher, Hop};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use std::time::{Duration, SystemTime};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) url: &'a str,
    pub(super) kind: Kind,
    pub(super) limit_bytes: usize,
    /// Of a robots.txt the beginning is enough, and no other is asked whether it may be had: its rules are those of
    /// the server that names it, wherever it lies.
    pub(super) is_robots_txt: bool,
    /// Whether it is enough to know that it is there.
    pub(super) is_head: bool,
    pub(super) timeout: Duration,
    /// Of an earlier answer, which is not sent again if it is still the same.
    pub(super) known: Option<&'a Validators>,
}

impl Ask<'_> {
    fn method(&self) -> Method {
        match self.is_head {
            true => Method::HEAD,
            false => Method::GET,
        }
    }
}

/// What came.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) bytes: Vec<u8>,
    pub(super) validators: Validators,
}

impl Downloader {
    /// The answer to `ask`; `None` if it is that which is known.
    pub(super) async fn get_once(&self, ask: &Ask<'_>) -> Result<Option<Got>, DownloadError> {
        let reading = self.read_once(ask);
        if self.guard.is_none() {
            return reading.await;
        }
        // Redirects that are followed one by one have this time together.
        match tokio::time::timeout(ask.timeout, reading).await {
            Ok(result) => result,
            Err(_) => Err(DownloadError::Timeout {
                url: ask.url.to_owned(),
                limit: ask.timeout,
            }),
        }
    }

    async fn read_once(&self, ask: &Ask<'_>) -> Result<Option<Got>, DownloadError> {
        let failed = |error| explain(ask.url, ask.timeout, error);
        let mut headers = HeaderMap::new();
        if let Some(known) = ask.known {
            known.add_conditions(&mut headers);
        }
        let is_conditional = !headers.is_empty();
        let response = match &self.guard {
            Some(guard) => self.guarded(guard, ask, headers).await?,
            None => {
                let request = self.client.request(ask.method(), ask.url).headers(headers);
                let sent = request.timeout(ask.timeout).send().await;
                sent.map_err(failed)?
            }
        };
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED && is_conditional {
            return Ok(None);
        }
        // 202: it is being made.
        if !status.is_success() || status == StatusCode::ACCEPTED {
            let retry_after = retry_after(response.headers(), SystemTime::now());
            return Err(DownloadError::Status {
                url: ask.url.to_owned(),
                status,
                retry_after,
                words: words(response).await,
            });
        }
        let validators = Validators::of(response.headers());
        let bytes = match ask.is_head {
            // Its length is that of what was not sent.
            true => Vec::new(),
            false => body(response, ask).await?,
        };
        Ok(Some(Got { bytes, validators }))
    }

    /// The answer to `ask`, if strangers may name it.
    async fn guarded(
        &self,
        guard: &Fetcher,
        ask: &Ask<'_>,
        mut headers: HeaderMap,
    ) -> Result<Response, DownloadError> {
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let refused = |error| refused(ask, error);
        let mut url = Fetcher::parse(ask.url).map_err(refused)?;
        for _ in 0..=guard.max_redirects() {
            match guard
                .hop(ask.method(), &url, headers.clone())
                .await
                .map_err(refused)?
            {
                Hop::Answer(response) => return Ok(response),
                Hop::Redirect(target) => {
                    if !ask.is_robots_txt {
                        Box::pin(self.permit_hop(&target)).await?;
                    }
                    url = target;
                }
            }
        }
        Err(DownloadError::Refused(guard.too_many_redirects(ask.url)))
    }
}

async fn body(mut response: Response, ask: &Ask<'_>) -> Result<Vec<u8>, DownloadError> {
    let too_large = || DownloadError::TooLarge {
        url: ask.url.to_owned(),
        limit_bytes: ask.limit_bytes,
    };
    let is_over = |n: u64| n > ask.limit_bytes as u64 && !ask.is_robots_txt;
    if response.content_length().is_some_and(is_over) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    let failed = |error| explain(ask.url, ask.timeout, error);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        let n_left = ask.limit_bytes - body.len();
        if chunk.len() > n_left {
            if !ask.is_robots_txt {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk[..n_left]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refused(ask: &Ask<'_>, error: FetchError) -> DownloadError {
    let url = ask.url.to_owned();
    match error {
        FetchError::NotPublic { host } => DownloadError::NotPublic { url, host },
        FetchError::UnknownHost { host, .. } => DownloadError::Transport {
            url,
            reason: format!("the host {host} cannot be found"),
        },
        FetchError::Failed { source, .. } => explain(&url, ask.timeout, source),
        error => DownloadError::Refused(error),
    }
}

fn explain(url: &str, limit: Duration, error: reqwest::Error) -> DownloadError {
    let url = url.to_owned();
    if error.is_redirect() {
        return DownloadError::Redirects { url };
    }
    if error.is_timeout() && !error.is_connect() {
        return DownloadError::Timeout { url, limit };
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

/// Bytes of an error page that are looked at, and characters of it that are told.
const MAX_PAGE_BYTES: usize = 4096;
const MAX_WORDS: usize = 160;

/// What an error page says in its text, on one line.
async fn words(mut response: Response) -> String {
    let is_text = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_none_or(|kind| {
            ["text/", "json", "xml"]
                .iter()
                .any(|part| kind.contains(part))
        });
    if !is_text {
        return String::new();
    }
    let mut bytes = Vec::new();
    while bytes.len() < MAX_PAGE_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend(chunk);
    }
    bytes.truncate(MAX_PAGE_BYTES);
    plain_words(&String::from_utf8_lossy(&bytes))
}

fn plain_words(page: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in page.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            _ if is_tag => {}
            c if c.is_control() || c == char::REPLACEMENT_CHARACTER => text.push(' '),
            c => text.push(c),
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    match words.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_pages_are_told_in_a_few_plain_words() {
        for (page, expected) in [
            (
                "<h1>400 Bad Request</h1>size exceeds",
                "400 Bad Request size exceeds",
            ),
            ("no enlargement\n here", "no enlargement here"),
            ("", ""),
            ("\u{0}\u{fffd}", ""),
        ] {
            assert_eq!(plain_words(page), expected);
        }
        assert_eq!(plain_words(&"a".repeat(500)).chars().count(), MAX_WORDS + 1);
    }
}

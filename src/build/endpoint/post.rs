//! Asking an endpoint as the SPARQL 1.1 Protocol has it, and its answer in a file.

use super::partial::Signs;
use super::retry::{self, Refusal};
use crate::build::options::Network;
use crate::net;
use anyhow::{Context, anyhow};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use url::Url;

const MAX_REDIRECTS: usize = 10;
/// Bytes of an error page that are shown.
const MAX_ERROR_BYTES: usize = 2000;

/// An endpoint, and how it is treated.
pub(super) struct Endpoint {
    client: Client,
    url: Url,
    limits: Network,
}

/// What an answer shall be.
pub(super) struct Wanted<F> {
    /// The header that asks for it.
    pub(super) accept: &'static str,
    /// Its name, for people.
    pub(super) name: &'static str,
    /// The format that a media type stands for, if it is one of those.
    pub(super) format: fn(&str) -> Option<F>,
}

/// An answer that lies in a file, to be parsed from there: its length is no matter of memory.
pub(super) struct Answer<F> {
    /// Where it came from, for people.
    pub(super) place: String,
    pub(super) format: F,
    pub(super) signs: Signs,
    pub(super) n_bytes: u64,
}

/// The endpoint has answered that it does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the SPARQL endpoint {place} answered {status}: {words}")]
pub(super) struct Unsuccessful {
    /// Which endpoint, for people.
    pub(super) place: String,
    pub(super) status: StatusCode,
    /// What it says about it.
    pub(super) words: String,
}

// Derived, they would ask the same of the format.
impl<F> Clone for Wanted<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Wanted<F> {}

impl Endpoint {
    pub(super) fn new(url: &Url, limits: &Network) -> anyhow::Result<Self> {
        let client = net::client_builder()
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.endpoint_timeout)
            // The client would turn a redirected POST into a GET that has lost the query.
            .redirect(redirect::Policy::none())
            .build()
            .context("no HTTP client can be made")?;
        Ok(Self {
            client,
            url: url.clone(),
            limits: limits.clone(),
        })
    }

    /// Most bytes of all answers to one query.
    pub(super) fn max_bytes(&self) -> u64 {
        self.limits.max_answer_bytes
    }

    /// The endpoint, for people.
    pub(super) fn place(&self) -> String {
        shown(&self.url)
    }

    /// Sends `query`, again after failures that may pass, and stores the answer in the file `spool`.
    ///
    /// # Errors
    /// If the endpoint cannot be reached, answers with an error, whose text is shown, or with something else than
    /// is wanted.
    pub(super) async fn ask<F>(
        &self,
        query: &str,
        wanted: Wanted<F>,
        max_bytes: u64,
        spool: &Path,
    ) -> anyhow::Result<Answer<F>> {
        let attempt = || self.ask_once(query, wanted, max_bytes, spool);
        retry::patiently(&self.limits, attempt).await
    }

    /// Sends `query` once.
    pub(super) async fn ask_once<F>(
        &self,
        query: &str,
        wanted: Wanted<F>,
        max_bytes: u64,
        spool: &Path,
    ) -> Result<Answer<F>, Refusal> {
        let response = send(&self.client, &self.url, query, wanted.accept).await?;
        let place = shown(response.url());
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            let error = Unsuccessful {
                place,
                status,
                words: beginning(response).await,
            };
            return Err(Refusal::status(status, &headers, error.into()));
        }
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("no media type")
            .to_owned();
        let Some(format) = (wanted.format)(&media_type) else {
            let beginning = beginning(response).await;
            return Err(Refusal::from(anyhow!(
                "the SPARQL endpoint {place} answered with {media_type} instead of {}: {beginning}",
                wanted.name
            )));
        };
        let signs = Signs::of(status, response.headers());
        let n_bytes = store(response, max_bytes, spool)
            .await
            .map_err(|mut refusal| {
                refusal.error = refusal.error.context(format!(
                    "the answer of the SPARQL endpoint {place} did not arrive whole"
                ));
                refusal
            })?;
        Ok(Answer {
            place,
            format,
            signs,
            n_bytes,
        })
    }
}

/// Posts the query, again at each place that the endpoint refers to.
async fn send(
    client: &Client,
    endpoint: &Url,
    query: &str,
    accept: &str,
) -> Result<Response, Refusal> {
    let mut url = endpoint.clone();
    let mut by_get = false;
    for _ in 0..=MAX_REDIRECTS {
        let request = if by_get {
            client.get(url.clone())
        } else {
            client.post(url.clone()).form(&[("query", query)])
        };
        let response = request
            .header(ACCEPT, accept)
            .send()
            .await
            .map_err(|error| {
                // Whoever was waited for so long is not asked again.
                let may_pass = error.is_connect() || !error.is_timeout();
                let url = shown(&url);
                let error = anyhow::Error::from(error.without_url()).context(format!(
                    "the SPARQL endpoint {url} cannot be reached; check its address, and that it runs and may be called from here"
                ));
                Refusal {
                    may_pass,
                    ..Refusal::broken(error)
                }
            })?;
        by_get = match response.status() {
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => by_get,
            // 303 names a place where the answer lies.
            StatusCode::SEE_OTHER => true,
            _ => return Ok(response),
        };
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| url.join(value).ok())
            .filter(|target| matches!(target.scheme(), "http" | "https"));
        let Some(target) = target else {
            return Err(Refusal::from(anyhow!(
                "the SPARQL endpoint {} redirects to no http or https URL",
                shown(&url)
            )));
        };
        url = target;
    }
    Err(Refusal::from(anyhow!(
        "the SPARQL endpoint {} redirects more than {MAX_REDIRECTS} times",
        shown(endpoint)
    )))
}

/// The URL as it may be shown: without the password that operators put into endpoint URLs.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Fails for URLs that cannot have a password, which then have none.
    let _ = url.set_password(None);
    url.into()
}

/// What an error page says, as far as it is short.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ERROR_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend(chunk);
    }
    bytes.truncate(MAX_ERROR_BYTES);
    let text = String::from_utf8_lossy(&bytes);
    match text.trim() {
        "" => "(no text)".to_owned(),
        text => text.to_owned(),
    }
}

/// Stores the answer and gives its length in bytes.
async fn store(mut response: Response, max_bytes: u64, spool: &Path) -> Result<u64, Refusal> {
    let unwritten = || format!("{} cannot be written", spool.display());
    let file = File::create(spool).with_context(unwritten)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut n_bytes = 0u64;
    loop {
        let chunk = response.chunk().await.map_err(|error| {
            let may_pass = !error.is_timeout();
            Refusal {
                may_pass,
                ..Refusal::broken(error.without_url().into())
            }
        })?;
        let Some(chunk) = chunk else { break };
        n_bytes += chunk.len() as u64;
        if n_bytes > max_bytes {
            return Err(Refusal::from(anyhow!(
                "it is longer than {max_bytes} bytes"
            )));
        }
        out.write_all(&chunk).with_context(unwritten)?;
    }
    out.flush().with_context(unwritten)?;
    Ok(n_bytes)
}

//! The image query: sent to a SPARQL endpoint as the SPARQL 1.1 Protocol has it.

use super::options::Network;
use crate::net;
use anyhow::{Context, bail};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use sparesults::QueryResultsFormat;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;
use url::Url;

const RESULTS: &str = "application/sparql-results+json, application/sparql-results+xml;q=0.9, \
                       application/json;q=0.5, application/xml;q=0.4, text/xml;q=0.4";
const MAX_REDIRECTS: usize = 10;
/// Bytes of an error page that are shown.
const MAX_ERROR_BYTES: usize = 2000;

/// Sends `query` and stores the answer in the file `spool`, so that it is parsed from the disk and
/// its length is no matter of memory.
///
/// # Errors
/// If the endpoint cannot be reached, does not answer with SPARQL results in JSON or XML, or answers
/// with an error, whose text is shown.
pub(super) async fn ask(
    endpoint: &Url,
    query: &str,
    limits: &Network,
    spool: &Path,
) -> anyhow::Result<(File, QueryResultsFormat)> {
    let client = net::client_builder()
        .connect_timeout(limits.connect_timeout)
        .timeout(limits.endpoint_timeout)
        // The client would turn a redirected POST into a GET that has lost the query.
        .redirect(redirect::Policy::none())
        .build()
        .context("no HTTP client can be made")?;
    let response = send(&client, endpoint, query).await?;
    let place = shown(response.url());
    let status = response.status();
    if !status.is_success() {
        bail!(
            "the SPARQL endpoint {place} answered {status}: {}",
            beginning(response).await
        );
    }
    let media_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no media type")
        .to_owned();
    let format = match QueryResultsFormat::from_media_type(&media_type) {
        Some(format @ (QueryResultsFormat::Json | QueryResultsFormat::Xml)) => format,
        _ => bail!(
            "the SPARQL endpoint {place} answered with {media_type} instead of SPARQL results in JSON or XML: {}",
            beginning(response).await
        ),
    };
    let file = store(response, limits.max_answer_bytes, spool)
        .await
        .with_context(|| {
            format!("the answer of the SPARQL endpoint {place} did not arrive whole")
        })?;
    Ok((file, format))
}

/// Posts the query, again at each place that the endpoint refers to.
async fn send(client: &Client, endpoint: &Url, query: &str) -> anyhow::Result<Response> {
    let mut url = endpoint.clone();
    let mut by_get = false;
    for _ in 0..=MAX_REDIRECTS {
        let request = if by_get {
            client.get(url.clone())
        } else {
            client.post(url.clone()).form(&[("query", query)])
        };
        let response = request
            .header(ACCEPT, RESULTS)
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| {
                let url = shown(&url);
                format!(
                    "the SPARQL endpoint {url} cannot be reached; check its address, and that it runs and may be called from here"
                )
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
            bail!(
                "the SPARQL endpoint {} redirects to no http or https URL",
                shown(&url)
            );
        };
        url = target;
    }
    bail!(
        "the SPARQL endpoint {} redirects more than {MAX_REDIRECTS} times",
        shown(endpoint)
    )
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

async fn store(mut response: Response, max_bytes: u64, spool: &Path) -> anyhow::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(spool)
        .with_context(|| format!("{} cannot be written", spool.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut n_bytes = 0u64;
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(reqwest::Error::without_url)?
    {
        n_bytes += chunk.len() as u64;
        if n_bytes > max_bytes {
            bail!("it is longer than {max_bytes} bytes");
        }
        out.write_all(&chunk)
            .with_context(|| format!("{} cannot be written", spool.display()))?;
    }
    let mut file = out
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

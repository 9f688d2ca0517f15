//! The image query: sent to a SPARQL endpoint as the SPARQL 1.1 Protocol has it.

mod partial;
pub(super) mod retry;

use super::files::Draft;
use super::options::{BuildOptions, Network};
use super::source::{self, Input};
use super::{blocking, table};
use crate::net;
use anyhow::{Context, anyhow, bail};
use partial::Signs;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};
use retry::Refusal;
use sparesults::QueryResultsFormat;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use url::Url;

const RESULTS: &str = "application/sparql-results+json, application/sparql-results+xml;q=0.9, \
                       application/json;q=0.5, application/xml;q=0.4, text/xml;q=0.4";
const MAX_REDIRECTS: usize = 10;
/// Bytes of an error page that are shown.
const MAX_ERROR_BYTES: usize = 2000;

/// What to do about an answer that is not all there is.
const REMEDY: &str = "ask for less at a time (LIMIT and OFFSET, sorted), raise the endpoint's limits, or take what it gave with --allow-partial";

/// An answer that lies in a file, to be parsed from there: its length is no matter of memory.
struct Answer {
    /// Where it came from, for people.
    place: String,
    format: QueryResultsFormat,
    signs: Signs,
}

/// The images that `query` finds at `endpoint`, and `images_csv` as a draft. The answer lies in the file
/// `spool` meanwhile.
///
/// # Errors
/// If the endpoint cannot be reached, does not answer with SPARQL results in JSON or XML, answers with an
/// error, whose text is shown, or with a part of the rows where the options do not allow that.
pub(super) async fn read(
    endpoint: &Url,
    query: &str,
    options: &BuildOptions,
    spool: &Path,
    images_csv: PathBuf,
) -> anyhow::Result<(Input, Draft)> {
    let limits = &options.network;
    let client = net::client_builder()
        .connect_timeout(limits.connect_timeout)
        .timeout(limits.endpoint_timeout)
        // The client would turn a redirected POST into a GET that has lost the query.
        .redirect(redirect::Policy::none())
        .build()
        .context("no HTTP client can be made")?;
    let allow_partial = options.allow_partial;
    let attempt = || ask(&client, endpoint, query, limits, spool, allow_partial);
    let answer = retry::patiently(limits, attempt).await?;
    let (column, spool, format) = (options.iiif_column.clone(), spool.to_owned(), answer.format);
    let open = move || table::from_answer(&spool, format, allow_partial);
    let (mut input, draft) = blocking(move || source::read(open, &column, &images_csv)).await?;
    if let Some(sign) = answer.signs.of_rows(input.n_rows) {
        let sentence = missing(&answer.place, &sign);
        if !allow_partial {
            bail!("{sentence}; {REMEDY}");
        }
        input.remarks.push(sentence);
    } else if partial::is_usual_limit(input.n_rows) {
        input.remarks.push(format!(
            "the SPARQL endpoint {} gave exactly {} rows; many endpoints stop at such a number without a word, so check that there are no more",
            answer.place, input.n_rows
        ));
    }
    input.remarks.extend(
        answer
            .signs
            .certain
            .map(|sign| missing(&answer.place, &sign)),
    );
    Ok((input, draft))
}

fn missing(place: &str, sign: &str) -> String {
    format!("the SPARQL endpoint {place} gave a part of the rows only ({sign})")
}

/// Sends `query` and stores the answer in the file `spool`.
async fn ask(
    client: &Client,
    endpoint: &Url,
    query: &str,
    limits: &Network,
    spool: &Path,
    allow_partial: bool,
) -> Result<Answer, Refusal> {
    let response = send(client, endpoint, query).await?;
    let place = shown(response.url());
    let status = response.status();
    if !status.is_success() {
        let headers = response.headers().clone();
        let beginning = beginning(response).await;
        let error = anyhow!("the SPARQL endpoint {place} answered {status}: {beginning}");
        return Err(Refusal::status(status, &headers, error));
    }
    let media_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no media type")
        .to_owned();
    let Some(format) = QueryResultsFormat::from_media_type(&media_type)
        .filter(|format| matches!(format, QueryResultsFormat::Json | QueryResultsFormat::Xml))
    else {
        let beginning = beginning(response).await;
        return Err(Refusal::from(anyhow!(
            "the SPARQL endpoint {place} answered with {media_type} instead of SPARQL results in JSON or XML: {beginning}"
        )));
    };
    let signs = Signs::of(status, response.headers());
    if let Some(sign) = &signs.certain
        && !allow_partial
    {
        let sentence = missing(&place, sign);
        return Err(Refusal::from(anyhow!("{sentence}; {REMEDY}")));
    }
    store(response, limits.max_answer_bytes, spool)
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
    })
}

/// Posts the query, again at each place that the endpoint refers to.
async fn send(client: &Client, endpoint: &Url, query: &str) -> Result<Response, Refusal> {
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

async fn store(mut response: Response, max_bytes: u64, spool: &Path) -> Result<(), Refusal> {
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
    Ok(out.flush().with_context(unwritten)?)
}

//! What a SPARQL endpoint gives a build: the rows of the image query, and RDF.

mod metadata;
mod names;
mod pages;
mod partial;
mod post;
mod query;
pub(super) mod retry;
mod sink;
mod template;
#[cfg(test)]
mod tests;

pub(super) use metadata::{MetadataQuery, read as read_metadata};

use super::files::{self, DataDir, Draft};
use super::options::BuildOptions;
use super::source::{self, Input};
use super::table;
use super::table::CutShort;
use crate::blocking::blocking;
use anyhow::{anyhow, bail};
use pages::{Page, Pager, RESULTS, Reading};
use partial::Signs;
use post::Endpoint;
use query::{Pages, SelectQuery};
use sink::Sink;
use std::path::{Path, PathBuf};
use url::Url;

/// What to do about an answer that is not all there is.
const REMEDY: &str = "ask for less at a time (--page-size), raise the endpoint's limits, or take what it gave with --allow-partial";

/// Files in which answers lie while they are read; they go when this is dropped.
pub(super) struct Spool {
    answer: PathBuf,
    rows: PathBuf,
}

impl Spool {
    pub(super) fn new(dir: &DataDir) -> Self {
        Self {
            answer: dir.path("answer.part"),
            rows: dir.path("rows.part"),
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What cannot be removed is overwritten by the next build.
        let _ = files::remove(&self.answer);
        let _ = files::remove(&self.rows);
    }
}

/// Rows that came, and what is to be said of them.
struct Rows {
    sink: Sink,
    cut: Option<CutShort>,
    remarks: Vec<String>,
}

/// The images that `query` finds at `endpoint`, and `images_csv` as a draft. An answer that is cut is asked for in
/// pages, unless the options allow a part.
///
/// # Errors
/// If the endpoint cannot be reached, does not answer with SPARQL results in JSON or XML, answers with an
/// error, whose text is shown, or with a part of the rows where the options do not allow that and pages do not help.
pub(super) async fn read(
    endpoint: &Url,
    query: &str,
    options: &BuildOptions,
    spool: &Spool,
    images_csv: PathBuf,
) -> anyhow::Result<(Input, Draft)> {
    let query = SelectQuery::new(query)?;
    let endpoint = Endpoint::new(endpoint, &options.network)?;
    let sink = Sink::create(&spool.rows, sink::as_csv())?;
    let rows = match options.page_size {
        Some(size) => in_pages(&endpoint, &query, size.get(), sink, options, &spool.answer).await?,
        None => at_once(&endpoint, &query, sink, options, &spool.answer).await?,
    };
    let Rows {
        mut sink,
        cut,
        remarks,
    } = rows;
    sink.mark()?;
    let (columns, path) = (sink.columns, spool.rows.clone());
    let open = move || table::from_rows(&path, columns.clone(), cut.clone());
    let column = options.iiif_column.clone();
    let (mut input, draft) = blocking(move || source::read(open, &column, &images_csv)).await?;
    input.remarks.extend(remarks);
    Ok((input, draft))
}

/// The rows in pages of `size`, as the user wants it.
async fn in_pages(
    endpoint: &Endpoint,
    query: &SelectQuery,
    size: usize,
    sink: Sink,
    options: &BuildOptions,
    spool: &Path,
) -> anyhow::Result<Rows> {
    let pages = match &query.pages {
        Ok(pages) => pages,
        Err(error) => bail!("--page-size does not fit the image query: {error}"),
    };
    let (sink, end) = paged(endpoint, pages, size, sink, spool).await?;
    let mut remarks = Vec::new();
    if let Some(error) = end {
        if !options.allow_partial {
            bail!("{error:#}; {REMEDY}");
        }
        remarks.push(format!("{error:#}"));
    }
    Ok(Rows {
        sink,
        cut: None,
        remarks,
    })
}

/// The rows in one answer; in pages if it is cut.
async fn at_once(
    endpoint: &Endpoint,
    query: &SelectQuery,
    mut sink: Sink,
    options: &BuildOptions,
    spool: &Path,
) -> anyhow::Result<Rows> {
    let begin = sink.mark()?;
    let answer = endpoint.ask(&query.text, RESULTS, endpoint.max_bytes(), spool);
    let answer = answer.await?;
    let (sink, page) =
        pages::scan(sink, spool.to_owned(), answer.format, Reading::default()).await?;
    let mut rows = Rows {
        sink,
        cut: page.cut.clone(),
        remarks: Vec::new(),
    };
    let place = &answer.place;
    let Some((sign, size)) = lack(&page, &answer.signs, query) else {
        if !query.is_satisfied_by(page.n_rows) && partial::is_usual_limit(page.n_rows) {
            return one_more(endpoint, query, rows, begin, &page, options, spool).await;
        }
        return Ok(rows);
    };
    let sentence = match &page.cut {
        // It says all by itself, and is told where the rows end.
        Some(cut) => cut.to_string(),
        None => missing(place, &sign),
    };
    if options.allow_partial {
        rows.remarks.extend(page.cut.is_none().then_some(sentence));
        return Ok(rows);
    }
    instead(endpoint, query, rows, begin, size, &sentence, spool).await
}

/// Asks whether there is a row after an answer that ends at a suspicious number of rows.
async fn one_more(
    endpoint: &Endpoint,
    query: &SelectQuery,
    mut rows: Rows,
    begin: sink::Mark,
    page: &Page,
    options: &BuildOptions,
    spool: &Path,
) -> anyhow::Result<Rows> {
    let (n_rows, place) = (page.n_rows, endpoint.place());
    let sentence = format!("the SPARQL endpoint {place} stops at {n_rows} rows without a word");
    let n_more = match &query.pages {
        Ok(pages) => n_rows_of(endpoint, &pages.one_more(n_rows), spool).await,
        Err(_) => None,
    };
    match n_more {
        Some(0) => Ok(rows),
        Some(1) if options.allow_partial => {
            rows.remarks.push(sentence);
            Ok(rows)
        }
        Some(1) => instead(endpoint, query, rows, begin, n_rows, &sentence, spool).await,
        // An error, or an endpoint that does not heed LIMIT.
        _ => {
            rows.remarks.push(format!(
                "the SPARQL endpoint {place} gave exactly {n_rows} rows; many endpoints stop at such a number without a word, so check that there are no more"
            ));
            Ok(rows)
        }
    }
}

/// The rows of `query`, of which there should be one at most.
async fn n_rows_of(endpoint: &Endpoint, query: &str, spool: &Path) -> Option<usize> {
    let limit = endpoint.max_bytes();
    let answer = endpoint.ask(query, RESULTS, limit, spool).await.ok()?;
    let spool = spool.to_owned();
    let read = move || Ok(table::Answer::open(&spool, answer.format)?.take(2).count());
    blocking(read).await.ok()
}

/// The rows in pages, instead of those that are a part, for the reason `sentence`.
async fn instead(
    endpoint: &Endpoint,
    query: &SelectQuery,
    rows: Rows,
    begin: sink::Mark,
    size: usize,
    sentence: &str,
    spool: &Path,
) -> anyhow::Result<Rows> {
    let pages = match &query.pages {
        Ok(pages) if size > 0 => pages,
        Ok(_) => bail!("{sentence}; {REMEDY}"),
        Err(error) => bail!("{sentence}; {error}, or {REMEDY}"),
    };
    tracing::info!("{sentence}; it is asked again in pages of {size} rows");
    let mut sink = rows.sink;
    sink.rewind(begin)?;
    let (sink, end) = paged(endpoint, pages, size, sink, spool).await?;
    match end {
        Some(error) => Err(anyhow!("{sentence}; asked in pages, {error:#}; {REMEDY}")),
        None => Ok(Rows {
            sink,
            cut: None,
            remarks: Vec::new(),
        }),
    }
}

async fn paged(
    endpoint: &Endpoint,
    pages: &Pages,
    size: usize,
    sink: Sink,
    spool: &Path,
) -> anyhow::Result<(Sink, Option<anyhow::Error>)> {
    let pager = Pager::new(endpoint, pages, spool, size, sink);
    let (sink, n_rows, end) = pager.read().await?;
    if end.is_none() {
        tracing::info!(rows = n_rows, "the answer is whole");
    }
    Ok((sink, end))
}

/// What tells that rows are missing, and the size of pages that may come whole: as many rows as the endpoint allows,
/// and fewer than came until its time ran out. None where no row came.
fn lack(page: &Page, signs: &Signs, query: &SelectQuery) -> Option<(String, usize)> {
    let n_rows = page.n_rows;
    let fewer = if n_rows == 0 {
        0
    } else {
        (n_rows / 2).max(pages::MIN_SIZE)
    };
    if let Some(cut) = &page.cut {
        return Some((cut.to_string(), fewer));
    }
    if let Some(sign) = &signs.certain {
        return Some((sign.clone(), fewer));
    }
    if query.is_satisfied_by(n_rows) {
        return None;
    }
    signs.of_number(n_rows, "rows").map(|sign| (sign, n_rows))
}

fn missing(place: &str, sign: &str) -> String {
    format!("the SPARQL endpoint {place} gave a part of the rows only ({sign})")
}

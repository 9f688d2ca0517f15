//! RDF from an endpoint: the answers to CONSTRUCT and DESCRIBE queries as one file of N-Triples.

use super::names::Names;
use super::post::{Answer, Endpoint, Wanted};
use super::query::{Pages, Unpaged};
use super::sink::Sink;
use super::template::Template;
use super::{REMEDY, Spool, missing, n_rows_of, paged, partial};
use crate::blocking::blocking;
use crate::build::files::Draft;
use crate::build::options::BuildOptions;
use crate::build::table::Bounded;
use anyhow::{Context, anyhow, bail};
use oxrdf::Triple;
use oxrdfio::{RdfFormat, RdfParser};
use spargebra::{Query, SparqlParser};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use url::Url;

/// Answers to CONSTRUCT and DESCRIBE queries.
const RDF: Wanted<RdfFormat> = Wanted {
    accept: "application/n-triples, text/turtle;q=0.9, application/rdf+xml;q=0.6, text/plain;q=0.2",
    name: "RDF in N-Triples, Turtle or RDF/XML (--metadata-query wants a CONSTRUCT or DESCRIBE query)",
    format: |media_type| {
        RdfFormat::from_media_type(media_type).filter(|format| {
            matches!(
                format,
                RdfFormat::NTriples | RdfFormat::Turtle | RdfFormat::RdfXml
            )
        })
    },
};

/// Rows of a page where the answer says nothing about how many come whole.
const USUAL_SIZE: usize = 1000;

/// A query for RDF.
pub(in crate::build) struct MetadataQuery {
    text: String,
    /// Of a CONSTRUCT query.
    template: Option<Template>,
    pages: Result<Pages, Unpaged>,
}

impl MetadataQuery {
    /// # Errors
    /// If the query is of another form than CONSTRUCT and DESCRIBE.
    pub(in crate::build) fn new(text: &str) -> anyhow::Result<Self> {
        let (template, pages) = match SparqlParser::new().parse_query(text) {
            Ok(query @ Query::Construct { .. }) => {
                let (template, pages) = Template::new(query, text);
                (Some(template), pages)
            }
            Ok(Query::Describe { .. }) => (None, Err(Unpaged::Describe)),
            Ok(Query::Select { .. }) => bail!(
                "the metadata query is a SELECT query; --metadata-query takes CONSTRUCT or DESCRIBE, and --image-query takes the SELECT query with the IIIF URLs"
            ),
            Ok(Query::Ask { .. }) => bail!(
                "the metadata query is an ASK query; --metadata-query takes CONSTRUCT or DESCRIBE"
            ),
            // Endpoints have words of their own.
            Err(error) => (None, Err(Unpaged::not_parsed(&error))),
        };
        Ok(Self {
            text: text.to_owned(),
            template,
            pages,
        })
    }
}

/// What `endpoint` answers to all `queries`, as a draft of the N-Triples file at `path`; without queries, nothing.
///
/// # Errors
/// If the endpoint gives no answer, no RDF, or a part of it where the options do not allow that and pages do not help.
pub(in crate::build) async fn read(
    endpoint: &Url,
    queries: &[MetadataQuery],
    options: &BuildOptions,
    spool: &Spool,
    path: PathBuf,
) -> anyhow::Result<Option<Draft>> {
    if queries.is_empty() {
        return Ok(None);
    }
    let endpoint = Endpoint::new(endpoint, &options.network)?;
    let mut sink = Sink::create(&spool.rows, Box::new(|_, _| Ok(())))?;
    for query in queries {
        sink = add(&endpoint, query, sink, options, &spool.answer)
            .await
            .context("the metadata query has no whole answer")?;
    }
    sink.mark()?;
    let rows = spool.rows.clone();
    let copy = move || {
        Draft::write(&path, |file| {
            io::copy(&mut File::open(rows)?, file)?;
            anyhow::Ok(())
        })
    };
    blocking(copy).await.map(Some)
}

/// Adds what one query is answered with.
async fn add(
    endpoint: &Endpoint,
    query: &MetadataQuery,
    mut sink: Sink,
    options: &BuildOptions,
    spool: &Path,
) -> anyhow::Result<Sink> {
    if let (Some(size), Ok(pages), Some(template)) =
        (options.page_size, &query.pages, &query.template)
    {
        template.clone().begin(&mut sink);
        let (sink, end) = paged(endpoint, pages, size.get(), sink, spool).await?;
        return match end {
            Some(error) if options.allow_partial => {
                tracing::warn!("{error:#}");
                Ok(sink)
            }
            Some(error) => Err(anyhow!("{error:#}; {REMEDY}")),
            None => Ok(sink),
        };
    }
    let begin = sink.mark()?;
    let answer = endpoint.ask(&query.text, RDF, endpoint.max_bytes(), spool);
    let answer = answer.await?;
    let (signs, place) = (answer.signs.clone(), answer.place.clone());
    let (mut sink, n_triples) = copy(
        answer,
        endpoint.place(),
        query.text.clone(),
        sink,
        spool.to_owned(),
    )
    .await?;
    tracing::info!(triples = n_triples, "the metadata query is answered");
    let n_of_row = query
        .template
        .as_ref()
        .map_or(1, Template::n_triples)
        .max(1);
    let most = signs.max_rows.as_ref().map(|(most, _)| *most);
    let asked = match &query.pages {
        Err(Unpaged::HasSlice { length }) => *length,
        Ok(_) | Err(_) => None,
    };
    let may_stop = most.zip(asked).is_none_or(|(most, asked)| asked > most);
    let sign = signs
        .certain
        .clone()
        .or_else(|| signs.of_number(n_triples, "triples").filter(|_| may_stop));
    let size = most.unwrap_or((n_triples / n_of_row / 2).clamp(super::pages::MIN_SIZE, USUAL_SIZE));
    let (sentence, size) = match sign {
        Some(sign) => (missing(&place, &sign), size),
        None => match stop(endpoint, query, n_triples, n_of_row, spool).await {
            Some(n_rows) => (
                format!("the SPARQL endpoint {place} stops at {n_triples} triples without a word"),
                n_rows,
            ),
            None => return Ok(sink),
        },
    };
    if options.allow_partial {
        tracing::warn!("{sentence}");
        return Ok(sink);
    }
    let (pages, template) = match (&query.pages, &query.template) {
        (Ok(pages), Some(template)) => (pages, template),
        (Err(error), _) => bail!("{sentence}; {error}, or {REMEDY}"),
        (Ok(_), None) => bail!("{sentence}; {REMEDY}"),
    };
    tracing::info!("{sentence}; it is asked again in pages of {size} rows");
    sink.rewind(begin)?;
    template.clone().begin(&mut sink);
    let paged = paged(endpoint, pages, size, sink, spool).await;
    let end = match paged {
        Ok((sink, None)) => return Ok(sink),
        Ok((_, Some(error))) | Err(error) => error,
    };
    Err(anyhow!("{sentence}; asked in pages, {end:#}; {REMEDY}"))
}

/// The number of rows at which the endpoint seems to have stopped without a word, if there is one more.
async fn stop(
    endpoint: &Endpoint,
    query: &MetadataQuery,
    n_triples: usize,
    n_of_row: usize,
    spool: &Path,
) -> Option<usize> {
    let pages = query.pages.as_ref().ok()?;
    let n_rows = [n_triples, n_triples / n_of_row]
        .into_iter()
        .find(|n| partial::is_usual_limit(*n))?;
    let n_more = n_rows_of(endpoint, &pages.one_more(n_rows), spool).await?;
    (n_more == 1).then_some(n_rows)
}

/// Copies the triples of an answer to a query; gives their number.
async fn copy(
    answer: Answer<RdfFormat>,
    base: String,
    query: String,
    mut sink: Sink,
    spool: PathBuf,
) -> anyhow::Result<(Sink, usize)> {
    blocking(move || {
        let read = |each: &mut dyn FnMut(Triple) -> anyhow::Result<()>| {
            each_triple(&answer, &base, &spool, each)
        };
        let names = Names::of(&query, |each| {
            read(&mut |triple| {
                each(&triple);
                Ok(())
            })
        })?;
        let mut n_triples = 0;
        read(&mut |triple| {
            n_triples += 1;
            Ok(writeln!(sink.out(), "{} .", names.renamed(triple))?)
        })?;
        Ok((sink, n_triples))
    })
    .await
}

/// Gives `each` the triples of an answer.
fn each_triple(
    answer: &Answer<RdfFormat>,
    base: &str,
    spool: &Path,
    each: &mut dyn FnMut(Triple) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let file = File::open(spool).context("the answer cannot be read back")?;
    let (file, statements) = Bounded::new(file);
    let mut parser = RdfParser::from_format(answer.format).without_named_graphs();
    if let Ok(with_base) = parser.clone().with_base_iri(base) {
        parser = with_base;
    }
    for quad in parser.for_reader(BufReader::new(file)) {
        let quad = quad.map_err(|error| {
            if let Some(error) = statements.too_long() {
                return anyhow!(error).context(format!(
                    "the SPARQL endpoint {} answered with RDF that cannot be used",
                    answer.place
                ));
            }
            anyhow!(
                "the SPARQL endpoint {} answered with {} that cannot be read: {error}; ask for less, or in pages (--page-size)",
                answer.place,
                answer.format.name()
            )
        })?;
        statements.add();
        each(quad.into())?;
    }
    Ok(())
}

//! Reading the rows of a query page by page, and making sure that none is lost or comes twice.
//!
//! Each page begins with the last row of the page before it, so that an endpoint that passes over OFFSET, orders rows
//! otherwise each time, or whose data change meanwhile gives itself away. In the end the number of rows is compared with
//! what the endpoint counts, where it does, and so is that of different rows: where rows that sort equal come in another
//! order in each page, one comes twice for each that is lost.

use super::post::{Endpoint, Unsuccessful, Wanted};
use super::query::{Form, Pages, Part};
use super::sink::{Row, Sink};
use crate::blocking::blocking;
use crate::build::table::{Answer, CutShort};
use crate::image_id;
use anyhow::{Context, bail};
use oxrdf::{Term, Variable};
use sparesults::QueryResultsFormat;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Answers to SELECT queries.
pub(super) const RESULTS: Wanted<QueryResultsFormat> = Wanted {
    accept: "application/sparql-results+json, application/sparql-results+xml;q=0.9, \
             application/json;q=0.5, application/xml;q=0.4, text/xml;q=0.4",
    name: "SPARQL results in JSON or XML",
    format: |media_type| {
        QueryResultsFormat::from_media_type(media_type)
            .filter(|format| matches!(format, QueryResultsFormat::Json | QueryResultsFormat::Xml))
    },
};

/// Fewest rows of a page: one that the page before has too, and one more.
pub(super) const MIN_SIZE: usize = 2;
/// How often pages that come cut are asked for in half their size.
const MAX_HALVINGS: u32 = 10;
/// Longest wait for the number of rows, which is worth no more.
const COUNT_TIME: Duration = Duration::from_secs(120);

/// An answer that was read.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) n_rows: usize,
    first: Option<Row>,
    last: Option<Row>,
    /// What the answer ends with before its end.
    pub(super) cut: Option<CutShort>,
    /// The last row's key, where rows are told by key.
    key: Option<Key>,
    /// Why they cannot be told by it.
    no_key: Option<&'static str>,
    /// Marks of the rows that were added; none if they have blank nodes, which have other names in each answer.
    marks: Option<Vec<u128>>,
}

/// What rows are ordered and told by: the text of IRIs or of plain strings, not of both.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    is_iri: bool,
    text: String,
}

/// Reads pages.
pub(super) struct Pager<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) pages: &'a Pages,
    /// Where an answer lies while it is read.
    pub(super) spool: &'a Path,
    /// Rows asked for at a time.
    pub(super) size: usize,
    sink: Option<Sink>,
    form: Form,
    n_halvings: u32,
    n_bytes: u64,
    /// Rows in the sink.
    n_rows: usize,
    /// Marks of the different rows among these, as far as they are told.
    different: Option<HashSet<u128>>,
}

/// How the rows of an answer are read into a sink.
#[derive(Default)]
pub(super) struct Reading {
    /// Rows at the beginning that are there already.
    pub(super) n_skipped: usize,
    /// The column that rows are told by.
    key: Option<String>,
    /// The key of the row before.
    before: Option<Key>,
    /// Whether rows are marked, so that one that comes twice is known.
    is_marked: bool,
}

impl<'a> Pager<'a> {
    /// `sink` gets the rows after those that it has now.
    pub(super) fn new(
        endpoint: &'a Endpoint,
        pages: &'a Pages,
        spool: &'a Path,
        size: usize,
        sink: Sink,
    ) -> Self {
        Self {
            endpoint,
            pages,
            spool,
            size: size.max(MIN_SIZE),
            sink: Some(sink),
            form: Form::FIRST,
            n_halvings: 0,
            n_bytes: 0,
            n_rows: 0,
            different: None,
        }
    }

    /// The sink with the rows that came, their number, and why these are not all.
    ///
    /// # Errors
    /// If the sink does not take a row.
    pub(super) async fn read(mut self) -> anyhow::Result<(Sink, usize, Option<anyhow::Error>)> {
        let mut end = self.by_key_or_offset().await;
        if end.is_ok() {
            end = self.check_count().await;
        }
        match (self.sink.take(), end) {
            (Some(sink), end) => Ok((sink, self.n_rows, end.err())),
            // What cannot be written is not read on.
            (None, Err(error)) => Err(error),
            (None, Ok(())) => bail!("the rows were lost by a failure before"),
        }
    }

    fn sink(&mut self) -> anyhow::Result<Sink> {
        self.sink
            .take()
            .context("the rows were lost by a failure before")
    }

    async fn by_key_or_offset(&mut self) -> anyhow::Result<()> {
        let begin = self.mark()?;
        if let Some(key) = self.pages.key() {
            let Some(reason) = self.by_key(key).await? else {
                return Ok(());
            };
            tracing::info!("{reason}, so pages are told by their number of rows");
            self.rewind(begin)?;
            self.n_rows = 0;
        }
        self.by_offset().await
    }

    /// Reads to the end, or gives why the key does not tell rows apart.
    async fn by_key(&mut self, key: &Variable) -> anyhow::Result<Option<&'static str>> {
        let mut before: Option<(Row, Key)> = None;
        loop {
            let mark = self.mark()?;
            let from = before.as_ref().map(|(_, key)| key.text.as_str());
            let reading = Reading {
                n_skipped: usize::from(before.is_some()),
                key: Some(key.as_str().to_owned()),
                before: before.as_ref().map(|(_, key)| key.clone()),
                is_marked: false,
            };
            let n_skipped = reading.n_skipped;
            let Some(page) = self.page(Part::Key(key, from), reading, mark).await? else {
                continue;
            };
            if page.no_key.is_some() {
                return Ok(page.no_key);
            }
            if let Some((row, _)) = &before
                && !page.first.as_ref().is_some_and(|first| is_same(first, row))
            {
                return Ok(Some(
                    "the endpoint compares the values that the query is ordered by otherwise than it orders them",
                ));
            }
            if page.n_rows <= n_skipped {
                return Ok(None);
            }
            self.n_rows += page.n_rows - n_skipped;
            before = page.last.zip(page.key);
        }
    }

    async fn by_offset(&mut self) -> anyhow::Result<()> {
        let mut before: Option<Page> = None;
        self.different = Some(HashSet::new());
        loop {
            let mark = self.mark()?;
            let start = self.n_rows.saturating_sub(1);
            let reading = Reading {
                n_skipped: usize::from(before.is_some()),
                is_marked: self.different.is_some(),
                ..Reading::default()
            };
            let n_skipped = reading.n_skipped;
            let Some(mut page) = self.page(Part::Offset(start), reading, mark).await? else {
                continue;
            };
            if let Some(before) = &before
                && let Err(reason) = page.follows(before)
            {
                self.rewind(mark)?;
                bail!("after row {} {reason}", self.n_rows);
            }
            if page.n_rows <= n_skipped {
                return Ok(());
            }
            self.n_rows += page.n_rows - n_skipped;
            self.different = match (self.different.take(), page.marks.take()) {
                (Some(mut different), Some(marks)) => {
                    different.extend(marks);
                    Some(different)
                }
                _ => None,
            };
            before = Some(page);
        }
    }

    /// A page, added to the sink. `None` if it came cut and is to be asked for again, smaller.
    async fn page(
        &mut self,
        part: Part<'_>,
        reading: Reading,
        mark: super::sink::Mark,
    ) -> anyhow::Result<Option<Page>> {
        let answer = loop {
            let query = self.pages.page(part, self.size, self.form);
            let max_bytes = self.endpoint.max_bytes().saturating_sub(self.n_bytes);
            match self
                .endpoint
                .ask(&query, RESULTS, max_bytes, self.spool)
                .await
            {
                Ok(answer) => break answer,
                Err(error) if !self.form.is_nested && is_sort_limit(&error) => {
                    self.form.is_nested = true;
                }
                // In the middle the order must stay what it is.
                Err(error)
                    if self.form.tells_apart
                        && matches!(part, Part::Offset(0))
                        && is_refused(&error) =>
                {
                    self.form.tells_apart = false;
                }
                Err(error) => return Err(error),
            }
        };
        self.n_bytes += answer.n_bytes;
        let (sink, spool) = (self.sink()?, self.spool.to_owned());
        let (sink, page) = scan(sink, spool, answer.format, reading).await?;
        self.sink = Some(sink);
        let sign = page.cut.as_ref().map(ToString::to_string);
        let Some(sign) = sign.or(answer.signs.certain) else {
            tracing::info!(
                rows = self.n_rows + page.n_rows,
                "reading the answer in pages"
            );
            return Ok(Some(page));
        };
        self.rewind(mark)?;
        if self.size <= MIN_SIZE || self.n_halvings == MAX_HALVINGS {
            bail!("a page of {} rows is cut as well ({sign})", self.size);
        }
        self.size = (self.size / 2).max(MIN_SIZE);
        self.n_halvings += 1;
        Ok(None)
    }

    fn mark(&mut self) -> anyhow::Result<super::sink::Mark> {
        self.sink
            .as_mut()
            .context("there is a sink between pages")?
            .mark()
    }

    fn rewind(&mut self, mark: super::sink::Mark) -> anyhow::Result<()> {
        self.sink
            .as_mut()
            .context("there is a sink between pages")?
            .rewind(mark)
    }

    /// Whether the endpoint counts as many rows as came, and as many different ones; an endpoint that cannot count says
    /// nothing.
    async fn check_count(&self) -> anyhow::Result<()> {
        if let Some(n_rows) = self.counted(&self.pages.count()).await
            && n_rows != self.n_rows
        {
            bail!(
                "its pages have {} rows, where it counts {n_rows}; its data change, or its order is not firm",
                self.n_rows
            );
        }
        let n_different = match &self.different {
            Some(different) if different.len() < self.n_rows => different.len(),
            // They are told by their keys, or cannot be told, or no row came twice.
            _ => return Ok(()),
        };
        let n_counted = match self.pages.count_distinct() {
            Some(query) => self.counted(&query).await,
            None => Some(self.n_rows),
        };
        match n_counted {
            Some(n_counted) if n_counted != n_different => bail!(
                "its pages have {n_different} different rows, where it counts {n_counted}: its data change, or rows that its order leaves open come in another order in each page; order the query by what tells its rows apart, an id for instance"
            ),
            _ => Ok(()),
        }
    }

    /// What the endpoint answers to a query for a number; none where it does not.
    async fn counted(&self, query: &str) -> Option<usize> {
        let asked = self.endpoint.ask_once(query, RESULTS, 1 << 20, self.spool);
        let Ok(Ok(answer)) = tokio::time::timeout(COUNT_TIME, asked).await else {
            return None;
        };
        if answer.signs.certain.is_some() {
            return None;
        }
        let spool = self.spool.to_owned();
        let row = blocking(move || Ok(Answer::open(&spool, answer.format)?.next())).await;
        match row.ok()??.ok()?.into_iter().next()?? {
            Term::Literal(number) => number.value().parse().ok(),
            Term::NamedNode(_) | Term::BlankNode(_) | Term::Triple(_) => None,
        }
    }
}

/// Adds the rows of the answer in `spool` to the sink, whose columns are those of the first answer.
pub(super) async fn scan(
    mut sink: Sink,
    spool: PathBuf,
    format: QueryResultsFormat,
    reading: Reading,
) -> anyhow::Result<(Sink, Page)> {
    blocking(move || {
        let page = match Answer::open(&spool, format) {
            Ok(answer) => Page::read(answer, &mut sink, reading)?,
            Err(error) => Page {
                cut: Some(error.downcast::<CutShort>()?),
                ..Page::default()
            },
        };
        Ok((sink, page))
    })
    .await
}

impl Page {
    fn read(answer: Answer, sink: &mut Sink, reading: Reading) -> anyhow::Result<Self> {
        if sink.columns.is_empty() {
            sink.columns.clone_from(&answer.columns);
        }
        let at = |name: &String| answer.columns.iter().position(|column| column == name);
        let places: Vec<Option<usize>> = sink.columns.iter().map(at).collect();
        let key_at = reading.key.as_ref().and_then(at);
        let mut page = Self {
            key: reading.before,
            marks: reading.is_marked.then(Vec::new),
            ..Self::default()
        };
        for row in answer {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    page.cut = Some(error.downcast::<CutShort>()?);
                    break;
                }
            };
            // The first row of a page has the key of the row before it, being that row.
            if reading.key.is_some() && page.n_rows >= reading.n_skipped {
                page.add_key(key_at.and_then(|at| row.get(at)?.as_ref()));
            }
            let row: Row = places
                .iter()
                .map(|at| at.and_then(|at| row.get(at).cloned().flatten()))
                .collect();
            if page.n_rows >= reading.n_skipped {
                sink.add(&row)?;
                page.marks = page.marks.and_then(|mut marks| {
                    marks.push(mark_of(&row)?);
                    Some(marks)
                });
            }
            page.n_rows += 1;
            if page.first.is_none() {
                page.first = Some(row.clone());
            }
            page.last = Some(row);
        }
        Ok(page)
    }

    fn add_key(&mut self, term: Option<&Term>) {
        let key = match term {
            Some(Term::NamedNode(iri)) => Key {
                is_iri: true,
                text: iri.as_str().to_owned(),
            },
            Some(Term::Literal(text)) if is_plain(text) => Key {
                is_iri: false,
                text: text.value().to_owned(),
            },
            _ => {
                self.no_key = Some(
                    "the query is ordered by values that are not all IRIs or all plain strings",
                );
                return;
            }
        };
        if let Some(before) = &self.key {
            if before.is_iri != key.is_iri {
                self.no_key = Some("the query is ordered by IRIs and strings");
            } else if before.text == key.text {
                self.no_key = Some("several rows have the value that the query is ordered by");
            }
        }
        self.key = Some(key);
    }

    /// Whether this page goes on where `before` ends.
    fn follows(&self, before: &Self) -> Result<(), &'static str> {
        let (Some(first), Some(last)) = (&self.first, &before.last) else {
            return Err(
                "a page is empty that should begin with that row: its data change, or its order is not firm",
            );
        };
        if !is_same(first, last) {
            let is_first = before.first.as_ref().is_some_and(|row| is_same(first, row));
            return Err(match is_first {
                true => "the same page comes again, as if OFFSET were not there",
                false => {
                    "another row comes in its place: its data change, or its order is not firm"
                }
            });
        }
        if self.n_rows >= before.n_rows
            && self.n_rows > 1
            && self.is_one_row()
            && before.is_one_row()
        {
            return Err("whole pages hold one row again and again; ask with SELECT DISTINCT");
        }
        Ok(())
    }

    fn is_one_row(&self) -> bool {
        let ends = self.first.as_ref().zip(self.last.as_ref());
        ends.is_some_and(|(first, last)| is_same(first, last))
    }
}

/// What tells a row from all others; none if it has blank nodes.
fn mark_of(row: &Row) -> Option<u128> {
    let mut text = String::new();
    for term in row {
        match term {
            Some(Term::BlankNode(_) | Term::Triple(_)) => return None,
            Some(term) => text.push_str(&term.to_string()),
            None => {}
        }
        // No term has one in the form in which it is written.
        text.push('\n');
    }
    Some(image_id::number(&text))
}

/// Whether the endpoint answered that it cannot do what it was asked for.
fn is_refused(error: &anyhow::Error) -> bool {
    (error.downcast_ref())
        .is_some_and(|error: &Unsuccessful| matches!(error.status.as_u16(), 400 | 500 | 501))
}

/// A string without a language: others are ordered in ways of their own.
fn is_plain(literal: &oxrdf::Literal) -> bool {
    literal.language().is_none() && literal.datatype() == oxrdf::vocab::xsd::STRING
}

/// Whether rows of two answers may be one: blank nodes have other names in each answer.
fn is_same(a: &Row, b: &Row) -> bool {
    let is_same = |(a, b): (&Option<Term>, &Option<Term>)| match (a, b) {
        (Some(Term::BlankNode(_)), Some(Term::BlankNode(_))) => true,
        (a, b) => a == b,
    };
    a.len() == b.len() && a.iter().zip(b).all(is_same)
}

/// Virtuoso: "Sorted TOP clause specifies more than … rows to sort".
fn is_sort_limit(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    text.contains("SR353") || text.contains("Sorted TOP")
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn what_an_endpoint_refuses_is_told_by_the_status_and_not_by_what_it_says() {
        for (status, expected) in [
            (StatusCode::BAD_REQUEST, true),
            (StatusCode::INTERNAL_SERVER_ERROR, true),
            (StatusCode::NOT_IMPLEMENTED, true),
            (StatusCode::FORBIDDEN, false),
            (StatusCode::BAD_GATEWAY, false),
        ] {
            let error = anyhow::Error::new(Unsuccessful {
                place: "http://e/sparql".to_owned(),
                status,
                words: "the server behind answered 500 to this".to_owned(),
            });
            let sentence = format!(
                "the SPARQL endpoint http://e/sparql answered {status}: the server behind answered 500 to this"
            );
            assert_eq!(error.to_string(), sentence);
            assert_eq!(is_refused(&error), expected, "{status}");
            let error = error.context("the first page did not come");
            assert_eq!(is_refused(&error), expected, "{status}");
        }
        let others = anyhow::anyhow!("http://e answered 400 Bad Request: no");
        assert!(!is_refused(&others));
    }
}

//! The rows in an answer of a SPARQL endpoint.

use super::bounded::RowTooLong;
use super::{Bounded, RowCount, shorten};
use crate::results_json::{self, Order, Piece};
use anyhow::{Context, bail};
use oxrdf::Term;
use sparesults::{
    QueryResultsFormat, QueryResultsParser, ReaderQueryResultsParserOutput, ReaderSolutionsParser,
};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An answer that ends before its end, or has something after it: the words of an endpoint that came to
/// its limit while it wrote.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the answer of the SPARQL endpoint cannot be read to its end: it is cut or damaged after {n_rows} rows, and its last words are: {ending}"
)]
pub(in crate::build) struct CutShort {
    n_rows: usize,
    ending: String,
}

/// Characters of an answer's end that are shown.
const MAX_ENDING: usize = 100;

/// An answer to a SELECT query, as it is read.
pub(in crate::build) struct Answer {
    /// The projected variables.
    pub(in crate::build) columns: Vec<String>,
    /// None after the last row.
    solutions: Option<ReaderSolutionsParser<BufReader<Bounded<Document>>>>,
    rows: RowCount,
    n_rows: usize,
    spool: PathBuf,
    format: QueryResultsFormat,
}

/// What is parsed.
type Document = Box<dyn Read + Send>;

impl Answer {
    /// The answer in the file `spool`. Its length is no matter of memory, in whatever order its members come.
    ///
    /// # Errors
    /// If it is cut before its first row ([`CutShort`]), has more before that than a row may be, is not that of a SELECT
    /// query, or cannot be read.
    pub(in crate::build) fn open(spool: &Path, format: QueryResultsFormat) -> anyhow::Result<Self> {
        let cut = || CutShort {
            n_rows: 0,
            ending: ending(spool),
        };
        let document = document(spool, format)
            .with_context(|| format!("{} cannot be read", spool.display()))?;
        let (document, rows) = Bounded::new(document.ok_or_else(cut)?);
        let parsed = QueryResultsParser::from_format(format)
            .for_reader(BufReader::new(document))
            .map_err(|_| match rows.too_long() {
                Some(error) => too_long(error),
                None => cut().into(),
            })?;
        let ReaderQueryResultsParserOutput::Solutions(solutions) = parsed else {
            bail!(
                "the image query is an ASK query; a SELECT query that binds the IIIF URLs is needed"
            );
        };
        let columns = solutions
            .variables()
            .iter()
            .map(|variable| variable.as_str().to_owned())
            .collect();
        Ok(Self {
            columns,
            solutions: Some(solutions),
            rows,
            n_rows: 0,
            spool: spool.to_owned(),
            format,
        })
    }
}

impl Iterator for Answer {
    /// The terms of a row, in the order of the columns; [`CutShort`] where the answer ends before its end.
    type Item = anyhow::Result<Vec<Option<Term>>>;

    fn next(&mut self) -> Option<Self::Item> {
        let solution = self.solutions.as_mut()?.next();
        if let Some(Ok(solution)) = &solution {
            self.n_rows += 1;
            self.rows.add();
            return Some(Ok(solution.values().to_vec()));
        }
        self.solutions = None;
        if let Some(error) = self.rows.too_long() {
            return Some(Err(too_long(error)));
        }
        let ending = ending(&self.spool);
        let is_whole = solution.is_none() && is_end(&ending, self.format);
        let n_rows = self.n_rows;
        (!is_whole).then_some(Err(CutShort { n_rows, ending }.into()))
    }
}

/// What the parser reads of the file `spool`; `None` if rows come in it, and never their names.
fn document(spool: &Path, format: QueryResultsFormat) -> std::io::Result<Option<Document>> {
    let file = || File::open(spool);
    let order = match format {
        QueryResultsFormat::Json => results_json::order(file()?)?,
        _ => Order::AsItIs,
    };
    let members = match order {
        Order::AsItIs => return Ok(Some(Box::new(file()?))),
        Order::Headless => return Ok(None),
        Order::Members(members) => members,
    };
    let mut document: Document = Box::new(std::io::empty());
    for piece in members.pieces() {
        document = match piece {
            Piece::Text(text) => Box::new(document.chain(text)),
            Piece::Bytes(Range { start, end }) => {
                let mut file = file()?;
                file.seek(SeekFrom::Start(start))?;
                Box::new(document.chain(file.take(end - start)))
            }
        };
    }
    Ok(Some(document))
}

fn too_long(error: RowTooLong) -> anyhow::Error {
    anyhow::Error::from(error).context("the answer of the SPARQL endpoint cannot be used")
}

/// The last characters of the file, in one line.
fn ending(spool: &Path) -> String {
    let read = || {
        let mut file = File::open(spool)?;
        let length = file.metadata()?.len();
        // As many bytes as so many characters may have, and a rest of white space.
        file.seek(SeekFrom::Start(
            length.saturating_sub(16 * MAX_ENDING as u64),
        ))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(MAX_ENDING);
    shorten(&text.chars().skip(skipped).collect::<String>(), MAX_ENDING)
}

/// Whether an answer that ends so may be whole.
fn is_end(ending: &str, format: QueryResultsFormat) -> bool {
    match format {
        QueryResultsFormat::Json => ending.ends_with('}'),
        QueryResultsFormat::Xml => {
            // The name may have a prefix, and a comment may follow.
            let last = ending
                .rsplit_once("</")
                .and_then(|(_, tag)| tag.split_once('>'));
            last.is_some_and(|(name, rest)| {
                let rest = rest.trim();
                name.trim_end().ends_with("sparql")
                    && (rest.is_empty() || (rest.starts_with("<!--") && rest.ends_with("-->")))
            })
        }
        _ => true,
    }
}

/// The term as in SPARQL CSV results: IRIs and literals without any mark.
pub(in crate::build) fn plain(term: &Term) -> String {
    match term {
        Term::NamedNode(iri) => iri.as_str().to_owned(),
        Term::Literal(literal) => literal.value().to_owned(),
        Term::BlankNode(node) => node.to_string(),
        Term::Triple(triple) => Term::Triple(triple.clone()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"head":{"vars":["u"]},"results":{"bindings":[
        {"u":{"type":"uri","value":"http://x/a"}},
        {"u":{"type":"literal","value":"ä"}}]}}"#;
    /// The same, with its members in another order, and as QLever ends it.
    const LATE_HEAD: &str = r#"{"results":{"bindings":[
        {"u":{"type":"uri","value":"http://x/a"}},
        {"u":{"type":"literal","value":"ä"}}]},"head":{"vars":["u"]},"meta":{"result-size-total":2}}"#;
    const XML: &str = "<?xml version=\"1.0\"?><sparql xmlns=\"http://www.w3.org/2005/sparql-results#\">\
        <head><variable name=\"u\"/></head><results>\
        <result><binding name=\"u\"><uri>http://x/a</uri></binding></result>\
        <result><binding name=\"u\"><literal>ä</literal></binding></result></results></sparql>";

    /// Rows and, if the answer is cut, what is said.
    fn read(text: &[u8], format: QueryResultsFormat) -> (usize, Option<String>) {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("answer");
        std::fs::write(&spool, text).unwrap();
        let answer = match Answer::open(&spool, format) {
            Ok(answer) => answer,
            Err(error) => {
                assert!(error.is::<CutShort>());
                return (0, Some(error.to_string()));
            }
        };
        let (mut n_rows, mut cut) = (0, None);
        for row in answer {
            match row {
                Ok(_) => n_rows += 1,
                Err(error) => cut = Some(error.to_string()),
            }
        }
        (n_rows, cut)
    }

    #[test]
    fn a_row_without_end_is_not_read() {
        let long = "x".repeat(17 << 20);
        let row = r#"{"u":{"type":"literal","value":"ä"}}"#;
        let whole = |row: &str| JSON.replace(r#"{"u":{"type":"literal","value":"ä"}}"#, row);
        let in_head = JSON.replace(r#"["u"]"#, &format!(r#"["u", "{long}"]"#));
        let in_row = whole(&row.replace('ä', &long));
        let in_late_row = LATE_HEAD.replace('ä', &long);
        let in_xml = XML.replace("<literal>ä", &format!("<literal>{long}"));
        for (text, format, n_rows) in [
            (in_head, QueryResultsFormat::Json, 0),
            (in_row, QueryResultsFormat::Json, 1),
            // Its rows cannot be counted before their names come.
            (in_late_row, QueryResultsFormat::Json, 0),
            (in_xml, QueryResultsFormat::Xml, 1),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let spool = dir.path().join("answer");
            std::fs::write(&spool, text).unwrap();
            let error = match Answer::open(&spool, format) {
                Ok(mut answer) => answer.find_map(Result::err).unwrap(),
                Err(error) => error,
            };
            assert!(!error.is::<CutShort>());
            let error = format!("{error:#}");
            let expected = format!("what follows row {n_rows} is one row of more than 8 MiB");
            assert!(error.contains(&expected), "{error}");
        }
        // Many rows are no long row.
        let rows = vec![row.replace('ä', &long[..1 << 20]); 40].join(",");
        for text in [whole(&rows), LATE_HEAD.replace(row, &rows)] {
            assert_eq!(read(text.as_bytes(), QueryResultsFormat::Json), (41, None));
        }
    }

    #[test]
    fn an_answer_that_is_cut_anywhere_is_known() {
        for (whole, format) in [
            (JSON, QueryResultsFormat::Json),
            (LATE_HEAD, QueryResultsFormat::Json),
            (XML, QueryResultsFormat::Xml),
        ] {
            assert_eq!(read(whole.as_bytes(), format), (2, None));
            assert_eq!(
                read(format!("{whole}\r\n \n").as_bytes(), format),
                (2, None)
            );
            for end in 0..whole.len() {
                let (_, cut) = read(&whole.as_bytes()[..end], format);
                let cut = cut.unwrap_or_else(|| panic!("{end}: {}", &whole[..end]));
                assert!(cut.contains("cut or damaged after"), "{cut}");
            }
            for rest in ["\njava.lang.Exception: timed out\n", "#!!! limit reached"] {
                let (n_rows, cut) = read(format!("{whole}{rest}").as_bytes(), format);
                let cut = cut.unwrap_or_else(|| panic!("{rest}"));
                assert_eq!(n_rows, 2);
                assert!(cut.contains(rest.trim()), "{cut}");
            }
        }
        let (n_rows, cut) = read(
            format!("{}time ran out\n", &JSON[..JSON.find(",\n").unwrap()]).as_bytes(),
            QueryResultsFormat::Json,
        );
        let cut = cut.unwrap();
        assert_eq!(n_rows, 1);
        assert!(cut.contains("after 1 rows"), "{cut}");
        assert!(cut.ends_with("time ran out"), "{cut}");
    }
}

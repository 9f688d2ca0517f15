//! The input of a build as a table, and the images that its rows name.

use super::failures::{Failure, Stage};
use super::files::Draft;
use super::journal::Id;
use crate::collection::open::ID_COLUMN;
use crate::image_id;
use anyhow::{Context, bail};
use csv::ByteRecord;
use oxrdf::Term;
use sparesults::{QueryResultsFormat, QueryResultsParser, ReaderQueryResultsParserOutput};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// An image that is to be indexed.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// Row of the input, counted from 1 without the header.
    pub(super) row: usize,
    /// The IIIF URL, without white space around it and otherwise as given.
    pub(super) url: String,
    /// Its id.
    pub(super) id: Id,
}

/// What the input came to.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// In the order of the input, each image once.
    pub(super) images: Vec<Image>,
    /// Rows whose value can be no IIIF URL.
    pub(super) failures: Vec<Failure>,
    /// Rows that are left out and lose nothing: no URL, or the URL of an earlier row.
    pub(super) skipped: Vec<Failure>,
    pub(super) n_rows: usize,
}

/// Rows under named columns. Cells stay bytes: only the IIIF URL has to be UTF-8.
pub(super) struct Table {
    columns: Vec<Vec<u8>>,
    rows: Box<dyn Iterator<Item = anyhow::Result<ByteRecord>>>,
}

impl Table {
    /// A CSV file with a header; a byte order mark is tolerated.
    pub(super) fn from_csv(path: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("{} cannot be read", path.display());
        let mut reader = csv::ReaderBuilder::new()
            // Rows of another length are reported one by one instead of ending the build.
            .flexible(true)
            .from_path(path)
            .with_context(unreadable)?;
        let columns: Vec<Vec<u8>> = reader
            .byte_headers()
            .with_context(unreadable)?
            .iter()
            .map(<[u8]>::to_vec)
            .collect();
        if columns.is_empty() {
            bail!(
                "{} is empty; it needs a header and a column of IIIF URLs",
                path.display()
            );
        }
        let context = unreadable();
        let rows = reader
            .into_byte_records()
            .map(move |row| row.with_context(|| context.clone()));
        Ok(Self {
            columns,
            rows: Box::new(rows),
        })
    }

    /// The answer of a SPARQL endpoint: a column for each projected variable, unbound cells empty,
    /// terms as in SPARQL CSV results (IRIs and literals without any mark).
    pub(super) fn from_sparql(answer: File, format: QueryResultsFormat) -> anyhow::Result<Self> {
        let broken = "the answer of the SPARQL endpoint cannot be read";
        let parsed = QueryResultsParser::from_format(format)
            .for_reader(BufReader::new(answer))
            .context(broken)?;
        let ReaderQueryResultsParserOutput::Solutions(solutions) = parsed else {
            bail!(
                "the image query is an ASK query; a SELECT query that binds the IIIF URLs is needed"
            );
        };
        let columns = solutions
            .variables()
            .iter()
            .map(|v| v.as_str().into())
            .collect();
        let rows = solutions.map(move |solution| {
            let solution = solution.context(broken)?;
            let cell = |term: &Option<Term>| term.as_ref().map_or_else(String::new, plain);
            Ok(solution
                .values()
                .iter()
                .map(cell)
                .collect::<Vec<_>>()
                .into())
        });
        Ok(Self {
            columns,
            rows: Box::new(rows),
        })
    }
}

/// The term as in SPARQL CSV results.
fn plain(term: &Term) -> String {
    match term {
        Term::NamedNode(iri) => iri.as_str().to_owned(),
        Term::Literal(literal) => literal.value().to_owned(),
        Term::BlankNode(node) => node.to_string(),
        Term::Triple(triple) => Term::Triple(triple.clone()).to_string(),
    }
}

/// Reads `table` to its end: drafts `images.csv` with all columns and the image id, one row per
/// image, and lists the images and the rows that name none.
pub(super) fn read(
    table: Table,
    iiif_column: &str,
    images_csv: &Path,
) -> anyhow::Result<(Input, Draft)> {
    let wanted = iiif_column.trim_start_matches(['?', '$']);
    let position = |name: &str| {
        let named = |column: &Vec<u8>| column.trim_ascii() == name.as_bytes();
        table.columns.iter().position(named)
    };
    let Some(url_column) = position(wanted) else {
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|c| String::from_utf8_lossy(c))
            .collect();
        bail!(
            "the input has no column {wanted}; its columns are {}; name the one with the IIIF URLs with --iiif-column",
            columns.join(", ")
        );
    };
    let n_cells = table.columns.len();
    let id_column = position(ID_COLUMN).unwrap_or(n_cells);
    let mut columns = table.columns;
    if id_column == n_cells {
        columns.push(ID_COLUMN.into());
    }
    let mut input = Input::default();
    let draft = Draft::write(images_csv, |file| {
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(&columns)?;
        let mut first_rows: HashMap<Id, usize> = HashMap::new();
        for record in table.rows {
            let record = record?;
            input.n_rows += 1;
            let row = input.n_rows;
            let cell = String::from_utf8_lossy(record.get(url_column).unwrap_or_default());
            let url = cell.trim();
            if url.is_empty() {
                input.skipped.push(skipped(row, "", "the cell is empty"));
                continue;
            }
            if let Err(reason) = check_url(url).and_then(|()| check_length(&record, n_cells)) {
                input
                    .failures
                    .push(Failure::new(row, url, Stage::Input, reason));
                continue;
            }
            let id = image_id::digest(url);
            if let Some(first) = first_rows.get(&id) {
                let reason = format!("the same image as in row {first}");
                input.skipped.push(skipped(row, url, &reason));
                continue;
            }
            first_rows.insert(id, row);
            let hex = image_id::hex(&id);
            let cells = (0..columns.len()).map(|column| match column {
                column if column == id_column => hex.as_bytes(),
                column if column == url_column => url.as_bytes(),
                column => record.get(column).unwrap_or_default(),
            });
            csv.write_record(cells)?;
            input.images.push(Image {
                row,
                url: url.to_owned(),
                id,
            });
        }
        csv.flush()?;
        anyhow::Ok(())
    })?;
    Ok((input, draft))
}

fn skipped(row: usize, url: &str, reason: &str) -> Failure {
    Failure::new(row, url, Stage::Input, reason)
}

/// Why `url` can be no IIIF URL. The URL itself is never changed, since the image id is over it.
fn check_url(url: &str) -> Result<(), String> {
    let parsed = url::Url::parse(url).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("not an http or https URL but {}:", parsed.scheme()));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("an IIIF URL has neither ? nor #".to_owned());
    }
    if url.trim_end_matches('/').ends_with("/info.json") {
        return Err(
            "the URL of an info.json; give the IIIF URL, which ends before /info.json".to_owned(),
        );
    }
    if is_image_request(parsed.path()) {
        return Err(
            "the URL of an image request; give the IIIF URL, which ends before the region (/full/…)"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether `path` ends as `{region}/{size}/{rotation}/{quality}.{format}` does.
fn is_image_request(path: &str) -> bool {
    let mut segments = path.rsplit('/');
    let quality = segments.next().and_then(|last| last.split_once('.'));
    let rotation = segments
        .next()
        .map(|r| r.trim_start_matches('!').parse::<f32>());
    let known = ["default", "native", "color", "gray", "bitonal"];
    quality.is_some_and(|(quality, _)| known.contains(&quality))
        && rotation.is_some_and(|degrees| degrees.is_ok())
        && segments.nth(1).is_some()
}

/// Whether the row fits the header; empty cells too many are what a trailing comma leaves.
fn check_length(record: &ByteRecord, n_cells: usize) -> Result<(), String> {
    let fits = record.len() >= n_cells && record.iter().skip(n_cells).all(<[u8]>::is_empty);
    if fits {
        return Ok(());
    }
    Err(format!(
        "the row has {} cells, the header {n_cells}; is a comma or quote missing?",
        record.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_csv(text: &str, column: &str) -> anyhow::Result<(Input, String)> {
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("in.csv");
        std::fs::write(&csv, text).unwrap();
        let images = dir.path().join("images.csv");
        let (input, draft) = read(Table::from_csv(&csv)?, column, &images)?;
        draft.publish()?;
        Ok((input, std::fs::read_to_string(images)?))
    }

    const ID: &str = "d9b3af760cc93522ada3e39e2797f0c60aa1f473";
    const URL: &str = "https://bso-iiif.swissartresearch.net/iiif/2/SFF_B_1609";

    #[test]
    fn all_columns_are_kept_and_the_id_is_added() {
        let text =
            format!("\u{feff}title,iiif_url,year\n\"Bern, \"\"Zytglogge\"\"\", {URL} ,1609\n");
        let (input, images) = read_csv(&text, "iiif_url").unwrap();
        assert_eq!(input.images[0].url, URL);
        assert_eq!(
            images,
            format!(
                "title,iiif_url,year,localIdentifier\n\"Bern, \"\"Zytglogge\"\"\",{URL},1609,{ID}\n"
            )
        );
    }

    #[test]
    fn an_images_csv_can_be_built_again() {
        let text = format!("iiif_url,localIdentifier,s\n{URL},old,x\n");
        let (_, images) = read_csv(&text, "iiif_url").unwrap();
        assert_eq!(
            images,
            format!("iiif_url,localIdentifier,s\n{URL},{ID},x\n")
        );
        // Published collections have a comma too many at the end of each row.
        let text = format!("iiif_url,localIdentifier\n {URL},{ID},\n");
        let (_, images) = read_csv(&text, "iiif_url").unwrap();
        assert_eq!(images, format!("iiif_url,localIdentifier\n{URL},{ID}\n"));
    }

    #[test]
    fn rows_without_a_usable_url_are_named() {
        let rows = [
            ("https://example.org/iiif/a,1", ""),
            (",1", "the cell is empty"),
            ("   ,1", "the cell is empty"),
            ("https://example.org/iiif/a,2", "the same image as in row 1"),
            ("iiif/b,1", "not a URL"),
            ("ftp://example.org/b,1", "not an http or https URL but ftp:"),
            ("file:///etc/passwd,1", "not an http or https URL but file:"),
            ("https://example.org/iiif/b?x=1,1", "neither ? nor #"),
            (
                "https://example.org/iiif/b/info.json,1",
                "ends before /info.json",
            ),
            (
                "https://example.org/iiif/b/full/max/0/default.jpg,1",
                "ends before the region",
            ),
            (
                "https://example.org/iiif/c",
                "the row has 1 cells, the header 2",
            ),
            (
                "https://example.org/iiif/c,1,2",
                "the row has 3 cells, the header 2",
            ),
            ("https://example.org/iiif/c,1,", ""),
            ("https://example.org/iiif/default.jpg,1", ""),
        ];
        let text: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
        let (input, _) = read_csv(&format!("iiif_url,n\n{text}"), "iiif_url").unwrap();
        assert_eq!(input.n_rows, rows.len());
        assert_eq!(
            input.images.iter().map(|i| i.row).collect::<Vec<_>>(),
            [1, 13, 14]
        );
        for (row, (_, expected)) in (1..)
            .zip(rows)
            .filter(|(_, (_, expected))| !expected.is_empty())
        {
            let failure = input
                .failures
                .iter()
                .chain(&input.skipped)
                .find(|f| f.row == row)
                .unwrap();
            assert!(
                failure.reason.contains(expected),
                "row {row}: {}",
                failure.reason
            );
            assert_eq!(failure.stage, Stage::Input);
        }
        assert_eq!(
            input.skipped.iter().map(|f| f.row).collect::<Vec<_>>(),
            [2, 3, 4]
        );
    }

    #[test]
    fn a_missing_column_lists_the_columns_there_are() {
        let error = read_csv("a,b\n1,2\n", "iiif_url").unwrap_err().to_string();
        assert!(
            error.contains("no column iiif_url; its columns are a, b;"),
            "{error}"
        );
        let error = read_csv("", "iiif_url").unwrap_err().to_string();
        assert!(error.contains("is empty"), "{error}");
        assert!(Table::from_csv(Path::new("/no/such.csv")).is_err());
    }

    #[test]
    fn cells_in_another_encoding_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("in.csv");
        let row = [b"iiif_url,t\n", URL.as_bytes(), b",Z\xfcrich\n"].concat();
        std::fs::write(&csv, row).unwrap();
        let images = dir.path().join("images.csv");
        let (_, draft) = read(Table::from_csv(&csv).unwrap(), "iiif_url", &images).unwrap();
        draft.publish().unwrap();
        let written = std::fs::read(images).unwrap();
        assert!(written.windows(6).any(|w| w == b"Z\xfcrich"));
    }
}

//! The images that the rows of an input name, and `images.csv`.

use super::columns::{Columns, IdColumn};
use super::failures::{Failure, Stage};
use super::files::Draft;
use super::iiif;
use super::journal::Id;
use super::remarks::Remarks;
use super::table::{self, CutShort, LostRow, Table};
use crate::iiif::reference::Reference;
use crate::image_id;
use anyhow::{anyhow, bail};
use csv::ByteRecord;
use std::collections::{HashMap, HashSet};
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
    /// What is odd about rows that are taken, a line each.
    pub(super) remarks: Vec<String>,
}

/// Reads the table that `open` gives to its end: drafts `images.csv` in UTF-8 with all columns and the
/// image id, one row per image, and lists the images and the rows that name none.
///
/// # Errors
/// If the table has no such column, has no rows, or cannot be read.
pub(super) fn read(
    open: impl Fn() -> anyhow::Result<Table>,
    iiif_column: &str,
    images_csv: &Path,
) -> anyhow::Result<(Input, Draft)> {
    let wanted = table::bare(iiif_column);
    if let Some(read) = read_as(open()?, wanted, images_csv, IdColumn::Ours)? {
        return Ok(read);
    }
    match read_as(open()?, wanted, images_csv, IdColumn::Users)? {
        Some(read) => Ok(read),
        None => bail!("the input changed while it was read; run the same command again"),
    }
}

/// Whether the columns of `table` can be those of an input.
///
/// # Errors
/// If they cannot, or `wanted` is none of them.
pub(super) fn check(table: &Table, wanted: &str) -> anyhow::Result<()> {
    found(table, wanted).map(drop)
}

fn found(table: &Table, wanted: &str) -> anyhow::Result<table::Found> {
    table::check_columns(&table.columns)
        .map_err(|error| anyhow!("{} cannot be used: {error}", table.name))?;
    table::find(&table.columns, wanted).map_err(|error| anyhow!(error))
}

/// `None` if a column is not `whose` it was said to be.
fn read_as(
    table: Table,
    wanted: &str,
    images_csv: &Path,
    whose: IdColumn,
) -> anyhow::Result<Option<(Input, Draft)>> {
    let mut remarks = Remarks::default();
    let found = found(&table, wanted)?;
    let columns = Columns::of(&table.columns, wanted, &found, whose, &mut remarks);
    let mut input = Input::default();
    // What is wrong with the input is no fault of the file that is written.
    let mut end = Ok(true);
    let draft = Draft::write(images_csv, |file| {
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(&columns.names)?;
        let mut first_rows: HashMap<Id, usize> = HashMap::new();
        let mut spellings: HashSet<Id> = HashSet::new();
        for row in table.rows {
            let mut record = match row {
                Ok(record) => record,
                Err(error) if table.may_be_cut && error.is::<CutShort>() => {
                    remarks.cut = Some(error.to_string());
                    break;
                }
                Err(error) => match error.downcast::<LostRow>() {
                    Ok(LostRow { url, stage, reason }) => {
                        input.n_rows += 1;
                        let failure = Failure::new(input.n_rows, url, stage, reason);
                        input.failures.push(failure);
                        continue;
                    }
                    Err(error) => {
                        end = Err(error);
                        return Ok(());
                    }
                },
            };
            input.n_rows += 1;
            let row = input.n_rows;
            match table::to_utf8(&mut record) {
                Ok(cell) => remarks.was_windows(row, cell),
                Err(cell) => {
                    end = Err(not_text(&table.name, row, table.columns.get(cell)));
                    return Ok(());
                }
            }
            let cell = String::from_utf8_lossy(record.get(columns.url).unwrap_or_default());
            let url = cell.trim();
            if url.is_empty() {
                input.skipped.push(skipped(row, "", "the cell is empty"));
                continue;
            }
            let checked = check_row(url, &record, &columns).and_then(|()| iiif::image_url(url));
            let image = match checked {
                Ok(image) => image,
                Err(reason) => {
                    input
                        .failures
                        .push(Failure::new(row, url, Stage::Input, reason));
                    continue;
                }
            };
            let id = image_id::digest(url);
            let hex = image_id::hex(&id);
            if !columns.has_id_only(&record, &hex, &cell) {
                end = Ok(false);
                return Ok(());
            }
            // Two spellings of one URL are one image.
            let key = image_id::digest(&image);
            if let Some(first) = first_rows.get(&key) {
                let reason = format!("the same image as in row {first}");
                input.skipped.push(skipped(row, url, &reason));
                continue;
            }
            first_rows.insert(key, row);
            let normalized = Reference::parse(&image).normalized();
            if !spellings.insert(image_id::digest(&normalized)) {
                remarks.spelled.add(row);
            }
            if record.len() < columns.n_input {
                remarks.short.add(row);
            }
            if columns.is_exceeded_by(&record) {
                remarks.long.add(row);
            }
            let cells = (0..columns.names.len()).map(|column| match column {
                column if column == columns.id => hex.as_bytes(),
                column if column == columns.url => url.as_bytes(),
                column => record.get(column).unwrap_or_default(),
            });
            csv.write_record(cells)?;
            input.images.push(Image {
                row,
                url: image.into_owned(),
                id,
            });
        }
        csv.flush()?;
        anyhow::Ok(())
    })?;
    if !end? {
        return Ok(None);
    }
    if input.n_rows == 0 {
        bail!(
            "{} has no rows, so no image has a vector and nothing is replaced; {}",
            table.name,
            table.remedy_if_empty
        );
    }
    input.remarks = remarks.lines(wanted);
    Ok(Some((input, draft)))
}

fn not_text(table: &str, row: usize, column: Option<&String>) -> anyhow::Error {
    let column = column.map_or("without a name", |name| name.trim());
    anyhow!(
        "{table}, row {row}: the column {column} is neither UTF-8 nor Windows-1252; save the table as UTF-8"
    )
}

fn skipped(row: usize, url: &str, reason: &str) -> Failure {
    Failure::new(row, url, Stage::Input, reason)
}

/// Whether the URL is what the row says it is. A parser of URLs passes over line breaks, but a cell with
/// them is two. And the URL can have been cut: where a row is longer than the header, a separator in the
/// last column ends its cell too early.
fn check_row(url: &str, record: &ByteRecord, columns: &Columns) -> Result<(), String> {
    if url.contains(['\n', '\r']) {
        return Err("the cell has several lines; give each URL a row of its own".to_owned());
    }
    if columns.is_exceeded_by(record) && columns.url + 1 == columns.n_input {
        return Err(format!(
            "the row has {} cells, the header {}, and the URL is the last of them; is it cut at a separator in it? quote it",
            record.len(),
            columns.n_input
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_csv(text: impl AsRef<[u8]>, column: &str) -> anyhow::Result<(Input, String)> {
        let dir = tempfile::tempdir().unwrap();
        let csv = dir.path().join("in.csv");
        std::fs::write(&csv, text).unwrap();
        let images = dir.path().join("images.csv");
        let (input, draft) = read(|| table::from_file(&csv, column), column, &images)?;
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
        let text = format!("iiif_url,localIdentifier,s\n{URL},{ID},x\n");
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
            ("https://example.org/iiif/b#x,1", "has no #"),
            ("https://example.org/iiif/b?x=1,1", ""),
            ("https://example.org/iiif/b/info.json,1", ""),
            ("https://example.org/iiif/b/full/max/0/default.jpg,1", ""),
            (
                "\"https://example.org/iiif/b\nc\",1",
                "the cell has several lines",
            ),
            // Short, long and with a comma at the end.
            ("https://example.org/iiif/c", ""),
            ("https://example.org/iiif/d,1,2", ""),
            ("https://example.org/iiif/e,1,", ""),
            ("https://example.org/iiif/default.jpg,1", ""),
        ];
        let text: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
        let (input, _) = read_csv(format!("iiif_url,n\n{text}"), "iiif_url").unwrap();
        assert_eq!(input.n_rows, rows.len());
        assert_eq!(
            input.images.iter().map(|i| i.row).collect::<Vec<_>>(),
            [1, 9, 10, 11, 13, 14, 15, 16]
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
    fn rows_and_names_without_end_are_one_sentence() {
        let long = "x".repeat(17 << 20);
        let name = &long[..2000];
        let many = vec!["c"; 20_000].join(",");
        for (text, expected) in [
            (
                format!("iiif_url,n\n{URL},1\n{URL}/2,{long}\n{URL}/3,3\n"),
                "in.csv, line 3: the row that begins here is longer than 16 MiB",
            ),
            (
                format!("iiif_url,{long}\n{URL},1\n"),
                "in.csv, line 1: the row that begins here is longer than 16 MiB",
            ),
            (
                format!("iiif_url,{name}\n{URL},1\n"),
                "is longer than 1024 bytes; is the first row no header?",
            ),
            (
                format!("iiif_url,{many}\n{URL},1\n"),
                "it has 20001 columns, and a table has 16384 at most",
            ),
        ] {
            let error = read_csv(text, "iiif_url").unwrap_err().to_string();
            assert!(error.contains(expected) && error.len() < 400, "{error}");
        }
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
        let error = table::from_file(Path::new("/no/such.csv"), "iiif_url")
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .contains("check the path given with --csv-file"),
            "{error}"
        );
    }

    #[test]
    fn rows_that_do_not_fit_the_header_are_kept_where_the_url_is_there() {
        let (input, images) = read_csv(
            "iiif_url,title,year\nhttp://x/a,One\nhttp://x/b\nhttp://x/c,Two, or three,3\nhttp://x/d,Four,4,\n",
            "iiif_url",
        )
        .unwrap();
        let written: Vec<&str> = images
            .lines()
            .map(|line| &line[..line.rfind(',').unwrap()])
            .collect();
        assert_eq!(
            written,
            [
                "iiif_url,title,year",
                "http://x/a,One,",
                "http://x/b,,",
                "http://x/c,Two, or three",
                "http://x/d,Four,4"
            ]
        );
        assert_eq!(input.failures, []);
        assert_eq!(
            input.remarks,
            [
                "2 rows, the first row 1: fewer cells than the header; the missing ones are taken as empty",
                "row 3: more cells than the header; what has no header is left out of images.csv; is a cell with a separator in it not quoted?"
            ]
        );
        // The URL itself may have been cut at a comma.
        let (input, _) = read_csv(
            "title,iiif_url\nt,http://x/a,b\nt,http://x/c,\nt\n",
            "iiif_url",
        )
        .unwrap();
        assert_eq!(input.images.len(), 1);
        let reason = &input.failures[0].reason;
        assert!(reason.contains("cut at a separator"), "{reason}");
        assert_eq!(input.skipped[0].row, 3);
    }

    #[test]
    fn images_csv_is_utf_8_whatever_the_input_is() {
        let text = [
            b"iiif_url,t\xeftre\n".as_slice(),
            "http://x/a,Straße\n".as_bytes(),
            b"http://x/b,N\xe4her am See \x96 1890\n",
            b"http://x/c,Z\xfcrich\n",
        ]
        .concat();
        let (input, images) = read_csv(&text, "iiif_url").unwrap();
        assert!(
            images.starts_with("iiif_url,tïtre,localIdentifier\nhttp://x/a,Straße,"),
            "{images}"
        );
        assert!(
            images.contains("http://x/b,Näher am See – 1890,"),
            "{images}"
        );
        assert!(images.contains("http://x/c,Zürich,"), "{images}");
        assert_eq!(
            input.remarks,
            [
                "2 rows, the first row 2: not UTF-8, read as Windows-1252 (\"Näher am See – 1890\"); if that is wrong, save the table as UTF-8"
            ]
        );
        let error = read_csv(b"iiif_url,t\nhttp://x/a,Z\x81rich\n", "iiif_url")
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("in.csv, row 1: the column t is neither UTF-8 nor Windows-1252; save the table as UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn a_column_of_the_name_of_ours_is_kept_under_another() {
        let text = format!("iiif_url,localIdentifier,t\n{URL},,x\nhttp://x/a,my-id,y\n");
        let (input, images) = read_csv(&text, "iiif_url").unwrap();
        let id = image_id::image_id("http://x/a");
        assert_eq!(
            images,
            format!(
                "iiif_url,localIdentifier_input,t,localIdentifier\n{URL},,x,{ID}\nhttp://x/a,my-id,y,{id}\n"
            )
        );
        assert_eq!(
            input.remarks,
            [
                "the column localIdentifier of the input is called localIdentifier_input in images.csv, where localIdentifier is the image id"
            ]
        );
        // Built again it stays as it is.
        let (input, again) = read_csv(&images, "iiif_url").unwrap();
        assert_eq!((again, input.remarks.len()), (images, 0));
        let text = format!("iiif_url,localIdentifier,localIdentifier_input\n{URL},mine,too\n");
        let (_, images) = read_csv(&text, "iiif_url").unwrap();
        assert_eq!(
            images,
            format!(
                "iiif_url,localIdentifier_input_2,localIdentifier_input,localIdentifier\n{URL},mine,too,{ID}\n"
            )
        );
    }

    #[test]
    fn a_column_alike_is_taken_and_has_the_name_that_was_asked_for() {
        let (input, images) = read_csv(format!("Title;IIIF URL\nt;{URL}\n"), "iiif_url").unwrap();
        assert_eq!(
            images,
            format!("Title,iiif_url,localIdentifier\nt,{URL},{ID}\n")
        );
        assert_eq!(
            input.remarks,
            ["the column IIIF URL is taken for iiif_url, and called so in images.csv"]
        );
    }

    #[test]
    fn spellings_of_one_image_are_told_and_kept() {
        let (input, images) = read_csv(
            format!("iiif_url\n{URL}\n{URL}/\nhttp://x/a\nHTTP://X/a/info.json\n"),
            "iiif_url",
        )
        .unwrap();
        assert_eq!((input.images.len(), images.lines().count()), (4, 5));
        assert_eq!(
            input.remarks,
            [
                "2 rows, the first row 2: the same image as in another row, which spells its URL otherwise (a slash at its end, capitals, info.json); each is an image of its own"
            ]
        );
    }

    #[test]
    fn a_table_without_rows_says_so() {
        for text in ["iiif_url\n", "title,iiif_url\n\n\n"] {
            let error = read_csv(text, "iiif_url").unwrap_err().to_string();
            assert!(
                error.contains("in.csv has no rows, so no image has a vector and nothing is replaced; it has a header"),
                "{error}"
            );
        }
        // Rows without any URL are named in failures.csv.
        let (input, _) = read_csv("t,iiif_url\na,\nb,\n", "iiif_url").unwrap();
        assert_eq!(input.skipped.len(), 2);
    }
}

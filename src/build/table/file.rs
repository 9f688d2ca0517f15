//! A table from a file: what it is, how it is encoded and separated, its rows.

use super::dialect::{self, Dialect};
use super::encoding::{Encoding, to_utf8};
use super::kind::{self, Foreign};
use super::quotes::{self, QuoteError, Watch};
use super::told::{Form, Told};
use super::{Table, column, parquet, shorten};
use crate::unreadable::unreadable;
use anyhow::{anyhow, bail};
use csv::ByteRecord;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes that tell what a file is.
const HEAD: u64 = 64 << 10;

/// The table in the file at `path`, in which the column `wanted` is looked for: CSV with a header,
/// separated by comma, semicolon, tab or |, in UTF-8, UTF-16 or Windows-1252, gzipped or not; or Parquet. What it is is
/// told by its content, not by its name. Rows are read as they are asked for.
///
/// # Errors
/// If the file cannot be read or is something else, which is named with what to do.
pub(in crate::build) fn from_file(path: &Path, wanted: &str) -> anyhow::Result<Table> {
    let mut file = InputFile {
        path: path.to_owned(),
        is_gzipped: false,
    };
    if path.is_dir() {
        return Err(file.failed(&ErrorKind::IsADirectory.into()));
    }
    let opened = File::open(path).map_err(|error| file.failed(&error))?;
    let whole = opened.try_clone().map_err(|error| file.failed(&error))?;
    let mut reader: Box<dyn Read> = Box::new(BufReader::new(opened));
    let mut head = file.head(&mut reader)?;
    if head.starts_with(parquet::MAGIC) {
        let (mut table, compression) = parquet::table(path, whole, wanted)?;
        let told = Told::new(&table.name, Form::Parquet(compression), table.columns.len());
        table.rows = Box::new(told.of(table.rows));
        return Ok(table);
    }
    if head.starts_with(b"\x1f\x8b") {
        file.is_gzipped = true;
        let whole = BufReader::new(Cursor::new(head).chain(reader));
        reader = Box::new(BufReader::new(MultiGzDecoder::new(whole)));
        head = file.head(&mut reader)?;
    }
    if let Some(foreign) = kind::binary(&head) {
        return Err(file.is_foreign(foreign));
    }
    let encoding = Encoding::of(&head);
    let mut reader = encoding.decode(Box::new(Cursor::new(head).chain(reader)));
    let head = file.head(&mut reader)?;
    if encoding == Encoding::Utf32 || kind::is_noise(&head) {
        return Err(file.is_foreign(kind::NOISE));
    }
    let head = match head.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => head,
    };
    if head.trim_ascii().is_empty() {
        bail!(
            "{} is empty; it needs a header and a column of IIIF URLs",
            path.display()
        );
    }
    let dialect = Dialect::of(&head, wanted);
    let mut table = file.table(head, reader, dialect, wanted)?;
    let separator = dialect::name(dialect.separator);
    let form = Form::Text {
        is_gzipped: file.is_gzipped,
        encoding,
        separator,
    };
    let told = Told::new(&table.name, form, table.columns.len());
    table.rows = Box::new(told.of(table.rows));
    Ok(table)
}

/// The file that is read, for what is said of it.
#[derive(Debug, Clone)]
struct InputFile {
    path: PathBuf,
    is_gzipped: bool,
}

impl InputFile {
    fn head(&self, reader: &mut dyn Read) -> anyhow::Result<Vec<u8>> {
        let mut head = Vec::new();
        reader
            .take(HEAD)
            .read_to_end(&mut head)
            .map_err(|error| self.failed(&error))?;
        Ok(head)
    }

    fn table(
        &self,
        mut head: Vec<u8>,
        rest: Box<dyn Read>,
        dialect: Dialect,
        wanted: &str,
    ) -> anyhow::Result<Table> {
        head.drain(..dialect.n_before);
        let n_lines_before = u64::from(dialect.n_before > 0);
        let foreign = kind::other_text(&head);
        let separator = dialect.separator;
        let text = Watch::new(Cursor::new(head).chain(rest), separator, 1 + n_lines_before);
        let mut reader = csv::ReaderBuilder::new()
            // Rows of another length are looked at one by one instead of ending the build.
            .flexible(true)
            .delimiter(separator)
            .from_reader(text);
        let mut header = match reader.byte_headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(self.broken(error)),
        };
        to_utf8(&mut header).map_err(|_| self.is_foreign(kind::NOISE))?;
        let columns: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        let found = column::find(&columns, wanted);
        if let (Err(_), Some(foreign)) = (&found, foreign) {
            return Err(self.is_foreign(foreign));
        }
        let url_column = found.ok().map(|found| found.at);
        let (file, n_columns) = (self.clone(), columns.len());
        let rows = reader.into_byte_records().map(move |row| {
            let row: ByteRecord = row.map_err(|error| file.broken(error))?;
            if let Some(column) = url_column {
                quotes::check_rows(&row, column, n_columns, separator, n_lines_before)
                    .map_err(|error| file.misquoted(&error))?;
            }
            Ok(row)
        });
        Ok(Table {
            name: self.path.display().to_string(),
            columns,
            rows: Box::new(rows),
            may_be_cut: false,
            remedy_if_empty: "it has a header and nothing below it; give a table with rows",
        })
    }

    fn is_foreign(&self, foreign: Foreign) -> anyhow::Error {
        let gzipped = if self.is_gzipped {
            "gzipped, and in it "
        } else {
            ""
        };
        anyhow!(
            "{} is {gzipped}{}, not a table in text; {}",
            self.path.display(),
            foreign.what,
            foreign.remedy
        )
    }

    fn misquoted(&self, error: &QuoteError) -> anyhow::Error {
        anyhow!("{}, {error}", self.path.display())
    }

    fn broken(&self, error: csv::Error) -> anyhow::Error {
        let message = shorten(&error.to_string(), 200);
        match error.into_kind() {
            csv::ErrorKind::Io(error) => self.failed(&error),
            _ => anyhow!("{} cannot be read: {message}", self.path.display()),
        }
    }

    fn failed(&self, error: &io::Error) -> anyhow::Error {
        if let Some(error) = error.get_ref().and_then(|e| e.downcast_ref::<QuoteError>()) {
            return self.misquoted(error);
        }
        let is_damage = matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData
        );
        if self.is_gzipped && is_damage {
            return anyhow!(
                "{} cannot be read: its gzip data are damaged or end early; copy the file anew",
                self.path.display()
            );
        }
        unreadable(self.path.display(), error, "--csv-file")
    }
}

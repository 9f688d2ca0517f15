//! What a table in a file was taken for, in one line when its last row is read.

use super::encoding::Encoding;
use csv::ByteRecord;
use std::fmt;

/// How a table is written.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Text {
        is_gzipped: bool,
        encoding: Encoding,
        separator: &'static str,
    },
    /// With the words for its compression.
    Parquet(String),
}

/// Facts about a table.
#[derive(Debug, Clone)]
pub(super) struct Told {
    name: String,
    form: Form,
    n_columns: usize,
    n_rows: usize,
    /// Rows that are not UTF-8.
    n_windows: usize,
}

impl Told {
    pub(super) fn new(name: &str, form: Form, n_columns: usize) -> Self {
        Self {
            name: name.to_owned(),
            form,
            n_columns,
            n_rows: 0,
            n_windows: 0,
        }
    }

    /// The rows, counted; after the last one they are told of.
    pub(super) fn of<I: Iterator<Item = anyhow::Result<ByteRecord>>>(
        mut self,
        rows: I,
    ) -> impl Iterator<Item = anyhow::Result<ByteRecord>> {
        let mut rows = rows.fuse();
        let mut is_told = false;
        std::iter::from_fn(move || {
            let row = rows.next();
            match &row {
                Some(Ok(record)) => {
                    self.n_rows += 1;
                    let is_text = |cell: &[u8]| std::str::from_utf8(cell).is_ok();
                    self.n_windows += usize::from(!record.iter().all(is_text));
                }
                Some(Err(_)) => is_told = true,
                None if !is_told => {
                    is_told = true;
                    tracing::info!("{self}");
                }
                None => {}
            }
            row
        })
    }
}

impl fmt::Display for Told {
    /// "in.csv: gzipped, separated by semicolons, Windows-1252, 3 columns, 1200 rows"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match &self.form {
            Form::Text {
                is_gzipped,
                encoding,
                separator,
            } => {
                let gzipped = if *is_gzipped { "gzipped, " } else { "" };
                let encoding = match (encoding, self.n_windows) {
                    (Encoding::Utf16Le | Encoding::Utf16Be, _) => "UTF-16",
                    (Encoding::Utf32, _) => "UTF-32",
                    (Encoding::Utf8, 0) => "UTF-8",
                    (Encoding::Utf8, _) => "Windows-1252",
                };
                format!("{gzipped}separated by {separator}, {encoding}")
            }
            Form::Parquet(compression) if compression.is_empty() => "Parquet".to_owned(),
            Form::Parquet(compression) => format!("Parquet, {compression}"),
        };
        let number = |n: usize, one: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {one}s"),
        };
        write!(
            f,
            "{}: {form}, {}, {}",
            self.name,
            number(self.n_columns, "column"),
            number(self.n_rows, "row")
        )
    }
}

//! A table from a Parquet file: its flat columns as text, read row group by row group.

mod cell;

use super::{Table, column, shorten};
use anyhow::{Context, anyhow, bail, ensure};
use cell::Kind;
use csv::ByteRecord;
use parquet::basic::{Compression, Repetition};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::Row;
use parquet::record::reader::RowIter;
use parquet::schema::types::{Type, TypePtr};
use std::collections::HashSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What a Parquet file begins and ends with.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Bytes of rows that are held at a time, about; a page of each column comes to it.
const BATCH_BYTES: i64 = 8 << 20;

/// Longest words of the library in a message.
const MAX_REASON: usize = 200;

/// The remedy for what may be read in another form.
const WRITE_ANEW: &str = "write the table anew with a current pyarrow or DuckDB, or save it as CSV";

/// The table in the Parquet file at `path`, and how its columns are compressed. Lists and structures are left out, and
/// so are bytes that are no text; each kind is told of in one line.
///
/// # Errors
/// If the file is damaged, encrypted or compressed in a way that is not known, or the column `wanted` is a list or a
/// structure.
pub(super) fn table(path: &Path, file: File, wanted: &str) -> anyhow::Result<(Table, String)> {
    let input = Input(path.to_owned());
    ensure!(
        file.metadata().is_ok_and(|facts| facts.is_file()),
        "{} is a Parquet table in a pipe, and those are read from their end; save it to a file and name that",
        path.display()
    );
    let reader = input.guarded(|| SerializedFileReader::new(file))?;
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let (flat, nested): (Vec<TypePtr>, Vec<TypePtr>) =
        fields.iter().cloned().partition(|field| is_flat(field));
    let columns = names(&flat);
    check_nested(&columns, &names(&nested), wanted).with_context(|| input.to_string())?;
    let compression = check(reader.metadata(), &columns).with_context(|| input.to_string())?;
    let batch = rows_at_a_time(reader.metadata());
    let rows = input.guarded(|| {
        let name = reader.metadata().file_metadata().schema().name();
        let schema = Type::group_type_builder(name)
            .with_fields(flat.clone())
            .build()?;
        let rows = RowIter::from_file_into(Box::new(reader)).project(Some(schema))?;
        Ok(rows.with_batch_size(batch))
    })?;
    let rows = Rows {
        input,
        rows,
        kinds: flat.iter().map(|field| Kind::of(field)).collect(),
        columns: columns.clone(),
        bytes: Bytes::default(),
        n_read: 0,
        has_ended: false,
    };
    let table = Table {
        name: path.display().to_string(),
        columns,
        rows: Box::new(rows),
        may_be_cut: false,
        remedy_if_empty: "it has columns and no rows; give a table with rows",
    };
    Ok((table, compression))
}

/// The file that is read, for what is said of it.
struct Input(PathBuf);

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cannot be read as a Parquet table", self.0.display())
    }
}

impl Input {
    /// What `read` gives. The library takes some damage for a reason to panic.
    fn guarded<T>(&self, read: impl FnOnce() -> parquet::errors::Result<T>) -> anyhow::Result<T> {
        let reason = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => shorten(&error.to_string(), MAX_REASON),
            Err(_panic) => "the decoder gave up".to_owned(),
        };
        Err(anyhow!(
            "{self}: it is cut, damaged or encrypted ({reason}); copy it anew, or {WRITE_ANEW}"
        ))
    }
}

fn names(fields: &[TypePtr]) -> Vec<String> {
    fields.iter().map(|field| field.name().to_owned()).collect()
}

fn is_flat(field: &Type) -> bool {
    let facts = field.get_basic_info();
    field.is_primitive() && facts.has_repetition() && facts.repetition() != Repetition::REPEATED
}

/// # Errors
/// If the column with the URLs is among the `nested` ones.
fn check_nested(flat: &[String], nested: &[String], wanted: &str) -> anyhow::Result<()> {
    if nested.is_empty() {
        return Ok(());
    }
    if column::find(flat, wanted).is_err()
        && let Ok(found) = column::find(nested, wanted)
    {
        bail!(
            "its column {} is a list or a structure; a column with one URL a row is needed",
            shorten(&nested[found.at], MAX_REASON)
        );
    }
    tracing::warn!(
        "lists and structures have no place in images.csv and are left out: {}",
        shorten(&nested.join(", "), MAX_REASON)
    );
    Ok(())
}

/// How the columns are compressed, in words.
///
/// # Errors
/// If one cannot be read, or the file contradicts itself.
fn check(facts: &ParquetMetaData, columns: &[String]) -> anyhow::Result<String> {
    let mut seen = HashSet::new();
    if let Some(twice) = columns.iter().find(|name| !seen.insert(*name)) {
        bail!("two of its columns are called {twice}; give each a name of its own");
    }
    let mut compressions: Vec<&str> = Vec::new();
    for group in facts.row_groups() {
        for column in group.columns() {
            let path = column.column_path().parts();
            let [name] = path else { continue };
            if !seen.contains(name) {
                continue;
            }
            let compression = match column.compression() {
                Compression::UNCOMPRESSED => "uncompressed",
                Compression::SNAPPY => "snappy",
                Compression::GZIP(_) => "gzip",
                Compression::ZSTD(_) => "zstd",
                Compression::LZ4 | Compression::LZ4_RAW => "lz4",
                other @ (Compression::LZO | Compression::BROTLI(_)) => bail!(
                    "its column {name} is compressed with {}; use snappy, zstd, gzip, lz4 or none",
                    other.to_string().split('(').next().unwrap_or_default()
                ),
            };
            if !compressions.contains(&compression) {
                compressions.push(compression);
            }
            // Rows are counted by the group: one that claims more than there are would give them for ever.
            ensure!(
                column.num_values() == group.num_rows(),
                "it is damaged: its column {name} has {} values in {} rows; copy it anew",
                column.num_values(),
                group.num_rows()
            );
        }
    }
    Ok(compressions.join(" and "))
}

/// Values of each column that are decoded at a time: few where rows are large.
fn rows_at_a_time(facts: &ParquetMetaData) -> usize {
    let (mut n_rows, mut n_bytes) = (1_i64, 0_i64);
    for group in facts.row_groups() {
        n_rows = n_rows.saturating_add(group.num_rows());
        n_bytes = n_bytes.saturating_add(group.total_byte_size());
    }
    let row_bytes = n_bytes.checked_div(n_rows).unwrap_or_default().max(1);
    usize::try_from((BATCH_BYTES / row_bytes).clamp(1, 1024)).unwrap_or(1)
}

/// Cells that are bytes and no text.
#[derive(Default)]
struct Bytes {
    n: usize,
    first_row: usize,
    first_column: usize,
}

struct Rows {
    input: Input,
    rows: RowIter<'static>,
    kinds: Vec<Kind>,
    columns: Vec<String>,
    bytes: Bytes,
    n_read: usize,
    has_ended: bool,
}

impl Rows {
    /// `None` after the last row.
    fn read(&mut self) -> anyhow::Result<Option<ByteRecord>> {
        let (rows, kinds, bytes) = (&mut self.rows, &self.kinds, &mut self.bytes);
        let row_number = self.n_read + 1;
        self.input
            .guarded(|| {
                let row = rows.next().transpose()?;
                Ok(row.map(|row| record(&row, kinds, bytes, row_number)))
            })
            .with_context(|| format!("row {row_number}"))
    }
}

impl Iterator for Rows {
    type Item = anyhow::Result<ByteRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let row = self.read().transpose();
        self.n_read += 1;
        self.has_ended = !matches!(row, Some(Ok(_)));
        if self.has_ended && self.bytes.n > 0 {
            tracing::warn!(
                "{} cells hold bytes that are no text and are left empty, the first in row {}, column {}",
                self.bytes.n,
                self.bytes.first_row,
                self.columns[self.bytes.first_column]
            );
        }
        row
    }
}

fn record(row: &Row, kinds: &[Kind], bytes: &mut Bytes, row_number: usize) -> ByteRecord {
    let mut record = ByteRecord::new();
    for (at, ((_, field), kind)) in row.get_column_iter().zip(kinds).enumerate() {
        if let Some(text) = cell::text(field, *kind) {
            record.push_field(text.as_bytes());
            continue;
        }
        if bytes.n == 0 {
            (bytes.first_row, bytes.first_column) = (row_number, at);
        }
        bytes.n += 1;
        record.push_field(b"");
    }
    record
}

#[cfg(test)]
mod tests;

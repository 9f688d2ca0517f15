//! Rows of answers as they are kept, in a file from which a page can be taken back.

use crate::build::table::plain;
use anyhow::Context;
use oxrdf::Term;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// The terms of a row, in the order of the columns.
pub(super) type Row = Vec<Option<Term>>;

/// Writes a row.
pub(super) type WriteRow = Box<dyn FnMut(&Row, &mut dyn Write) -> anyhow::Result<()> + Send + Sync>;

/// A file of rows.
pub(super) struct Sink {
    file: BufWriter<File>,
    write: WriteRow,
    /// The names of the columns, once an answer has said them.
    pub(super) columns: Vec<String>,
}

/// A place in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl Sink {
    pub(super) fn create(path: &Path, write: WriteRow) -> anyhow::Result<Self> {
        let file =
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            write,
            columns: Vec::new(),
        })
    }

    /// Has further rows, under these columns, written in another way.
    pub(super) fn restart(&mut self, columns: Vec<String>, write: WriteRow) {
        self.columns = columns;
        self.write = write;
    }

    /// What rows are written to.
    pub(super) fn out(&mut self) -> &mut BufWriter<File> {
        &mut self.file
    }

    pub(super) fn add(&mut self, row: &Row) -> anyhow::Result<()> {
        (self.write)(row, &mut self.file)
    }

    /// Where the next row will be; all before is in the file.
    pub(super) fn mark(&mut self) -> anyhow::Result<Mark> {
        self.file.flush()?;
        Ok(Mark(self.file.stream_position()?))
    }

    /// Takes back what was added since `mark`.
    pub(super) fn rewind(&mut self, mark: Mark) -> anyhow::Result<()> {
        self.file.flush()?;
        self.file.get_ref().set_len(mark.0)?;
        self.file.seek(SeekFrom::Start(mark.0))?;
        Ok(())
    }
}

/// A row as a line of CSV, its terms as in SPARQL CSV results.
pub(super) fn as_csv() -> WriteRow {
    Box::new(|row, out| {
        let cell = |term: &Option<Term>| term.as_ref().map_or_else(String::new, plain);
        // In memory: the writer of a row would flush the file behind it, too.
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(row.iter().map(cell))?;
        Ok(out.write_all(&csv.into_inner()?)?)
    })
}

//! A CSV file of a data directory, read so that every complaint names the file, and the line.

use super::open::CollectionError;
use csv::ByteRecord;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A CSV file with a header; cells may be in any encoding unless they are read as text.
pub(super) struct Table {
    path: PathBuf,
    pub(super) columns: Vec<String>,
    reader: csv::Reader<File>,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self, CollectionError> {
        let error = |source| CollectionError::Csv {
            path: path.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            // Rows with a trailing comma stand in published collections.
            .flexible(true)
            .from_path(path)
            .map_err(error)?;
        let columns = reader
            .byte_headers()
            .map_err(error)?
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        Ok(Self {
            path: path.to_owned(),
            columns,
            reader,
        })
    }

    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<bool, CollectionError> {
        self.reader
            .read_byte_record(record)
            .map_err(|source| CollectionError::Csv {
                path: self.path.clone(),
                source,
            })
    }

    pub(super) fn find(&self, wanted: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == wanted)
    }

    pub(super) fn column(&self, wanted: &str) -> Result<usize, CollectionError> {
        self.find(wanted).ok_or_else(|| CollectionError::NoColumn {
            path: self.path.clone(),
            wanted: wanted.to_owned(),
            columns: self.columns.clone(),
        })
    }

    /// The cell without the white space around it; empty if the row is too short.
    pub(super) fn text<'r>(
        &self,
        record: &'r ByteRecord,
        column: usize,
    ) -> Result<&'r str, CollectionError> {
        Ok(self.raw_text(record, column)?.trim())
    }

    pub(super) fn raw_text<'r>(
        &self,
        record: &'r ByteRecord,
        column: usize,
    ) -> Result<&'r str, CollectionError> {
        std::str::from_utf8(record.get(column).unwrap_or_default()).map_err(|_| {
            CollectionError::NotText {
                path: self.path.clone(),
                line: line_of(record),
                column: self.columns[column].clone(),
            }
        })
    }
}

pub(super) fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

//! The rows of a features file as bytes, one after the other.

use super::header::Header;
use super::precision::Precision;
use super::{FeaturesError, Reader, SumOf, open};
use crate::features::sum::Sum;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The rows of a features file as they stand there, one after the other: its length is no matter of memory.
#[derive(Debug)]
pub struct RawRows {
    path: PathBuf,
    header: Header,
    reader: Reader,
    row: Vec<u8>,
}

impl RawRows {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is not what its header says. What the rows are is not looked at.
    pub fn open(path: &Path) -> Result<Self, FeaturesError> {
        let (header, reader) = open(path, SumOf::All)?;
        // The file is as long as its header says; without rows the columns may be any number.
        let columns = if header.rows == 0 { 0 } else { header.columns };
        Ok(Self {
            path: path.to_owned(),
            row: vec![0; columns * header.precision.size_bytes()],
            header,
            reader,
        })
    }

    /// Number of rows, number of columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.header.rows, self.header.columns)
    }

    /// The number format of the file.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.header.precision
    }

    /// The bytes of the next row.
    ///
    /// # Errors
    /// If the file ends or cannot be read.
    pub fn next_row(&mut self) -> Result<&[u8], FeaturesError> {
        let read = self.reader.read_exact(&mut self.row);
        read.map_err(|source| FeaturesError::Read {
            path: self.path.clone(),
            source,
        })?;
        Ok(&self.row)
    }

    /// The checksum of the file, when all rows have been read.
    #[must_use]
    pub fn sum(self) -> Sum {
        let summing = self.reader.into_inner().summing;
        summing.unwrap_or_default().finish()
    }
}

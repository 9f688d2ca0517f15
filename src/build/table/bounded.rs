//! Bounds on what an answer may hold: rows, names and their number come from others, and lie in memory while they are
//! read.

use super::shorten;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest row that is read, with all that stands between it and the one before, and longest header.
/// Less than what parsers of JSON and XML take for one word, so that it is told what is wrong.
pub(in crate::build) const MAX_ROW_BYTES: u64 = 8 << 20;

/// Longest name of a column.
const MAX_NAME_BYTES: usize = 1 << 10;

/// Most columns: as many as a spreadsheet has.
const MAX_COLUMNS: usize = 1 << 14;

/// More than a row may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "what follows row {n_rows} is one row of more than {} MiB, which no row about an image is; look at it there, and ask for less in a row",
    MAX_ROW_BYTES >> 20
)]
pub(in crate::build) struct RowTooLong {
    n_rows: u64,
}

/// A reader that ends with [`RowTooLong`] where a row does.
pub(in crate::build) struct Bounded<R> {
    inner: R,
    rows: RowCount,
}

/// Says how many rows have come so far.
#[derive(Debug, Clone, Default)]
pub(in crate::build) struct RowCount(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    n_rows: AtomicU64,
    /// Since the last row.
    n_bytes: AtomicU64,
}

impl RowCount {
    /// A row has come.
    pub(in crate::build) fn add(&self) {
        self.0.n_rows.fetch_add(1, Ordering::Relaxed);
        self.0.n_bytes.store(0, Ordering::Relaxed);
    }

    /// Whether the reader has ended because of a row.
    pub(in crate::build) fn too_long(&self) -> Option<RowTooLong> {
        let n_rows = self.0.n_rows.load(Ordering::Relaxed);
        (self.0.n_bytes.load(Ordering::Relaxed) > MAX_ROW_BYTES).then_some(RowTooLong { n_rows })
    }
}

impl<R> Bounded<R> {
    pub(in crate::build) fn new(inner: R) -> (Self, RowCount) {
        let rows = RowCount::default();
        let bounded = Self {
            inner,
            rows: rows.clone(),
        };
        (bounded, rows)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some(error) = self.rows.too_long() {
            return Err(std::io::Error::other(error));
        }
        let n = self.inner.read(buffer)?;
        self.rows.0.n_bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Whether these may be the columns of a table.
///
/// # Errors
/// What is too much, and what to do.
pub(in crate::build) fn check_columns(columns: &[String]) -> Result<(), String> {
    if columns.len() > MAX_COLUMNS {
        return Err(format!(
            "it has {} columns, and a table has {MAX_COLUMNS} at most; give the columns that are needed",
            columns.len()
        ));
    }
    match columns.iter().find(|name| name.len() > MAX_NAME_BYTES) {
        Some(name) => Err(format!(
            "the name of a column, {:?}, is longer than {MAX_NAME_BYTES} bytes; is the first row no header?",
            shorten(name, 40)
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn rows_are_bounded_one_by_one() {
        let (mut reader, rows) = Bounded::new(io::repeat(b'x'));
        let mut most = vec![0; usize::try_from(MAX_ROW_BYTES).unwrap()];
        for _ in 0..3 {
            reader.read_exact(&mut most).unwrap();
            assert_eq!(rows.too_long(), None);
            rows.add();
        }
        reader.read_exact(&mut most).unwrap();
        // What was read is known, what comes is not.
        reader.read_exact(&mut [0]).unwrap();
        let error = reader.read(&mut [0]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("what follows row 3 is one row of more than 8 MiB")
        );
        assert_eq!(rows.too_long(), Some(RowTooLong { n_rows: 3 }));
    }

    #[test]
    fn names_are_bounded_each_and_in_number() {
        let names = |n: usize, length: usize| vec!["x".repeat(length); n];
        assert_eq!(check_columns(&names(MAX_COLUMNS, 1)), Ok(()));
        assert_eq!(check_columns(&names(2, MAX_NAME_BYTES)), Ok(()));
        let error = check_columns(&names(MAX_COLUMNS + 1, 1)).unwrap_err();
        assert!(error.contains("it has 16385 columns"), "{error}");
        let error = check_columns(&names(2, MAX_NAME_BYTES + 1)).unwrap_err();
        assert!(
            error.len() < 200 && error.contains("longer than 1024 bytes"),
            "{error}"
        );
    }
}

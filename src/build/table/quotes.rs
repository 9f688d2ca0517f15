//! Quotes that are never closed: a reader that watches the quotes of a table go by.
//!
//! A parser of CSV takes all that follows an open quote for one cell, up to the next quote. Rows are
//! swallowed without a word, and a large file comes into memory whole.

use csv::ByteRecord;
use std::io::{self, Read};

/// Longest row, in bytes: far more than a cell of text has, far less than memory.
const MAX_ROW_BYTES: usize = 16 << 20;

/// Why a table cannot be read on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum QuoteError {
    #[error(
        "line {line}: a cell begins with a quote here that is never closed; close it, or double it if it belongs to the text"
    )]
    Open { line: u64 },
    #[error(
        "line {line}: a cell begins with a quote here that is closed only in line {end}, in the middle of a cell; close it, or double the quotes that belong to the text"
    )]
    Swallows { line: u64, end: u64 },
    #[error(
        "line {line}: a cell begins with a quote here and takes in what looks like rows of the table; close the quote, or double it if it belongs to the text"
    )]
    Rows { line: u64 },
    #[error("line {line}: the row that begins here is longer than {} MiB; is a quote not closed, or is this no table?", MAX_ROW_BYTES >> 20)]
    Long { line: u64 },
}

/// Where in a cell the watched bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted cell: it closes the cell, or is the first of two.
    AfterQuote,
}

/// Hands on what it reads, or says what is wrong with its quotes.
pub(super) struct Watch<R> {
    inner: R,
    separator: u8,
    place: Place,
    line: u64,
    row_line: u64,
    quote_line: u64,
    n_row_bytes: usize,
    was_return: bool,
}

impl<R> Watch<R> {
    /// The first line of `inner` is called `line`.
    pub(super) fn new(inner: R, separator: u8, line: u64) -> Self {
        Self {
            inner,
            separator,
            place: Place::Start,
            line,
            row_line: line,
            quote_line: line,
            n_row_bytes: 0,
            was_return: false,
        }
    }

    fn pass(&mut self, byte: u8) -> Result<(), QuoteError> {
        let ends_line = byte == b'\r' || (byte == b'\n' && !self.was_return);
        self.was_return = byte == b'\r';
        let is_end = byte == b'\n' || byte == b'\r';
        self.place = match (self.place, byte) {
            (Place::Start, b'"') => {
                self.quote_line = self.line;
                Place::Quoted
            }
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Quoted, _) | (Place::AfterQuote, b'"') => Place::Quoted,
            _ if byte == self.separator || is_end => Place::Start,
            (Place::AfterQuote, b' ') => Place::AfterQuote,
            (Place::AfterQuote, _) if self.quote_line < self.line => {
                return Err(QuoteError::Swallows {
                    line: self.quote_line,
                    end: self.line,
                });
            }
            _ => Place::Plain,
        };
        self.line += u64::from(ends_line);
        if is_end && self.place == Place::Start {
            self.n_row_bytes = 0;
            self.row_line = self.line;
        } else {
            self.n_row_bytes += 1;
        }
        if self.n_row_bytes > MAX_ROW_BYTES {
            return Err(QuoteError::Long {
                line: self.row_line,
            });
        }
        Ok(())
    }
}

impl<R: Read> Read for Watch<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && self.place == Place::Quoted && !buffer.is_empty() {
            return Err(io::Error::other(QuoteError::Open {
                line: self.quote_line,
            }));
        }
        for byte in &buffer[..n] {
            self.pass(*byte).map_err(io::Error::other)?;
        }
        Ok(n)
    }
}

/// Whether a cell of `row` took in rows: one of its further lines has as many cells as the header and,
/// in the place of the URL, one of the same server as the row's own.
///
/// # Errors
/// [`QuoteError::Rows`] with the line where that cell begins.
pub(super) fn check_rows(
    row: &ByteRecord,
    url_column: usize,
    n_columns: usize,
    separator: u8,
    n_lines_before: u64,
) -> Result<(), QuoteError> {
    let ends_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !row.as_slice().iter().any(ends_line) {
        return Ok(());
    }
    let origin = row.get(url_column).map(origin).unwrap_or_default();
    let first = row.position().map_or(1, csv::Position::line) + n_lines_before;
    let mut n_lines = 0;
    for cell in row {
        let takes_in_row = |line: &[u8]| {
            let mut cells = line.split(|byte| *byte == separator);
            let n_cells = cells.clone().count();
            let url = cells.nth(url_column).unwrap_or_default();
            let url = url
                .trim_ascii()
                .strip_prefix(b"\"")
                .unwrap_or(url)
                .trim_ascii();
            !origin.is_empty() && n_cells >= n_columns && url.starts_with(origin)
        };
        if cell.split(ends_line).skip(1).any(takes_in_row) {
            return Err(QuoteError::Rows {
                line: first + n_lines,
            });
        }
        n_lines += cell.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok(())
}

/// Scheme and host of a URL, as they are written; empty if it is no URL.
fn origin(url: &[u8]) -> &[u8] {
    let url = url.trim_ascii_start();
    if !url.starts_with(b"http") {
        return &[];
    }
    let mut slashes = (0..url.len()).filter(|at| url[*at] == b'/');
    slashes.nth(2).map_or(url, |end| &url[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(text: &str) -> Option<QuoteError> {
        let mut passed = Vec::new();
        let error = Watch::new(text.as_bytes(), b',', 1).read_to_end(&mut passed);
        match error {
            Ok(_) => {
                assert_eq!(passed, text.as_bytes());
                None
            }
            Err(error) => Some(error.downcast().unwrap()),
        }
    }

    #[test]
    fn quotes_that_are_not_closed_are_told_by_the_line_where_they_open() {
        for (text, expected) in [
            ("a,b\n1,\"2\"\n", None),
            ("a,b\n1,\"two\nlines, \"\"quoted\"\"\"\n3,4\n", None),
            ("a,b\n1,\"two\r\nlines\" \r\n3,\"4\"", None),
            // Sloppy, and swallows nothing.
            ("a,b\n1,\"Lake\" by night\n3,5\" wide\n", None),
            ("a,b\n1,\"2\n3,4\n", Some(QuoteError::Open { line: 2 })),
            ("a,b\r1,2\r3,\"4\r", Some(QuoteError::Open { line: 3 })),
            (
                "a,b\n1,\"2\n3,\"4\"\n",
                Some(QuoteError::Swallows { line: 2, end: 3 }),
            ),
            (
                "a,b\r\n\"1\",\"2\r\n\"3\",\"4\"\r\n",
                Some(QuoteError::Swallows { line: 2, end: 3 }),
            ),
        ] {
            assert_eq!(watch(text), expected, "{text}");
        }
    }

    #[test]
    fn no_row_comes_into_memory_that_never_ends() {
        let long = "x".repeat(MAX_ROW_BYTES);
        assert_eq!(watch(&format!("a\n{long}\n{long}\n")), None);
        assert_eq!(
            watch(&format!("a\n{long}x")),
            Some(QuoteError::Long { line: 2 })
        );
        let open = format!("a\n\"{}", "x\n".repeat(MAX_ROW_BYTES));
        assert_eq!(watch(&open), Some(QuoteError::Long { line: 2 }));
    }

    #[test]
    fn rows_in_a_cell_are_noticed() {
        for (text, expected) in [
            (
                "http://x/1,\"one\nhttp://x/2,two,2\nhttp://x/3,\",z\n",
                Some(2),
            ),
            ("http://x/1,\"one\ntwo\",\"z\nhttp://x/2,two,z\"\n", Some(3)),
            // Prose with an address.
            ("http://x/1,\"one\nhttp://y/2,two,z\",z\n", None),
            ("http://x/1,\"one\nhttp://x/2\",z\n", None),
            ("http://x/1,\"one, two\n, three, http://x/2\",z\n", None),
        ] {
            let text = format!("u,t,z\n{text}");
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let row = reader.byte_records().next().unwrap().unwrap();
            assert_eq!(
                check_rows(&row, 0, 3, b',', 0).err(),
                expected.map(|line| QuoteError::Rows { line }),
                "{text}"
            );
        }
    }
}

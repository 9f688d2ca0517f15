//! The input of a build as a table.

mod answer;
mod bounded;
mod column;
mod dialect;
mod encoding;
mod file;
mod kind;
mod parquet;
mod quotes;
mod rows;
mod told;

pub(super) use answer::{Answer, CutShort, plain};
pub(super) use bounded::{Bounded, RowCount, check_columns};
pub(super) use column::{Found, bare, find};
pub(super) use encoding::to_utf8;
pub(super) use file::from_file;
pub(super) use rows::from_rows;

use super::failures::Stage;
use csv::ByteRecord;

/// Rows under named columns.
pub(super) struct Table {
    /// What the table is called in messages.
    pub(super) name: String,
    /// The names of the header.
    pub(super) columns: Vec<String>,
    /// The cells of a row may be more or fewer than the columns, and in another encoding than UTF-8.
    pub(super) rows: Box<dyn Iterator<Item = anyhow::Result<ByteRecord>>>,
    /// Whether the rows before a cut are taken, instead of none.
    pub(super) may_be_cut: bool,
    /// What is said if it has no rows.
    pub(super) remedy_if_empty: &'static str,
}

/// A row that is no image, and why; those after it are rows all the same.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(super) struct LostRow {
    /// What was to be had.
    pub(super) url: String,
    pub(super) stage: Stage,
    pub(super) reason: String,
}

/// `text` for a message: in one line and short.
pub(super) fn shorten(text: &str, max_chars: usize) -> String {
    let mut short: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(max_chars)
        .collect();
    if text.trim().chars().nth(max_chars).is_some() {
        short.push('…');
    }
    short
}

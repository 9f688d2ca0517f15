//! A table of the rows that an endpoint gave, in one answer or in many.

use super::{CutShort, Table};
use anyhow::Context;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The table in the CSV file at `path`, which has no header. Rows that are known to be `cut` end with that as an error.
///
/// # Errors
/// If the file cannot be read.
pub(in crate::build) fn from_rows(
    path: &Path,
    columns: Vec<String>,
    cut: Option<CutShort>,
) -> anyhow::Result<Table> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(BufReader::new(file))
        .into_byte_records()
        .map(|row| row.context("the rows of the answer cannot be read back"));
    let end = cut.map(|cut| Err(cut.into()));
    Ok(Table {
        name: "the answer of the SPARQL endpoint".to_owned(),
        columns,
        may_be_cut: end.is_some(),
        rows: Box::new(rows.chain(end)),
        remedy_if_empty: "its query finds nothing there; try it in the endpoint's own form",
    })
}

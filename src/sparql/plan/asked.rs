//! A query with requests, as every way to answer it sees it.

use crate::sparql::request::extract::Extracted;
use crate::sparql::request::grouping::Grouped;
use crate::sparql::rows::table_maker::TableOf;
use spargebra::Query;

/// A query with requests.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Its form and its dataset; the pattern is taken out.
    pub query: &'a Query,
    pub extracted: &'a Extracted,
    pub grouped: &'a Grouped,
}

impl<'a> Asked<'a> {
    /// Which table stands for the fragment `index`; `is_ordered`: with a column for the position.
    pub(super) fn table_of(self, index: usize, is_ordered: bool) -> TableOf<'a> {
        TableOf {
            fragment: &self.extracted.fragments[index],
            choices: &self.grouped.choices[index],
            is_joined: self.grouped.is_joined[index],
            is_ordered,
        }
    }
}

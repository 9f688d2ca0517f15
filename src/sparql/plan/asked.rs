//! A query with requests, as every way to answer it sees it.

use crate::sparql::request::extract::Extracted;
use crate::sparql::request::grouping::Grouped;
use spargebra::Query;

/// A query with requests.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Its form and its dataset; the pattern is taken out.
    pub query: &'a Query,
    pub extracted: &'a Extracted,
    pub grouped: &'a Grouped,
}

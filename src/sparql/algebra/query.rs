//! The pattern and the dataset of a query, whatever its form.

use oxrdf::Variable;
use spargebra::Query;
use spargebra::algebra::{GraphPattern, QueryDataset};

pub(in crate::sparql) fn dataset_mut(query: &mut Query) -> Option<&mut QueryDataset> {
    match query {
        Query::Select { dataset, .. }
        | Query::Construct { dataset, .. }
        | Query::Describe { dataset, .. }
        | Query::Ask { dataset, .. } => dataset.as_mut(),
    }
}

pub(in crate::sparql) fn pattern_of(query: &Query) -> &GraphPattern {
    match query {
        Query::Select { pattern, .. }
        | Query::Construct { pattern, .. }
        | Query::Describe { pattern, .. }
        | Query::Ask { pattern, .. } => pattern,
    }
}

pub(in crate::sparql) fn pattern_of_mut(query: &mut Query) -> &mut GraphPattern {
    match query {
        Query::Select { pattern, .. }
        | Query::Construct { pattern, .. }
        | Query::Describe { pattern, .. }
        | Query::Ask { pattern, .. } => pattern,
    }
}

/// A SELECT taken apart: what its LIMIT, its DISTINCT and its list of variables stand on.
pub(in crate::sparql) struct Select<'a> {
    pub start: usize,
    pub length: Option<usize>,
    pub is_distinct: bool,
    pub variables: &'a [Variable],
    /// With its ORDER BY.
    pub inner: &'a GraphPattern,
}

/// The variables that the solutions of a SELECT have; none if `pattern` is something else.
pub(in crate::sparql) fn shown(pattern: &GraphPattern) -> &[Variable] {
    Select::of(pattern).map_or(&[], |select| select.variables)
}

impl<'a> Select<'a> {
    /// The SELECT that `pattern` is; none if it is something else.
    pub(in crate::sparql) fn of(pattern: &'a GraphPattern) -> Option<Self> {
        let (pattern, start, length) = match pattern {
            GraphPattern::Slice {
                inner,
                start,
                length,
            } => (&**inner, *start, *length),
            other => (other, 0, None),
        };
        let is_distinct = matches!(pattern, GraphPattern::Distinct { .. });
        let pattern = match pattern {
            GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } => inner,
            other => other,
        };
        let GraphPattern::Project { inner, variables } = pattern else {
            return None;
        };
        Some(Self {
            start,
            length,
            is_distinct,
            variables,
            inner,
        })
    }
}

//! What a query does with the rows of its request, as far as its shape tells; pure.

use crate::sparql::algebra::query::Select;
use crate::sparql::algebra::walk;
use crate::sparql::evaluate::service::calls_service;
use crate::sparql::request::Fragment;
use crate::sparql::request::extract::Extracted;
use crate::sparql::request::grouping::{Grouped, Request};
use crate::sparql::request::placeholder::{has_placeholder, placeholder_index};
use crate::vocab::Property;
use oxrdf::Variable;
use spargebra::Query;
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use std::convert::Infallible;
use std::sync::Arc;

/// A SELECT whose best rows come from the best hits of its one request.
///
/// This is so where the rows of the query are those of its blocks put together: where its request is
/// joined, filtered and extended, but not counted, subtracted or made distinct on the way up.
pub(super) struct Best<'a> {
    pub request: &'a Request,
    pub fragment: usize,
    /// The SELECT without its LIMIT and OFFSET.
    pub select: GraphPattern,
    pub start: usize,
    pub length: usize,
    pub is_distinct: bool,
    pub is_ask: bool,
}

impl Best<'_> {
    /// How many rows are needed, those before the OFFSET included.
    pub(super) fn wanted(&self) -> usize {
        self.start + self.length
    }
}

/// A SELECT whose rows are those of its one request as they are: nothing stands above it but a choice of columns, the
/// order of scores, DISTINCT and LIMIT, so the evaluator would only copy them.
#[derive(Debug)]
pub(super) struct Direct {
    pub variables: Arc<[Variable]>,
    pub is_distinct: bool,
    pub start: usize,
    pub length: Option<usize>,
}

/// What `query` is, if it needs only the best hits of its request.
pub(super) fn best_of_query<'a>(
    query: &Query,
    extracted: &Extracted,
    grouped: &'a Grouped,
) -> Option<Best<'a>> {
    match query {
        Query::Ask { .. } => {
            let inner = &extracted.pattern;
            let (request, fragment) = request_of_best(inner, 1, extracted, grouped)?;
            Some(Best {
                request,
                fragment,
                select: GraphPattern::Project {
                    inner: Box::new(inner.clone()),
                    variables: Vec::new(),
                },
                start: 0,
                length: 1,
                is_distinct: false,
                is_ask: true,
            })
        }
        Query::Select { .. } => best_of_slice(&extracted.pattern, extracted, grouped),
        Query::Construct { .. } | Query::Describe { .. } => None,
    }
}

/// What a sub-SELECT of a query is, if it needs only the best hits of the query's request.
pub(super) fn best_within<'a>(extracted: &Extracted, grouped: &'a Grouped) -> Option<Best<'a>> {
    best_of_slice(slice_with_request(&extracted.pattern)?, extracted, grouped)
}

fn best_of_slice<'a>(
    pattern: &GraphPattern,
    extracted: &Extracted,
    grouped: &'a Grouped,
) -> Option<Best<'a>> {
    let GraphPattern::Slice {
        inner: select,
        start,
        length: Some(length),
    } = pattern
    else {
        return None;
    };
    let Select {
        inner, is_distinct, ..
    } = Select::of(select)?;
    let n_rows = start.saturating_add(*length);
    let (request, fragment) = request_of_best(inner, n_rows, extracted, grouped)?;
    Some(Best {
        request,
        fragment,
        select: (**select).clone(),
        start: *start,
        length: *length,
        is_distinct,
        is_ask: false,
    })
}

/// Of queries for more rows, all are computed: collecting them one by one would gain nothing.
const MOST_ROWS: usize = 10_000;

/// The request and its fragment, if the best hits give the first `n_rows` rows of a SELECT that stands on `inner`.
fn request_of_best<'a>(
    inner: &GraphPattern,
    n_rows: usize,
    extracted: &Extracted,
    grouped: &'a Grouped,
) -> Option<(&'a Request, usize)> {
    let ([request], [_]) = (&grouped.requests[..], &extracted.fragments[..]) else {
        return None;
    };
    let ([_], [fragment]) = (&request.alternatives[..], &request.fragments[..]) else {
        return None;
    };
    if request.is_correlated() || calls_service(inner) || n_rows > MOST_ROWS {
        return None;
    }
    let inner = match inner {
        GraphPattern::OrderBy { inner, expression } => {
            is_best_first(expression.first()?, &extracted.fragments[*fragment]).then_some(inner)?
        }
        inner => inner,
    };
    is_linear(inner).then_some((request, *fragment))
}

/// Whether an ORDER BY puts the best hits of `fragment` first.
fn is_best_first(order: &OrderExpression, fragment: &Fragment) -> bool {
    match order {
        OrderExpression::Desc(Expression::Variable(key)) => {
            fragment.output_variable(Property::Score) == Some(key)
        }
        OrderExpression::Asc(_) | OrderExpression::Desc(_) => false,
    }
}

/// What `query` does with the rows of its only request, if these are its answer.
pub(super) fn direct(query: &Query, extracted: &Extracted) -> Option<Direct> {
    match query {
        Query::Select { .. } | Query::Ask { .. } => {
            direct_of_select(&extracted.pattern, &extracted.fragments[0])
        }
        Query::Construct { .. } | Query::Describe { .. } => None,
    }
}

/// What a SELECT does with the rows of its only request, if these are its answer.
pub(super) fn direct_of_select(pattern: &GraphPattern, fragment: &Fragment) -> Option<Direct> {
    let select = Select::of(pattern)?;
    let mut inner = select.inner;
    // An ASK needs no column of the SELECT that the parser makes for it.
    if let GraphPattern::Project { inner: below, .. } = inner
        && select.variables.is_empty()
    {
        inner = below;
    }
    if let GraphPattern::OrderBy {
        inner: below,
        expression,
    } = inner
    {
        let [order] = &expression[..] else {
            return None;
        };
        inner = is_best_first(order, fragment).then_some(below)?;
    }
    placeholder_index(inner).is_some().then(|| Direct {
        variables: select.variables.into(),
        is_distinct: select.is_distinct,
        start: select.start,
        length: select.length,
    })
}

/// The outermost LIMIT around the request of `pattern`, in a place where sub-SELECTs are evaluated by
/// themselves: not in an EXISTS, whose variables have values, and not in GRAPH, which they read.
fn slice_with_request(pattern: &GraphPattern) -> Option<&GraphPattern> {
    match pattern {
        GraphPattern::Slice { inner, .. } if has_placeholder(inner) => Some(pattern),
        GraphPattern::Graph { .. } | GraphPattern::Lateral { .. } => None,
        _ => walk::children(pattern)
            .into_iter()
            .find(|child| has_placeholder(child))
            .and_then(slice_with_request),
    }
}

/// `pattern` with `table` in the place that [`slice_with_request`] finds.
pub(super) fn replace_slice(
    pattern: GraphPattern,
    table: &mut Option<GraphPattern>,
) -> GraphPattern {
    if matches!(&pattern, GraphPattern::Slice { inner, .. } if has_placeholder(inner)) {
        return table.take().unwrap_or(pattern);
    }
    let Ok(pattern) = walk::map_inner(pattern, &mut |child| {
        Ok::<_, Infallible>(if has_placeholder(&child) {
            replace_slice(child, table)
        } else {
            child
        })
    });
    pattern
}

/// Whether rows are counted somewhere: `COUNT(DISTINCT *)` would see a column that numbers them.
pub(super) fn counts_groups(pattern: &GraphPattern) -> bool {
    walk::any(pattern, &|node| matches!(node, GraphPattern::Group { .. }))
}

/// Whether the solutions of `pattern` for some hits and those for other hits are together its solutions
/// for all of them.
fn is_linear(pattern: &GraphPattern) -> bool {
    if placeholder_index(pattern).is_some() {
        return true;
    }
    match pattern {
        GraphPattern::Join { left, right } => {
            is_linear(if has_placeholder(left) { left } else { right })
        }
        GraphPattern::LeftJoin { left, .. }
        | GraphPattern::Minus { left, .. }
        | GraphPattern::Lateral { left, .. }
        | GraphPattern::Filter { inner: left, .. }
        | GraphPattern::Extend { inner: left, .. }
        | GraphPattern::Graph { inner: left, .. }
        | GraphPattern::Project { inner: left, .. }
        | GraphPattern::OrderBy { inner: left, .. } => is_linear(left),
        GraphPattern::Bgp { .. }
        | GraphPattern::Path { .. }
        | GraphPattern::Union { .. }
        | GraphPattern::Values { .. }
        | GraphPattern::Distinct { .. }
        | GraphPattern::Reduced { .. }
        | GraphPattern::Slice { .. }
        | GraphPattern::Group { .. }
        | GraphPattern::Service { .. } => false,
    }
}

/// Whether something is tested for each row.
pub(super) fn has_exists(pattern: &GraphPattern) -> bool {
    walk::any(pattern, &|node| !walk::exists_patterns(node).is_empty())
}

/// Whether oxigraph looks up each hit in what it is joined with, which takes time in proportion to the
/// hits. Anything else it computes whole, for each block anew.
pub(super) fn is_quick(select: &GraphPattern) -> bool {
    let mut n_selects = 0;
    let mut is_quick = true;
    walk::visit(select, &mut |node| match node {
        GraphPattern::Project { .. } => n_selects += 1,
        GraphPattern::Minus { .. } | GraphPattern::Group { .. } | GraphPattern::Slice { .. } => {
            is_quick = false;
        }
        _ => {}
    });
    is_quick && n_selects <= 1
}

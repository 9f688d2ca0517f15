//! A query with its tables in place, its rows in order, ready to be evaluated.

use super::order::Order;
use crate::sparql::evaluate::optimizer;
use crate::sparql::query_run::QueryRun;
use crate::sparql::request::extract::Extracted;
use crate::sparql::request::grouping::Grouped;
use crate::sparql::request::insert::Tables;
use crate::vocab::Property;
use spargebra::algebra::GraphPattern;

/// `pattern`, all or a part of `query`, with `tables` in place of its fragments, and its rows in the order of those
/// that are `ordered`.
pub(super) fn finish(
    query: &Extracted,
    pattern: GraphPattern,
    tables: &[Option<GraphPattern>],
    ordered: &[usize],
    run: &QueryRun<'_>,
) -> GraphPattern {
    let tables = Tables {
        of_fragment: tables,
        has_named_graphs: run.evaluator.has_named_graphs(),
    };
    let pattern = tables.insert(pattern);
    let pattern = run.evaluator.tables.without_repetitions(pattern);
    let pattern = match ordered.first() {
        Some(fragment) => Order {
            position: &query.position,
            score: query.fragments[*fragment].output_variable(Property::Score),
        }
        .apply(pattern),
        None => pattern,
    };
    optimizer::ease(pattern)
}

/// The fragments whose hits order the rows, if the query has one request: one outside UNIONs or, if it
/// has none, all.
pub(super) fn ordered_fragments(grouped: &Grouped) -> Vec<usize> {
    let [request] = &grouped.requests[..] else {
        return Vec::new();
    };
    let joined = || (request.fragments.iter().copied()).filter(|index| grouped.is_joined[*index]);
    match joined().find(|index| grouped.choices[*index].is_empty()) {
        Some(index) => vec![index],
        None => joined().collect(),
    }
}

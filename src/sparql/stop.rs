//! Stopping an evaluation, also where it does not look whether it should stop.
//!
//! oxigraph's evaluator looks at its cancellation token when it reads the store. What multiplies tables in
//! memory, below an aggregate or a sort, may run for hours without reading it. Such joins get a FILTER that
//! calls a function which looks at the token, and unwinds out of the evaluator when it is cancelled.

use super::algebra::{self, Binding, bound_variables};
use super::tables;
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, SparqlEvaluator};
use oxrdf::{Literal, NamedNode, Variable};
use spargebra::algebra::{Expression, Function, GraphPattern};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Stops the evaluation of a query, from any thread.
#[derive(Clone, Default)]
pub struct Cancellation(CancellationToken);

impl Cancellation {
    /// Stops the evaluation soon.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.0
    }
}

impl std::fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cancellation")
            .field(&self.is_cancelled())
            .finish()
    }
}

/// The function that looks at the token. No query can name it: `extract` refuses what is unknown.
const CHECK: &str = "https://service.swissartresearch.net/clip/hit/check";

/// What unwinds out of the evaluator.
struct Stopped;

/// Adds the function that [`watched`] calls.
pub(super) fn register(evaluator: SparqlEvaluator, token: CancellationToken) -> SparqlEvaluator {
    evaluator.with_custom_function(NamedNode::new_unchecked(CHECK), move |_| {
        if token.is_cancelled() {
            // Without the panic hook: nothing is wrong.
            resume_unwind(Box::new(Stopped));
        }
        Some(Literal::from(true).into())
    })
}

/// Runs a part of the evaluator.
pub(super) fn stoppable<T>(
    run: impl FnOnce() -> Result<T, QueryEvaluationError>,
) -> Result<T, QueryEvaluationError> {
    // What is caught in the middle of its work is never asked again.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        if panic.is::<Stopped>() {
            Err(QueryEvaluationError::Cancelled)
        } else {
            resume_unwind(panic)
        }
    })
}

/// The items of `inner`, up to and including an error.
pub(super) struct Stoppable<I> {
    inner: Option<I>,
}

impl<I> Stoppable<I> {
    pub(super) fn new(inner: I) -> Self {
        Self { inner: Some(inner) }
    }
}

impl<T, I: Iterator<Item = Result<T, QueryEvaluationError>>> Iterator for Stoppable<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = self.inner.as_mut()?;
        let item = stoppable(|| inner.next().transpose()).transpose();
        if matches!(item, None | Some(Err(_))) {
            self.inner = None;
        }
        item
    }
}

/// Joins of so many pairs of rows are watched: some tenths of a second of work.
const MANY_PAIRS: usize = 4_000_000;

/// `pattern` with a check in each join of large tables that does not read the store.
pub(super) fn watched(pattern: GraphPattern) -> GraphPattern {
    if !has_many_pairs(&pattern) {
        return pattern;
    }
    let Ok(pattern) =
        algebra::map_children(pattern, &mut |child| Ok::<_, Infallible>(watched(child)));
    let tests_many = match &pattern {
        GraphPattern::Filter { inner, .. } => {
            (algebra::exists_patterns(&pattern).into_iter()).any(|inside| are_many(inner, inside))
        }
        _ => false,
    };
    match pattern {
        GraphPattern::Join { left, right } if are_many(&left, &right) => {
            let variables = [any_of(&left, &right), any_of(&right, &left)];
            checked(GraphPattern::Join { left, right }, &variables)
        }
        GraphPattern::LeftJoin {
            left,
            right,
            expression,
        } if are_many(&left, &right) => {
            let variables = [any_of(&left, &right), any_of(&right, &left)];
            let pattern = GraphPattern::LeftJoin {
                left,
                right,
                expression,
            };
            checked(pattern, &variables)
        }
        // These have no more rows than their left side, but go through the right one for each.
        GraphPattern::Minus { left, right } if are_many(&left, &right) => GraphPattern::Minus {
            left: Box::new(checked(*left, &[])),
            right,
        },
        GraphPattern::Filter { expr, inner } if tests_many => GraphPattern::Filter {
            expr,
            inner: Box::new(checked(*inner, &[])),
        },
        other => other,
    }
}

fn has_many_pairs(pattern: &GraphPattern) -> bool {
    let mut n_rows: usize = 0;
    let mut n_tables = 0;
    algebra::visit(pattern, &mut |node| {
        if let Some(n) = tables::rows_of(node) {
            n_rows = n_rows.saturating_add(n);
            n_tables += 1;
        }
    });
    n_tables > 1 && n_rows.saturating_mul(n_rows) > MANY_PAIRS
}

fn are_many(left: &GraphPattern, right: &GraphPattern) -> bool {
    matches!((rows_in_memory(left), rows_in_memory(right)), (Some(left), Some(right)) if left.saturating_mul(right) > MANY_PAIRS)
}

/// At most how many rows `pattern` has, if it reads nothing but inline data.
fn rows_in_memory(pattern: &GraphPattern) -> Option<usize> {
    match pattern {
        GraphPattern::Values { .. } | GraphPattern::Service { .. } => tables::rows_of(pattern),
        GraphPattern::Bgp { patterns } if patterns.is_empty() => Some(1),
        GraphPattern::Join { left, right } | GraphPattern::LeftJoin { left, right, .. } => {
            Some(rows_in_memory(left)?.saturating_mul(rows_in_memory(right)?.max(1)))
        }
        GraphPattern::Union { left, right } => {
            Some(rows_in_memory(left)?.saturating_add(rows_in_memory(right)?))
        }
        GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::Extend { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Group { inner, .. }
        | GraphPattern::Slice { inner, .. } => rows_in_memory(inner),
        GraphPattern::Bgp { .. }
        | GraphPattern::Path { .. }
        | GraphPattern::Graph { .. }
        | GraphPattern::Lateral { .. } => None,
    }
}

/// A variable that `pattern` binds and `other`, if possible, does not: a FILTER that names one of either side
/// stays above their join.
fn any_of(pattern: &GraphPattern, other: &GraphPattern) -> Option<Variable> {
    let others = bound_variables(other, Binding::Possible);
    let own = bound_variables(pattern, Binding::Possible);
    let alone = own.iter().find(|variable| !others.contains(*variable));
    alone.or_else(|| own.iter().next()).cloned()
}

fn checked(pattern: GraphPattern, variables: &[Option<Variable>]) -> GraphPattern {
    let arguments = variables.iter().flatten().cloned().map(Expression::Bound);
    let check = Function::Custom(NamedNode::new_unchecked(CHECK));
    GraphPattern::Filter {
        expr: Expression::FunctionCall(check, arguments.collect()),
        inner: Box::new(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxigraph::sparql::QueryResults;
    use oxigraph::store::Store;
    use oxrdf::Term;
    use spargebra::Query;
    use std::time::Duration;

    fn table(name: &str, n: i64) -> GraphPattern {
        super::super::rewrite::hashed(
            vec![Variable::new_unchecked(name)],
            (0..n)
                .map(|i| vec![Some(Literal::from(i).into())])
                .collect(),
        )
    }

    /// A count of as many pairs as would take hours.
    fn count(pattern: GraphPattern) -> Query {
        let Query::Select {
            dataset, base_iri, ..
        } = spargebra::SparqlParser::new()
            .parse_query("SELECT * {}")
            .unwrap()
        else {
            unreachable!()
        };
        let n = Variable::new_unchecked("n");
        Query::Select {
            dataset,
            base_iri,
            pattern: GraphPattern::Group {
                inner: Box::new(pattern),
                variables: Vec::new(),
                aggregates: vec![(
                    n,
                    spargebra::algebra::AggregateExpression::CountSolutions { distinct: false },
                )],
            },
        }
    }

    #[test]
    fn a_count_of_pairs_is_stopped() {
        let join = |left, right| GraphPattern::Join {
            left: Box::new(left),
            right: Box::new(right),
        };
        let minus = |left, right| GraphPattern::Minus {
            left: Box::new(left),
            right: Box::new(right),
        };
        let union = GraphPattern::Union {
            left: Box::new(table("a", 300_000)),
            right: Box::new(table("b", 300_000)),
        };
        for pattern in [
            join(table("a", 300_000), table("b", 300_000)),
            minus(union, table("b", 300_000)),
        ] {
            let cancellation = Cancellation::default();
            let token = cancellation.token().clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                cancellation.cancel();
            });
            let evaluator = SparqlEvaluator::new().with_cancellation_token(token.clone());
            let results = stoppable(|| {
                register(evaluator, token)
                    .for_query(count(watched(pattern)))
                    .on_store(&Store::new().unwrap())
                    .execute()
            });
            let Ok(QueryResults::Solutions(solutions)) = results else {
                continue;
            };
            let rows: Vec<Result<_, _>> = Stoppable::new(solutions).collect();
            assert!(
                matches!(rows[..], [Err(QueryEvaluationError::Cancelled)]),
                "{rows:?}"
            );
        }
    }

    #[test]
    fn watching_changes_no_answer() {
        let pattern = GraphPattern::Join {
            left: Box::new(table("a", 3000)),
            right: Box::new(table("b", 2000)),
        };
        let watched = watched(pattern.clone());
        assert_ne!(watched, pattern);
        let results = register(SparqlEvaluator::new(), CancellationToken::new())
            .for_query(count(watched))
            .on_store(&Store::new().unwrap())
            .execute()
            .unwrap();
        let QueryResults::Solutions(mut solutions) = results else {
            panic!("a SELECT has solutions")
        };
        let expected: Term = Literal::from(6_000_000).into();
        assert_eq!(solutions.next().unwrap().unwrap().get("n"), Some(&expected));
    }
}

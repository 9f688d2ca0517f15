//! Stopping an evaluation, also where it does not look whether it should stop.
//!
//! oxigraph's evaluator looks at its cancellation token when it reads the store. What multiplies tables in
//! memory, below an aggregate or a sort, may run for hours without reading it. Such joins get a FILTER that
//! calls a function which looks at the token, and unwinds out of the evaluator when it is cancelled.

use super::stored_tables;
use crate::sparql::algebra::variables::{Binding, bound_variables};
use crate::sparql::algebra::{self, walk};
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, SparqlEvaluator};
use oxrdf::{Literal, NamedNode, Variable};
use spargebra::algebra::{Expression, Function, GraphPattern};
use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The function that looks at the token. No query can name it: `request` refuses what is unknown.
const CHECK: &str = "https://service.swissartresearch.net/clip/hit/check";

/// What unwinds out of the evaluator.
struct Stopped;

/// Adds the function that [`watched`] calls.
pub(in crate::sparql) fn register(
    evaluator: SparqlEvaluator,
    token: CancellationToken,
) -> SparqlEvaluator {
    evaluator.with_custom_function(NamedNode::new_unchecked(CHECK), move |_| {
        if token.is_cancelled() {
            // Without the panic hook: nothing is wrong.
            resume_unwind(Box::new(Stopped));
        }
        Some(Literal::from(true).into())
    })
}

/// Runs a part of the evaluator.
pub(in crate::sparql) fn stoppable<T>(
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
pub(in crate::sparql) struct Stoppable<I> {
    inner: Option<I>,
}

impl<I> Stoppable<I> {
    pub(in crate::sparql) fn new(inner: I) -> Self {
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

/// Where so many rows may come from tables alone, they are watched: some tenths of a second of work.
const MANY_ROWS: usize = 4_000_000;

/// `pattern` with checks where tables are multiplied, if there may be many rows.
///
/// Each check is a FILTER that names variables of both sides of a join, so that the optimizer moves it down
/// to the lowest join that has both, and no further. It stands above all of a group's joins, because the
/// optimizer does not change their order across a FILTER.
pub(in crate::sparql) fn watched(pattern: GraphPattern) -> GraphPattern {
    if !has_many_rows(&pattern) {
        return pattern;
    }
    if let GraphPattern::Join { .. } = pattern {
        let mut parts = Vec::new();
        algebra::flatten(pattern, &mut parts);
        let mut parts: Vec<GraphPattern> = parts.into_iter().map(watched).collect();
        let checks = checks_of(&mut parts);
        return filtered(algebra::join_all(parts), checks);
    }
    let is_test = tests_many(&pattern);
    let Ok(pattern) = walk::map_children(pattern, &mut |child| Ok::<_, Infallible>(watched(child)));
    match pattern {
        GraphPattern::LeftJoin {
            ref left,
            ref right,
            ..
        }
        | GraphPattern::Lateral {
            ref left,
            ref right,
        } => {
            let check = check_of_pair(left, right);
            filtered(pattern, check.into_iter().collect())
        }
        // These have no more rows than their left side, but go through the right one for each.
        GraphPattern::Minus { left, right } if is_test => GraphPattern::Minus {
            left: Box::new(checked(*left)),
            right,
        },
        GraphPattern::Filter { expr, inner } if is_test => GraphPattern::Filter {
            expr,
            inner: Box::new(checked(*inner)),
        },
        other => other,
    }
}

fn has_many_rows(pattern: &GraphPattern) -> bool {
    rows_in_memory(pattern) > MANY_ROWS || walk::any(pattern, &tests_many)
}

/// Whether the node itself is a MINUS or EXISTS that goes through many rows of tables.
fn tests_many(node: &GraphPattern) -> bool {
    let (left, rights) = match node {
        GraphPattern::Minus { left, right } => (left, vec![right.as_ref()]),
        GraphPattern::Filter { inner, .. } => (inner, walk::exists_patterns(node)),
        _ => return false,
    };
    (rights.into_iter())
        .any(|right| rows_in_memory(left).saturating_mul(rows_in_memory(right)) > MANY_ROWS)
}

/// At most how many rows the tables in `pattern` make together; what is read from the store counts as one.
fn rows_in_memory(pattern: &GraphPattern) -> usize {
    match pattern {
        GraphPattern::Values { .. } | GraphPattern::Service { .. } => {
            stored_tables::rows_of(pattern).unwrap_or(1)
        }
        GraphPattern::Bgp { .. } | GraphPattern::Path { .. } => 1,
        GraphPattern::Join { left, right }
        | GraphPattern::Lateral { left, right }
        | GraphPattern::LeftJoin { left, right, .. } => {
            rows_in_memory(left).saturating_mul(rows_in_memory(right).max(1))
        }
        GraphPattern::Union { left, right } => {
            rows_in_memory(left).saturating_add(rows_in_memory(right))
        }
        GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::Graph { inner, .. }
        | GraphPattern::Extend { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Group { inner, .. }
        | GraphPattern::Slice { inner, .. } => rows_in_memory(inner),
    }
}

/// Checks for what is joined in any order: one for each two of the tables.
///
/// They name variables that no other part has, or the optimizer would move them below the joins. A table
/// without such a variable gets one.
fn checks_of(parts: &mut [GraphPattern]) -> Vec<Expression> {
    let n_rows: Vec<usize> = parts.iter().map(rows_in_memory).collect();
    let n_all = n_rows.iter().copied().fold(1, usize::saturating_mul);
    if n_all <= MANY_ROWS {
        return Vec::new();
    }
    let mut n_parts_with: HashMap<Variable, usize> = HashMap::new();
    for variable in parts.iter().flat_map(variables_of) {
        *n_parts_with.entry(variable).or_default() += 1;
    }
    let mut own: Vec<Variable> = Vec::new();
    for (part, _) in parts.iter_mut().zip(n_rows).filter(|(_, n)| *n > 1) {
        let of_part = variables_of(part);
        let found = of_part
            .into_iter()
            .find(|variable| n_parts_with[variable] == 1);
        own.push(found.unwrap_or_else(|| {
            let variable = Variable::new_unchecked(format!("{OWN}{}", own.len()));
            *part = GraphPattern::Extend {
                inner: Box::new(std::mem::replace(part, algebra::unit())),
                variable: variable.clone(),
                expression: Literal::from(true).into(),
            };
            variable
        }));
    }
    let pairs = (own.iter().enumerate())
        .flat_map(|(index, one)| own[index + 1..].iter().map(move |other| (one, other)));
    pairs
        .map(|(one, other)| check(&[one.clone(), other.clone()]))
        .collect()
}

/// Beginning of the variables that tables get: no query can have it, for the space in it.
const OWN: &str = "own column ";

fn check_of_pair(left: &GraphPattern, right: &GraphPattern) -> Option<Expression> {
    let (of_left, of_right) = (variables_of(left), variables_of(right));
    let alone = |own: &[Variable], others: &[Variable]| {
        let variable = own.iter().find(|variable| !others.contains(variable));
        variable.or(own.first()).cloned()
    };
    let variables: Vec<Variable> = [alone(&of_left, &of_right), alone(&of_right, &of_left)]
        .into_iter()
        .flatten()
        .collect();
    (!variables.is_empty()).then(|| check(&variables))
}

/// `pattern` with a check for each of its rows.
fn checked(pattern: GraphPattern) -> GraphPattern {
    let check = check(&variables_of(&pattern));
    filtered(pattern, vec![check])
}

fn variables_of(pattern: &GraphPattern) -> Vec<Variable> {
    let mut variables: Vec<Variable> = bound_variables(pattern, Binding::Possible)
        .into_iter()
        .collect();
    variables.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    variables
}

/// A call of the function that needs all `variables`, is cheap and cannot fail: terms are compared as the
/// store numbers them.
fn check(variables: &[Variable]) -> Expression {
    let check = NamedNode::new_unchecked(CHECK);
    let variable = |variable: &Variable| Box::new(Expression::Variable(variable.clone()));
    let same = match variables {
        [] => None,
        [only] => {
            let other = Box::new(Expression::NamedNode(check.clone()));
            Some(Expression::SameTerm(variable(only), other))
        }
        several => (several.windows(2))
            .map(|pair| Expression::SameTerm(variable(&pair[0]), variable(&pair[1])))
            .reduce(|all, one| Expression::Or(Box::new(all), Box::new(one))),
    };
    let arguments = same.map(|same| Expression::Coalesce(vec![same, Literal::from(true).into()]));
    Expression::FunctionCall(Function::Custom(check), arguments.into_iter().collect())
}

fn filtered(pattern: GraphPattern, checks: Vec<Expression>) -> GraphPattern {
    match checks
        .into_iter()
        .reduce(|all, one| Expression::And(Box::new(all), Box::new(one)))
    {
        None => pattern,
        Some(expr) => GraphPattern::Filter {
            expr,
            inner: Box::new(pattern),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparql::algebra::query::pattern_of;
    use crate::sparql::evaluate::optimizer::hashed;
    use crate::sparql::limits::cancellation::Cancellation;
    use oxigraph::sparql::QueryResults;
    use oxigraph::store::Store;
    use oxrdf::Term;
    use spargebra::{Query, SparqlParser};
    use std::time::Duration;

    fn table(name: &str, n: i64) -> GraphPattern {
        hashed(
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
        } = SparqlParser::new().parse_query("SELECT * {}").unwrap()
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

    /// Evaluates `query` on a store with one triple while somebody cancels it.
    fn stopped(query: Query) -> bool {
        let cancellation = Cancellation::default();
        let token = cancellation.token().clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            cancellation.cancel();
        });
        let store = Store::new().unwrap();
        store
            .load_from_slice(oxigraph::io::RdfFormat::Turtle, "<a:a> <a:p> 1 .")
            .unwrap();
        let evaluator = SparqlEvaluator::new().with_cancellation_token(token.clone());
        let results = stoppable(|| {
            register(evaluator, token)
                .for_query(query)
                .on_store(&store)
                .execute()
        });
        match results {
            Ok(QueryResults::Solutions(solutions)) => {
                let rows: Vec<Result<_, _>> = Stoppable::new(solutions).collect();
                matches!(rows[..], [Err(QueryEvaluationError::Cancelled)])
            }
            Ok(_) => false,
            Err(error) => matches!(error, QueryEvaluationError::Cancelled),
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
        let triple = || {
            let query = SparqlParser::new()
                .parse_query("SELECT * { ?s ?p ?o }")
                .unwrap();
            pattern_of(&query).clone()
        };
        let small = |name: &str| table(name, 3000);
        let lateral = GraphPattern::Lateral {
            left: Box::new(table("a", 300_000)),
            right: Box::new(table("b", 300_000)),
        };
        for pattern in [
            join(table("a", 300_000), table("b", 300_000)),
            join(join(table("a", 300_000), triple()), table("b", 300_000)),
            join(
                triple(),
                join(join(small("a"), small("b")), join(small("c"), small("d"))),
            ),
            minus(union, table("b", 300_000)),
            minus(
                join(triple(), join(small("a"), small("b"))),
                table("c", 300_000),
            ),
            lateral,
        ] {
            let shown = format!("{:.300}", pattern.to_string());
            assert!(stopped(count(watched(pattern))), "{shown}");
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

//! What binds the variables of a request: the patterns that are joined with a place in the query,
//! weakened to what is known without the requests that are still open.
//!
//! The answers here are *supersets*: every value that a variable has in a solution is among them. The
//! join with the relation makes the result exact again; what is too much costs time only.

use super::algebra::{self, Binding, bound_variables, join, join_all, unit};
use super::extract::{Extracted, has_placeholder, placeholder_index};
use super::plan::Request;
use super::rewrite::{Tables, insert_tables};
use super::tables;
use crate::vocab::Role;
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::collections::HashSet;

/// A query some of whose requests are known.
pub(super) struct Context<'a> {
    pub query: &'a Extracted,
    /// For each fragment its table, once its request has been searched.
    pub tables: &'a [Option<GraphPattern>],
    /// Tables of more rows count as not known yet.
    pub most_rows: usize,
}

impl Context<'_> {
    /// A pattern that binds those of the `wanted` variables which the surroundings of `fragment` bind;
    /// placeholders stand for the tables in it.
    pub(super) fn binding(&self, fragment: usize, wanted: &HashSet<Variable>) -> GraphPattern {
        let apart = self.binding_apart(fragment, wanted);
        let is_bound =
            |pattern: &GraphPattern| wanted.is_subset(&bound_variables(pattern, Binding::Possible));
        if is_bound(&apart) {
            return apart;
        }
        let together = self.binding_together(fragment, wanted);
        if is_bound(&together) { together } else { apart }
    }

    /// [`Self::binding`] without what is computed from the values that a LATERAL or EXISTS is evaluated with.
    fn binding_apart(&self, fragment: usize, wanted: &HashSet<Variable>) -> GraphPattern {
        let mut surroundings = Surroundings {
            wanted,
            enough: Binding::Certain,
            parts: Vec::new(),
        };
        for (step, around) in self.way_up_with_values(fragment) {
            if let Step::Beside(pattern) | Step::Before(pattern) | Step::Around(pattern) = step
                && !surroundings.are_enough()
            {
                surroundings.add(self.weaken(pattern, &around, &mut HashSet::new()));
            }
            match step {
                Step::Beside(_) => {}
                Step::Before(_) | Step::Around(_) => surroundings.enough = Binding::Possible,
                Step::Through(node) => surroundings.pass(node),
            }
        }
        surroundings.connected()
    }

    /// [`Self::binding`] with what is computed from such values, once for each set of them.
    fn binding_together(&self, fragment: usize, wanted: &HashSet<Variable>) -> GraphPattern {
        let mut unknown = HashSet::new();
        let mut weaker = Vec::new();
        for step in self.way_up(fragment).into_iter().rev() {
            let around = unknown.clone();
            let pattern = match step {
                Step::Beside(pattern) | Step::Before(pattern) => {
                    self.weaken(pattern, &around, &mut HashSet::new())
                }
                Step::Around(pattern) => self.weaken(pattern, &around, &mut unknown),
                Step::Through(_) => unit(),
            };
            weaker.push((step, pattern));
        }
        let surroundings = || Surroundings {
            wanted,
            enough: Binding::Certain,
            parts: Vec::new(),
        };
        let mut inside = surroundings();
        for (step, pattern) in weaker.into_iter().rev() {
            match step {
                Step::Beside(_) | Step::Before(_) => inside.add(pattern),
                Step::Around(_) => {
                    let mut outside = surroundings();
                    outside.add(match inside.connected() {
                        right if algebra::is_unit(&right) => pattern,
                        right => GraphPattern::Lateral {
                            left: Box::new(pattern),
                            right: Box::new(right),
                        },
                    });
                    inside = outside;
                }
                Step::Through(node) => inside.pass(node),
            }
        }
        inside.connected()
    }

    /// `pattern` with tables in the place of their placeholders, as they are inserted in the query.
    pub(super) fn fill(&self, pattern: GraphPattern, has_named_graphs: bool) -> GraphPattern {
        let mut stands = HashSet::new();
        algebra::visit(&pattern, &mut |node| stands.extend(placeholder_index(node)));
        let table = |index: usize| {
            let table = self.tables[index].as_ref();
            table.filter(|_| stands.contains(&index)).cloned()
        };
        let of_fragment: Vec<Option<GraphPattern>> = (0..self.tables.len())
            .map(|index| table(index).or_else(|| Some(unit())))
            .collect();
        let tables = Tables {
            of_fragment: &of_fragment,
            has_named_graphs,
        };
        insert_tables(pattern, &tables, None)
    }

    /// Whether the rows of `fragment` are joined with the rest of the query as they are: nothing on the way
    /// up is done only without them, in their number or their order.
    pub(super) fn is_plainly_joined(&self, fragment: usize) -> bool {
        use GraphPattern as P;
        self.way_up(fragment).iter().all(|step| match step {
            Step::Beside(_) => true,
            Step::Before(_) | Step::Around(_) => false,
            Step::Through(node) => matches!(
                node,
                P::Filter { .. }
                    | P::Extend { .. }
                    | P::Graph { .. }
                    | P::Project { .. }
                    | P::Distinct { .. }
                    | P::Reduced { .. }
                    | P::OrderBy { .. }
            ),
        })
    }

    /// The terms that inline data around `fragment` restricts `variable` to: VALUES without UNDEF, or
    /// a FILTER that names constants. `None` if there is no such restriction.
    pub(super) fn named_constants(
        &self,
        fragment: usize,
        variable: &Variable,
    ) -> Option<HashSet<GroundTerm>> {
        let mut found = Vec::new();
        for step in self.way_up(fragment) {
            match step {
                Step::Beside(pattern) => inline_columns(pattern, variable, &mut found),
                // Further out a restriction is one on the rows that are left when no hit matches, too.
                Step::Before(pattern) | Step::Around(pattern) => {
                    inline_columns(pattern, variable, &mut found);
                    break;
                }
                Step::Through(GraphPattern::Filter { expr, .. }) => {
                    found.extend(algebra::constants_of(expr, variable).map(HashSet::from_iter));
                }
                // Fewer images below would change which rows are kept or counted.
                Step::Through(GraphPattern::Slice { .. } | GraphPattern::Group { .. }) => break,
                Step::Through(_) => {}
            }
        }
        found.into_iter().min_by_key(HashSet::len)
    }

    /// A pattern whose solutions bind `variable` to every image that `fragment` can have in a solution of
    /// the query; placeholders stand for the tables in it. `None` if nothing restricts it.
    pub(super) fn restricting(&self, fragment: usize, variable: &Variable) -> Option<GraphPattern> {
        let wanted = HashSet::from([variable.clone()]);
        let mut surroundings = Surroundings {
            wanted: &wanted,
            enough: Binding::Certain,
            parts: Vec::new(),
        };
        let mut is_open = true;
        for (step, around) in self.way_up_with_values(fragment) {
            match step {
                // What was found inside a GRAPH is read from there, however far out that is.
                Step::Through(node @ GraphPattern::Graph { .. }) => surroundings.pass(node),
                _ if !is_open => {}
                Step::Beside(pattern) => {
                    surroundings.add(self.weaken(pattern, &around, &mut HashSet::new()));
                }
                Step::Before(pattern) | Step::Around(pattern) => {
                    surroundings.add(self.weaken(pattern, &around, &mut HashSet::new()));
                    is_open = false;
                }
                Step::Through(GraphPattern::Slice { .. } | GraphPattern::Group { .. }) => {
                    is_open = false;
                }
                Step::Through(node) => surroundings.pass(node),
            }
        }
        let pattern = surroundings.connected();
        bound_variables(&pattern, Binding::Certain)
            .contains(variable)
            .then_some(pattern)
    }

    /// The lowest value of `score` that the FILTERs around `fragment` let through, if they compare it
    /// with a number. A little less, for the sake of rounding: the FILTER itself stays.
    pub(super) fn score_floor(&self, fragment: usize, score: &Variable) -> Option<f64> {
        let mut floor = None;
        for step in self.way_up(fragment) {
            match step {
                Step::Before(_)
                | Step::Around(_)
                | Step::Through(GraphPattern::Slice { .. } | GraphPattern::Group { .. }) => break,
                Step::Through(GraphPattern::Filter { expr, .. }) => {
                    let least = algebra::lower_bound(expr, score).map(|n| n - ROUNDING);
                    floor = least.into_iter().chain(floor).reduce(f64::max);
                }
                Step::Beside(_) | Step::Through(_) => {}
            }
        }
        floor
    }

    /// Whether a request in `pattern` is still open.
    fn has_unknown(&self, pattern: &GraphPattern) -> bool {
        let mut found = false;
        algebra::visit(pattern, &mut |node| {
            found |= placeholder_index(node).is_some_and(|index| !self.is_known(index));
        });
        found
    }

    /// Whether a request that is still open, other than `request`, gives `variable` as an output.
    pub(super) fn is_open_output(&self, variable: &Variable, request: &Request) -> bool {
        let others = (self.query.fragments.iter().enumerate()).filter(|(index, _)| {
            self.tables[*index].is_none() && !request.fragments.contains(index)
        });
        (others.flat_map(|(_, fragment)| &fragment.columns)).any(|(property, object)| {
            property.role() == Role::Output && algebra::variable_of(object) == Some(variable)
        })
    }

    /// Whether the table of a fragment is there to be joined with.
    fn is_known(&self, fragment: usize) -> bool {
        let n_rows = |table: &GraphPattern| {
            let mut n = 0;
            algebra::visit(table, &mut |node| {
                n += tables::rows_of(node).unwrap_or(0);
            });
            n
        };
        (self.tables[fragment].as_ref()).is_some_and(|table| n_rows(table) <= self.most_rows)
    }

    /// What is passed on the way from `fragment` to the root of the query.
    fn way_up(&self, fragment: usize) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        ascend(&self.query.pattern, fragment, &mut steps);
        steps
    }

    /// As [`Self::way_up`], with the variables whose values a step is evaluated with.
    fn way_up_with_values(&self, fragment: usize) -> Vec<(Step<'_>, HashSet<Variable>)> {
        let mut steps = Vec::new();
        let mut around = HashSet::new();
        for step in self.way_up(fragment).into_iter().rev() {
            let bound = match step {
                Step::Around(pattern) => bound_variables(pattern, Binding::Possible),
                _ => HashSet::new(),
            };
            steps.push((step, around.clone()));
            around.extend(bound);
        }
        steps.reverse();
        steps
    }

    /// `pattern` without the requests that are still open, and so that it has all its solutions whatever
    /// values the variables `around` it have. `lost` collects the variables that may now be unbound where
    /// they were bound, or bound to more.
    pub(super) fn weaken(
        &self,
        pattern: &GraphPattern,
        around: &HashSet<Variable>,
        lost: &mut HashSet<Variable>,
    ) -> GraphPattern {
        use GraphPattern as P;
        if let Some(index) = placeholder_index(pattern) {
            if self.is_known(index) {
                return pattern.clone();
            }
            lost.extend(self.query.fragments[index].variables().cloned());
            return unit();
        }
        // What is known as a whole stays so, its groups and limits included.
        let reads_values =
            || !around.is_empty() && !algebra::all_variables(pattern).is_disjoint(around);
        if !self.has_unknown(pattern) && !reads_values() {
            return pattern.clone();
        }
        // Whether the EXISTS of the node hold a request: such a test is left out.
        let tests_request = algebra::exists_patterns(pattern)
            .into_iter()
            .any(has_placeholder);
        let is_lost = |expression, lost: &HashSet<Variable>| {
            let read = algebra::expression_variables(expression);
            tests_request || !read.is_disjoint(lost) || !read.is_disjoint(around)
        };
        match pattern {
            P::Join { left, right } => join(
                self.weaken(left, around, lost),
                self.weaken(right, around, lost),
            ),
            P::Lateral { left, right } => {
                let left = self.weaken(left, around, lost);
                let reads_values = !algebra::all_variables(right).is_disjoint(around);
                if !lost.is_empty() || reads_values || has_placeholder(right) {
                    lost.extend(bound_variables(right, Binding::Possible));
                    return left;
                }
                P::Lateral {
                    left: Box::new(left),
                    right: right.clone(),
                }
            }
            P::LeftJoin {
                left,
                right,
                expression,
            } => {
                let left = self.weaken(left, around, lost);
                let mut lost_right = HashSet::new();
                let weak_right = self.weaken(right, around, &mut lost_right);
                let drops_test = expression
                    .as_ref()
                    .is_some_and(|e| is_lost(e, lost) || is_lost(e, &lost_right));
                let bound_right = bound_variables(right, Binding::Possible);
                let is_same = lost_right.is_empty()
                    && !drops_test
                    && lost.is_disjoint(&bound_right)
                    && around.is_disjoint(&bound_right);
                if is_same {
                    return P::LeftJoin {
                        left: Box::new(left),
                        right: Box::new(weak_right),
                        expression: expression.clone(),
                    };
                }
                // What stood alone may now meet a row of the right side: it may do either.
                lost.extend(bound_right);
                lost.extend(lost_right);
                let either = P::Union {
                    left: Box::new(weak_right),
                    right: Box::new(unit()),
                };
                join(left, either)
            }
            P::Filter { expr, inner } => {
                let inner = self.weaken(inner, around, lost);
                if is_lost(expr, lost) {
                    inner
                } else {
                    P::Filter {
                        expr: expr.clone(),
                        inner: Box::new(inner),
                    }
                }
            }
            P::Union { left, right } => P::Union {
                left: Box::new(self.weaken(left, around, lost)),
                right: Box::new(self.weaken(right, around, lost)),
            },
            P::Graph { name, inner } => {
                let inner = self.weaken(inner, around, lost);
                if algebra::is_unit(&inner) {
                    return unit();
                }
                P::Graph {
                    name: name.clone(),
                    inner: Box::new(inner),
                }
            }
            P::Extend {
                inner,
                variable,
                expression,
            } => {
                let inner = self.weaken(inner, around, lost);
                if is_lost(expression, lost) {
                    lost.insert(variable.clone());
                    inner
                } else {
                    P::Extend {
                        inner: Box::new(inner),
                        variable: variable.clone(),
                        expression: expression.clone(),
                    }
                }
            }
            // What is taken away can only be kept: the superset stands.
            P::Minus { left, .. } => self.weaken(left, around, lost),
            P::OrderBy { inner, .. } | P::Slice { inner, .. } => self.weaken(inner, around, lost),
            P::Distinct { inner } | P::Reduced { inner } => P::Distinct {
                inner: Box::new(self.weaken(inner, around, lost)),
            },
            P::Project { inner, variables } => P::Project {
                inner: Box::new(self.weaken(inner, around, lost)),
                variables: variables.clone(),
            },
            P::Group {
                inner,
                variables,
                aggregates,
            } => {
                lost.extend(aggregates.iter().map(|(variable, _)| variable.clone()));
                P::Distinct {
                    inner: Box::new(P::Project {
                        inner: Box::new(self.weaken(inner, around, lost)),
                        variables: variables.clone(),
                    }),
                }
            }
            P::Bgp { .. } | P::Path { .. } | P::Values { .. } | P::Service { .. } => {
                pattern.clone()
            }
        }
    }
}

/// Scores are single-precision numbers in [-1, 1]: no comparison with one is off by more.
const ROUNDING: f64 = 1e-6;

/// A step on the way from a fragment to the root of the query.
enum Step<'a> {
    /// A pattern that is joined with what is below.
    Beside(&'a GraphPattern),
    /// The left side of an OPTIONAL or MINUS whose right side is below. What is below and meets none of its
    /// rows changes nothing.
    Before(&'a GraphPattern),
    /// The group that an EXISTS below tests, or the left side of a LATERAL: as [`Self::Before`], and what is
    /// below is evaluated with its values.
    Around(&'a GraphPattern),
    /// A node with what is below as its child.
    Through(&'a GraphPattern),
}

/// Whether `fragment` is below `pattern`; the steps from there up are added to `steps`.
fn ascend<'a>(pattern: &'a GraphPattern, fragment: usize, steps: &mut Vec<Step<'a>>) -> bool {
    if let Some(index) = placeholder_index(pattern) {
        return index == fragment;
    }
    let step = match pattern {
        GraphPattern::Join { left, right } => {
            if ascend(left, fragment, steps) {
                Step::Beside(right)
            } else if ascend(right, fragment, steps) {
                Step::Beside(left)
            } else {
                return false;
            }
        }
        GraphPattern::LeftJoin { left, right, .. }
        | GraphPattern::Minus { left, right }
        | GraphPattern::Lateral { left, right } => {
            if ascend(left, fragment, steps) {
                return true;
            }
            if ascend(right, fragment, steps) {
                steps.push(match pattern {
                    GraphPattern::Lateral { .. } => Step::Around(left),
                    _ => Step::Before(left),
                });
                return true;
            }
            return is_in_exists(pattern, fragment, steps);
        }
        _ => {
            if algebra::children(pattern)
                .into_iter()
                .any(|child| ascend(child, fragment, steps))
            {
                Step::Through(pattern)
            } else {
                return is_in_exists(pattern, fragment, steps);
            }
        }
    };
    steps.push(step);
    true
}

/// Whether `fragment` is in an EXISTS of the node itself.
fn is_in_exists<'a>(pattern: &'a GraphPattern, fragment: usize, steps: &mut Vec<Step<'a>>) -> bool {
    let is_inside = algebra::exists_patterns(pattern)
        .into_iter()
        .any(|inside| ascend(inside, fragment, steps));
    if is_inside {
        steps.extend(algebra::children(pattern).into_iter().map(Step::Around));
    }
    is_inside
}

/// What binds the variables that are wanted, from the inside out.
struct Surroundings<'a> {
    wanted: &'a HashSet<Variable>,
    /// How the wanted variables must be bound for patterns further out not to be needed. Across an
    /// OPTIONAL, MINUS, EXISTS, LIMIT or aggregate those do more than bind: rows that they exclude
    /// still count inside.
    enough: Binding,
    parts: Vec<GraphPattern>,
}

impl Surroundings<'_> {
    fn add(&mut self, part: GraphPattern) {
        if !algebra::is_unit(&part) {
            self.parts.push(part);
        }
    }

    fn are_enough(&self) -> bool {
        let mut bound = HashSet::new();
        for part in &self.parts {
            bound.extend(bound_variables(part, self.enough));
        }
        self.wanted.is_subset(&bound)
    }

    /// Leaves a node with one child on the way up.
    fn pass(&mut self, node: &GraphPattern) {
        match node {
            GraphPattern::Filter { expr, .. } if !self.are_enough() => {
                for variable in self.wanted {
                    if let Some(constants) = algebra::constants_of(expr, variable) {
                        self.add(algebra::values(variable.clone(), constants));
                    }
                }
            }
            GraphPattern::Graph { name, .. } if !self.parts.is_empty() => {
                // The parts were written inside GRAPH and read that graph.
                let inner = join_all(std::mem::take(&mut self.parts));
                self.parts.push(GraphPattern::Graph {
                    name: name.clone(),
                    inner: Box::new(inner),
                });
            }
            GraphPattern::Slice { .. } | GraphPattern::Group { .. } => {
                self.enough = Binding::Possible;
            }
            _ => {}
        }
    }

    /// The join of the parts that share variables with the wanted ones, directly or through others. A
    /// part that shares nothing would only multiply the rows.
    fn connected(self) -> GraphPattern {
        let mut parts = Vec::new();
        for part in self.parts {
            algebra::flatten(part, &mut parts);
        }
        let mut reached = self.wanted.clone();
        let mut chosen = Vec::new();
        loop {
            let (connected, rest): (Vec<_>, Vec<_>) = parts
                .into_iter()
                .partition(|part| !bound_variables(part, Binding::Possible).is_disjoint(&reached));
            if connected.is_empty() {
                return join_all(chosen);
            }
            for part in &connected {
                reached.extend(bound_variables(part, Binding::Possible));
            }
            chosen.extend(connected);
            parts = rest;
        }
    }
}

/// Adds the terms of each column for `variable` in inline data that every row of `pattern` comes with, if
/// the column has no gaps.
fn inline_columns(
    pattern: &GraphPattern,
    variable: &Variable,
    found: &mut Vec<HashSet<GroundTerm>>,
) {
    match pattern {
        GraphPattern::Values {
            variables,
            bindings,
        } => {
            if let Some(column) = variables.iter().position(|v| v == variable) {
                let terms = bindings.iter().map(|row| row[column].clone());
                found.extend(terms.collect::<Option<HashSet<_>>>());
            }
        }
        GraphPattern::Join { left, right } => {
            inline_columns(left, variable, found);
            inline_columns(right, variable, found);
        }
        GraphPattern::LeftJoin { left: inner, .. }
        | GraphPattern::Minus { left: inner, .. }
        | GraphPattern::Filter { inner, .. }
        | GraphPattern::Graph { inner, .. } => inline_columns(inner, variable, found),
        _ => {}
    }
}

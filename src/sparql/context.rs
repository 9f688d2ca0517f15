//! What binds the variables of a request: the patterns that are joined with a place in the query,
//! weakened to what is known without the requests that are still open.
//!
//! The answers here are *supersets*: every value that a variable has in a solution is among them. The
//! join with the relation makes the result exact again; what is too much costs time only.

use super::algebra::{self, Binding, bound_variables, join, join_all, unit};
use super::extract::{Extracted, has_placeholder, placeholder_index};
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::collections::HashSet;

/// A query some of whose requests are known.
pub(super) struct Context<'a> {
    pub query: &'a Extracted,
    /// For each fragment its table, once its request has been searched.
    pub tables: &'a [Option<GraphPattern>],
}

impl Context<'_> {
    /// A pattern that binds those of the `wanted` variables which the surroundings of `fragment` bind.
    pub(super) fn binding(&self, fragment: usize, wanted: &HashSet<Variable>) -> GraphPattern {
        let mut ascent = Ascent {
            wanted,
            until_bound: true,
            is_closed: false,
            parts: Vec::new(),
        };
        self.ascend(&self.query.pattern, fragment, &mut ascent);
        ascent.connected()
    }

    /// The images that inline data around `fragment` restricts `variable` to: VALUES without UNDEF, or
    /// a FILTER that names constants. `None` if there is no such restriction.
    pub(super) fn named_constants(
        &self,
        fragment: usize,
        variable: &Variable,
    ) -> Option<HashSet<NamedNode>> {
        let wanted = HashSet::from([variable.clone()]);
        let mut ascent = Ascent {
            wanted: &wanted,
            until_bound: false,
            is_closed: false,
            parts: Vec::new(),
        };
        self.ascend(&self.query.pattern, fragment, &mut ascent);
        let mut parts = Vec::new();
        for part in ascent.parts {
            flatten(part, &mut parts);
        }
        parts
            .iter()
            .filter_map(|part| inline_column(part, variable))
            .min_by_key(HashSet::len)
    }

    /// Whether `fragment` is below `pattern`; on the way up its joined surroundings are collected.
    fn ascend(&self, pattern: &GraphPattern, fragment: usize, ascent: &mut Ascent<'_>) -> bool {
        if let Some(index) = placeholder_index(pattern) {
            return index == fragment;
        }
        // Patterns whose solutions are joined with, left-joined to or tested against what is below.
        let beside: Option<&GraphPattern> = match pattern {
            GraphPattern::Join { left, right } => {
                if self.ascend(left, fragment, ascent) {
                    Some(right)
                } else if self.ascend(right, fragment, ascent) {
                    Some(left)
                } else {
                    return false;
                }
            }
            GraphPattern::LeftJoin { left, right, .. }
            | GraphPattern::Minus { left, right }
            | GraphPattern::Lateral { left, right } => {
                if self.ascend(left, fragment, ascent) {
                    return true;
                }
                // A row on the right that no row on the left can meet changes nothing.
                self.ascend(right, fragment, ascent).then_some(&**left)
            }
            _ => {
                for child in algebra::children(pattern) {
                    if self.ascend(child, fragment, ascent) {
                        ascent.pass(pattern);
                        return true;
                    }
                }
                None
            }
        };
        if let Some(beside) = beside {
            ascent.add(self.weaken(beside, &mut HashSet::new()));
            return true;
        }
        for inside in algebra::exists_patterns(pattern) {
            if self.ascend(inside, fragment, ascent) {
                for child in algebra::children(pattern) {
                    ascent.add(self.weaken(child, &mut HashSet::new()));
                }
                return true;
            }
        }
        false
    }

    /// `pattern` without the requests that are still open. `lost` collects the variables that may now
    /// be unbound where they were bound, or bound to more.
    fn weaken(&self, pattern: &GraphPattern, lost: &mut HashSet<Variable>) -> GraphPattern {
        use GraphPattern as P;
        if let Some(index) = placeholder_index(pattern) {
            return self.tables[index].clone().unwrap_or_else(|| {
                lost.extend(self.query.fragments[index].variables().cloned());
                unit()
            });
        }
        if !has_placeholder(pattern) {
            return pattern.clone();
        }
        // Whether the EXISTS of the node hold a request: such a test is left out.
        let tests_request = algebra::exists_patterns(pattern)
            .into_iter()
            .any(has_placeholder);
        let is_lost = |expression, lost: &HashSet<Variable>| {
            tests_request || !algebra::expression_variables(expression).is_disjoint(lost)
        };
        match pattern {
            P::Join { left, right } => join(self.weaken(left, lost), self.weaken(right, lost)),
            P::Lateral { left, right } => {
                let left = self.weaken(left, lost);
                if !lost.is_empty() || has_placeholder(right) {
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
                let left = self.weaken(left, lost);
                let mut lost_right = HashSet::new();
                let weak_right = self.weaken(right, &mut lost_right);
                let drops_test = expression
                    .as_ref()
                    .is_some_and(|e| is_lost(e, lost) || is_lost(e, &lost_right));
                if !lost_right.is_empty() || drops_test {
                    lost.extend(bound_variables(right, Binding::Possible));
                    lost.extend(lost_right);
                }
                P::LeftJoin {
                    left: Box::new(left),
                    right: Box::new(weak_right),
                    expression: expression.clone().filter(|_| !drops_test),
                }
            }
            P::Filter { expr, inner } => {
                let inner = self.weaken(inner, lost);
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
                left: Box::new(self.weaken(left, lost)),
                right: Box::new(self.weaken(right, lost)),
            },
            P::Graph { name, inner } => {
                let inner = self.weaken(inner, lost);
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
                let inner = self.weaken(inner, lost);
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
            P::Minus { left, .. } => self.weaken(left, lost),
            P::OrderBy { inner, .. } | P::Slice { inner, .. } => self.weaken(inner, lost),
            P::Distinct { inner } | P::Reduced { inner } => P::Distinct {
                inner: Box::new(self.weaken(inner, lost)),
            },
            P::Project { inner, variables } => P::Project {
                inner: Box::new(self.weaken(inner, lost)),
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
                        inner: Box::new(self.weaken(inner, lost)),
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

/// The surroundings of a fragment, from the inside out.
struct Ascent<'a> {
    wanted: &'a HashSet<Variable>,
    /// Whether to stop once all that is wanted is bound.
    until_bound: bool,
    /// Whether what is further out may not be used any more.
    is_closed: bool,
    parts: Vec<GraphPattern>,
}

impl Ascent<'_> {
    fn add(&mut self, part: GraphPattern) {
        let is_enough = self.is_closed || (self.until_bound && self.is_satisfied());
        if !algebra::is_unit(&part) && !is_enough {
            self.parts.push(part);
        }
    }

    fn is_satisfied(&self) -> bool {
        let mut bound = HashSet::new();
        for part in &self.parts {
            bound.extend(bound_variables(part, Binding::Certain));
        }
        self.wanted.is_subset(&bound)
    }

    /// Leaves a node with one child on the way up.
    fn pass(&mut self, node: &GraphPattern) {
        match node {
            GraphPattern::Filter { expr, .. } => {
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
            // Fewer images below a LIMIT or an aggregate would change which rows it keeps or counts.
            // Input values may pass: without them there would be nothing to keep or count.
            GraphPattern::Slice { .. } | GraphPattern::Group { .. } => {
                self.is_closed |= !self.until_bound;
            }
            _ => {}
        }
    }

    /// The join of the parts that share variables with the wanted ones, directly or through others. A
    /// part that shares nothing would only multiply the rows.
    fn connected(self) -> GraphPattern {
        let mut parts = Vec::new();
        for part in self.parts {
            flatten(part, &mut parts);
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

fn flatten(pattern: GraphPattern, parts: &mut Vec<GraphPattern>) {
    match pattern {
        GraphPattern::Join { left, right } => {
            flatten(*left, parts);
            flatten(*right, parts);
        }
        other => parts.push(other),
    }
}

/// The IRIs in a column of inline data, if every row has a value there.
fn inline_column(pattern: &GraphPattern, variable: &Variable) -> Option<HashSet<NamedNode>> {
    match pattern {
        GraphPattern::Values {
            variables,
            bindings,
        } => {
            let column = variables.iter().position(|v| v == variable)?;
            bindings
                .iter()
                .map(|row| row[column].as_ref())
                .collect::<Option<Vec<_>>>()
                .map(|terms| {
                    terms
                        .into_iter()
                        .filter_map(|term| match term {
                            GroundTerm::NamedNode(node) => Some(node.clone()),
                            GroundTerm::Literal(_) => None,
                        })
                        .collect()
                })
        }
        GraphPattern::Graph { inner, .. } => inline_column(inner, variable),
        _ => None,
    }
}

//! A pattern without the requests that are still open: a superset of its solutions.

use super::known::Known;
use crate::sparql::algebra::variables::{
    Binding, all_variables, bound_variables, expression_variables,
};
use crate::sparql::algebra::{self, join, unit, walk};
use crate::sparql::request::placeholder::{has_placeholder, placeholder_index};
use oxrdf::Variable;
use spargebra::algebra::{Expression, GraphPattern};
use std::collections::HashSet;

/// `pattern` without the requests that are still open, and so that it has all its solutions whatever values
/// the variables `around` it have.
pub(super) fn weaken(
    known: &Known<'_>,
    pattern: &GraphPattern,
    around: &HashSet<Variable>,
) -> GraphPattern {
    Weakening::of(known, around).pattern(pattern)
}

/// Goes through a pattern, and weakens it.
pub(in crate::sparql) struct Weakening<'a> {
    known: &'a Known<'a>,
    /// The variables whose values the pattern is evaluated with.
    around: &'a HashSet<Variable>,
    /// Variables that may now be unbound where they were bound, or bound to more.
    pub lost: HashSet<Variable>,
}

impl<'a> Weakening<'a> {
    pub(in crate::sparql) fn of(known: &'a Known<'a>, around: &'a HashSet<Variable>) -> Self {
        Self {
            known,
            around,
            lost: HashSet::new(),
        }
    }

    /// The weaker pattern; what that loses is added to [`Self::lost`].
    // Long, for there is an arm for each kind of node.
    pub(in crate::sparql) fn pattern(&mut self, pattern: &GraphPattern) -> GraphPattern {
        use GraphPattern as P;
        if let Some(index) = placeholder_index(pattern) {
            return self.request(index, pattern);
        }
        // What is known as a whole stays so, its groups and limits included.
        if !self.known.has_unknown(pattern) && !self.reads_values(pattern) {
            return pattern.clone();
        }
        match pattern {
            P::Join { left, right } => join(self.pattern(left), self.pattern(right)),
            P::Lateral { left, right } => self.lateral(left, right),
            P::LeftJoin {
                left,
                right,
                expression,
            } => self.optional(pattern, left, right, expression.as_ref()),
            P::Filter { expr, inner } => {
                let inner = self.pattern(inner);
                if self.is_lost(expr, pattern) {
                    return inner;
                }
                P::Filter {
                    expr: expr.clone(),
                    inner: Box::new(inner),
                }
            }
            P::Union { left, right } => P::Union {
                left: Box::new(self.pattern(left)),
                right: Box::new(self.pattern(right)),
            },
            P::Graph { name, inner } => {
                let inner = self.pattern(inner);
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
                let inner = self.pattern(inner);
                if self.is_lost(expression, pattern) {
                    self.lost.insert(variable.clone());
                    return inner;
                }
                P::Extend {
                    inner: Box::new(inner),
                    variable: variable.clone(),
                    expression: expression.clone(),
                }
            }
            // What is taken away can only be kept: the superset stands.
            P::Minus { left: inner, .. } | P::OrderBy { inner, .. } | P::Slice { inner, .. } => {
                self.pattern(inner)
            }
            P::Distinct { inner } | P::Reduced { inner } => P::Distinct {
                inner: Box::new(self.pattern(inner)),
            },
            P::Project { inner, variables } => self.project(inner, variables),
            P::Group {
                inner,
                variables,
                aggregates,
            } => {
                self.lost.extend(aggregates.iter().map(|(v, _)| v.clone()));
                P::Distinct {
                    inner: Box::new(self.project(inner, variables)),
                }
            }
            P::Bgp { .. } | P::Path { .. } | P::Values { .. } | P::Service { .. } => {
                pattern.clone()
            }
        }
    }

    /// The place of a request: empty while it is open.
    fn request(&mut self, index: usize, placeholder: &GraphPattern) -> GraphPattern {
        if self.known.is_known(index) {
            return placeholder.clone();
        }
        let fragment = &self.known.query.fragments[index];
        self.lost.extend(fragment.variables().cloned());
        unit()
    }

    fn project(&mut self, inner: &GraphPattern, variables: &[Variable]) -> GraphPattern {
        GraphPattern::Project {
            inner: Box::new(self.pattern(inner)),
            variables: variables.to_vec(),
        }
    }

    fn lateral(&mut self, left: &GraphPattern, right: &GraphPattern) -> GraphPattern {
        let left = self.pattern(left);
        if !self.lost.is_empty() || self.reads_values(right) || has_placeholder(right) {
            self.lost.extend(bound_variables(right, Binding::Possible));
            return left;
        }
        GraphPattern::Lateral {
            left: Box::new(left),
            right: Box::new(right.clone()),
        }
    }

    fn optional(
        &mut self,
        node: &GraphPattern,
        left: &GraphPattern,
        right: &GraphPattern,
        test: Option<&Expression>,
    ) -> GraphPattern {
        let left = self.pattern(left);
        let mut of_right = Weakening::of(self.known, self.around);
        let weak_right = of_right.pattern(right);
        let drops_test =
            test.is_some_and(|test| self.is_lost(test, node) || of_right.is_lost(test, node));
        let bound_right = bound_variables(right, Binding::Possible);
        let is_same = of_right.lost.is_empty()
            && !drops_test
            && self.lost.is_disjoint(&bound_right)
            && self.around.is_disjoint(&bound_right);
        if is_same {
            return GraphPattern::LeftJoin {
                left: Box::new(left),
                right: Box::new(weak_right),
                expression: test.cloned(),
            };
        }
        // What stood alone may now meet a row of the right side: it may do either.
        self.lost.extend(bound_right);
        self.lost.extend(of_right.lost);
        let either = GraphPattern::Union {
            left: Box::new(weak_right),
            right: Box::new(unit()),
        };
        join(left, either)
    }

    /// Whether a part of `pattern` is evaluated with the values around it.
    fn reads_values(&self, pattern: &GraphPattern) -> bool {
        !self.around.is_empty() && !all_variables(pattern).is_disjoint(self.around)
    }

    /// Whether an expression of `node` has to be left out: it reads what is lost or what has a value from
    /// around, or the EXISTS of the node hold a request.
    fn is_lost(&self, expression: &Expression, node: &GraphPattern) -> bool {
        let read = expression_variables(expression);
        !read.is_disjoint(&self.lost)
            || !read.is_disjoint(self.around)
            || walk::exists_patterns(node).into_iter().any(has_placeholder)
    }
}

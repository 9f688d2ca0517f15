//! Keeps the promise that rows come best score first.

use crate::sparql::algebra::variables::{Binding, bound_variables};
use crate::sparql::algebra::walk::{self, map_children};
use crate::sparql::evaluate::stored_tables;
use oxrdf::Variable;
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use std::convert::Infallible;

/// How to put rows in the order of their scores.
pub(in crate::sparql) struct Order<'a> {
    /// The column that numbers the hits, the best with the highest number.
    pub position: &'a Variable,
    /// The variable of `clip:score`, for where the position cannot be seen.
    pub score: Option<&'a Variable>,
}

impl Order<'_> {
    /// Sorts the solutions of a SELECT level, unless it has an ORDER BY of its own or counts groups;
    /// likewise the sub-SELECTs below it, whose LIMIT would otherwise keep any rows.
    pub(in crate::sparql) fn apply(&self, pattern: GraphPattern) -> GraphPattern {
        match pattern {
            GraphPattern::Slice {
                inner,
                start,
                length,
            } => GraphPattern::Slice {
                inner: Box::new(self.apply(*inner)),
                start,
                length,
            },
            GraphPattern::Distinct { inner } => GraphPattern::Distinct {
                inner: Box::new(self.apply(*inner)),
            },
            GraphPattern::Reduced { inner } => GraphPattern::Reduced {
                inner: Box::new(self.apply(*inner)),
            },
            GraphPattern::Project { inner, variables } => GraphPattern::Project {
                inner: Box::new(self.sort(*inner)),
                variables,
            },
            other => self.sort(other),
        }
    }

    fn sort(&self, pattern: GraphPattern) -> GraphPattern {
        if let GraphPattern::OrderBy { inner, expression } = pattern {
            return GraphPattern::OrderBy {
                inner: Box::new(self.expose(*inner)),
                expression,
            };
        }
        if stored_tables::are_in_order(&pattern) {
            return pattern;
        }
        let pattern = self.expose(pattern);
        let visible = bound_variables(&pattern, Binding::Possible);
        let key = if visible.contains(self.position) {
            // Rows without a hit, from a UNION or an OPTIONAL, come last: unbound is lowest.
            OrderExpression::Desc(Expression::Variable(self.position.clone()))
        } else if let Some(score) = self.score
            && visible.contains(score)
            && !groups(&pattern)
        {
            OrderExpression::Desc(Expression::Variable(score.clone()))
        } else {
            return pattern;
        };
        GraphPattern::OrderBy {
            inner: Box::new(pattern),
            expression: vec![key],
        }
    }

    /// Makes the position visible through the sub-SELECTs below, where that changes nothing else.
    fn expose(&self, pattern: GraphPattern) -> GraphPattern {
        if !bound_below(&pattern, self.position) {
            return pattern;
        }
        match pattern {
            // The table itself.
            GraphPattern::Project { ref variables, .. } if variables.contains(self.position) => {
                pattern
            }
            GraphPattern::Project { .. }
            | GraphPattern::Distinct { .. }
            | GraphPattern::Reduced { .. }
            | GraphPattern::Slice { .. } => self.expose_select(pattern),
            // A group's rows have no order, and one more column would be one more to count.
            GraphPattern::Group { .. } => self.order_selects(pattern),
            // What is subtracted is not seen.
            GraphPattern::Minus { left, right } => GraphPattern::Minus {
                left: Box::new(self.expose(*left)),
                right,
            },
            other => {
                let Ok(pattern) =
                    map_children(other, &mut |child| Ok::<_, Infallible>(self.expose(child)));
                pattern
            }
        }
    }

    /// Orders the sub-SELECTs below, whose LIMIT would otherwise keep any rows.
    fn order_selects(&self, pattern: GraphPattern) -> GraphPattern {
        let Ok(pattern) = map_children(pattern, &mut |child| {
            Ok::<_, Infallible>(match child {
                child if !bound_below(&child, self.position) => child,
                GraphPattern::Project { ref variables, .. }
                    if variables.contains(self.position) =>
                {
                    child
                }
                GraphPattern::Project { .. }
                | GraphPattern::Distinct { .. }
                | GraphPattern::Reduced { .. }
                | GraphPattern::Slice { .. } => self.apply(child),
                child => self.order_selects(child),
            })
        });
        pattern
    }

    fn expose_select(&self, pattern: GraphPattern) -> GraphPattern {
        let mut sorted = self.apply(pattern);
        let mut level = &mut sorted;
        loop {
            match level {
                GraphPattern::Slice { inner, .. } => level = inner,
                GraphPattern::Project { inner, variables } => {
                    if bound_variables(inner, Binding::Possible).contains(self.position) {
                        variables.push(self.position.clone());
                    }
                    return sorted;
                }
                // One more column would make equal rows distinct.
                _ => return sorted,
            }
        }
    }
}

fn bound_below(pattern: &GraphPattern, variable: &Variable) -> bool {
    walk::any(pattern, &|node| {
        stored_tables::rows_of(node).is_some()
            && bound_variables(node, Binding::Possible).contains(variable)
    })
}

/// Whether the solutions of this SELECT level are groups.
fn groups(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Group { .. } => true,
        GraphPattern::Extend { inner, .. } | GraphPattern::Filter { inner, .. } => groups(inner),
        _ => false,
    }
}

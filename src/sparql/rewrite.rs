//! Puts the tables of the clip relation where the placeholders stand, and keeps the promise that rows
//! come best score first.

use super::algebra::{self, Binding, bound_variables, join, map_children};
use super::extract::{has_placeholder, placeholder_index};
use super::graphs::{self, reads_graph};
use super::tables;
use crate::vocab::NAMESPACE;
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::{Expression, GraphPattern, OrderExpression};
use spargebra::term::{GroundTerm, NamedNodePattern};
use std::convert::Infallible;

/// Replaces each placeholder by its table.
///
/// The relation belongs to every graph. A table inside `GRAPH ?g` is therefore joined with the names
/// of all graphs, unless a triple pattern beside it binds `?g` already.
pub(super) fn insert_tables(
    pattern: GraphPattern,
    tables: &Tables<'_>,
    graph: Option<&Variable>,
) -> GraphPattern {
    if let Some(index) = placeholder_index(&pattern) {
        let table = tables.of_fragment[index]
            .clone()
            .expect("every request was searched before the tables are inserted");
        return match graph {
            Some(graph) => join(table, tables.graph_names(graph)),
            None => table,
        };
    }
    match graph {
        Some(graph) if algebra::is_unit(&pattern) => return tables.graph_names(graph),
        None if !has_placeholder(&pattern) => return pattern,
        _ => {}
    }
    match pattern {
        GraphPattern::Graph { name, inner } => {
            let graph = match &name {
                NamedNodePattern::Variable(variable) => Some(variable),
                NamedNodePattern::NamedNode(_) => None,
            };
            let inner = insert_tables(*inner, tables, graph);
            GraphPattern::Graph {
                name,
                inner: Box::new(inner),
            }
        }
        GraphPattern::Lateral { left, right } => {
            let each =
                graphs::evaluated_for_each(&left, &right).filter(|_| has_placeholder(&right));
            match (each, *right) {
                (Some(each), GraphPattern::Graph { name, inner }) => GraphPattern::Lateral {
                    left: Box::new(tables.graph_names(each)),
                    right: Box::new(GraphPattern::Graph {
                        name,
                        // The name is bound when the group is evaluated.
                        inner: Box::new(insert_tables(*inner, tables, None)),
                    }),
                },
                (_, right) => GraphPattern::Lateral {
                    left: Box::new(insert_tables(*left, tables, graph)),
                    right: Box::new(insert_tables(right, tables, graph)),
                },
            }
        }
        GraphPattern::Join { left, right } => {
            let (reads_left, reads_right) = (reads_graph(&left), reads_graph(&right));
            join(
                insert_tables(*left, tables, graph.filter(|_| !reads_right)),
                insert_tables(*right, tables, graph.filter(|_| !reads_left)),
            )
        }
        GraphPattern::LeftJoin {
            left,
            right,
            expression,
        } if expression.is_none() => {
            let binds_left = reads_graph(&left) || has_placeholder_of_graph(&left);
            GraphPattern::LeftJoin {
                left: Box::new(insert_tables(*left, tables, graph)),
                right: Box::new(insert_tables(*right, tables, graph.filter(|_| !binds_left))),
                expression,
            }
        }
        GraphPattern::Minus { left, right } => GraphPattern::Minus {
            left: Box::new(insert_tables(*left, tables, graph)),
            right: Box::new(insert_tables(*right, tables, None)),
        },
        GraphPattern::Filter { expr, inner } => {
            let Ok(pattern) = map_children(
                GraphPattern::Filter {
                    expr,
                    inner: Box::new(algebra::unit()),
                },
                &mut |child| Ok::<_, Infallible>(insert_tables(child, tables, None)),
            );
            match pattern {
                GraphPattern::Filter { expr, .. } => GraphPattern::Filter {
                    expr,
                    inner: Box::new(insert_tables(*inner, tables, graph)),
                },
                other => other,
            }
        }
        other => {
            let Ok(pattern) = map_children(other, &mut |child| {
                Ok::<_, Infallible>(insert_tables(child, tables, graph))
            });
            pattern
        }
    }
}

/// Gives a query with tables a shape that oxigraph takes less time for, without changing its answer.
///
/// Its optimizer hashes every branch of a UNION, rows included, at every UNION around it, so these are
/// made shallow. Of inline data with many rows see [`hashed`].
pub(super) fn ease(pattern: GraphPattern) -> GraphPattern {
    match pattern {
        GraphPattern::Union { .. } => algebra::union_all(
            algebra::into_branches(pattern)
                .into_iter()
                .map(ease)
                .collect(),
        ),
        GraphPattern::Project { ref inner, .. }
            if matches!(**inner, GraphPattern::Values { .. }) =>
        {
            pattern
        }
        // UNDEF matches any value, which hashing cannot find.
        GraphPattern::Values {
            variables,
            bindings,
        } if bindings.len() > FEW_ROWS && bindings.iter().flatten().all(Option::is_some) => {
            hashed(variables, bindings)
        }
        other => {
            let Ok(pattern) = map_children(other, &mut |child| Ok::<_, Infallible>(ease(child)));
            pattern
        }
    }
}

/// Inline data of up to so many rows is joined by going through it.
const FEW_ROWS: usize = 16;

/// Inline data behind a projection, which changes nothing but the plan: oxigraph joins bare VALUES by
/// going through all its rows for every row of the other side, and anything else by hashing.
pub(super) fn hashed(
    variables: Vec<Variable>,
    bindings: Vec<Vec<Option<GroundTerm>>>,
) -> GraphPattern {
    GraphPattern::Project {
        inner: Box::new(GraphPattern::Values {
            variables: variables.clone(),
            bindings,
        }),
        variables,
    }
}

/// Whether a placeholder stands in `pattern` outside any GRAPH of its own.
fn has_placeholder_of_graph(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Graph { .. } => false,
        _ => {
            placeholder_index(pattern).is_some()
                || (algebra::children(pattern).into_iter()).any(has_placeholder_of_graph)
        }
    }
}

/// What stands for the fragments of a query.
pub(super) struct Tables<'a> {
    /// A table for each fragment.
    pub of_fragment: &'a [Option<GraphPattern>],
    /// Whether there is a graph that `GRAPH ?g` ranges over.
    pub has_named_graphs: bool,
}

impl Tables<'_> {
    /// The names of the dataset's named graphs or, if it has none, one of the relation's own, lest such a
    /// dataset hide it.
    fn graph_names(&self, graph: &Variable) -> GraphPattern {
        if self.has_named_graphs {
            return graphs::names(graph);
        }
        algebra::values(graph.clone(), [NamedNode::new_unchecked(NAMESPACE).into()])
    }
}

/// How to put rows in the order of their scores.
pub(super) struct Order<'a> {
    /// The column that numbers the hits, the best with the highest number.
    pub position: &'a Variable,
    /// The variable of `clip:score`, for where the position cannot be seen.
    pub score: Option<&'a Variable>,
}

impl Order<'_> {
    /// Sorts the solutions of a SELECT level, unless it has an ORDER BY of its own or counts groups;
    /// likewise the sub-SELECTs below it, whose LIMIT would otherwise keep any rows.
    pub(super) fn apply(&self, pattern: GraphPattern) -> GraphPattern {
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
        if tables::are_in_order(&pattern) {
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
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= tables::rows_of(node).is_some()
            && bound_variables(node, Binding::Possible).contains(variable);
    });
    found
}

/// Whether the solutions of this SELECT level are groups.
fn groups(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Group { .. } => true,
        GraphPattern::Extend { inner, .. } | GraphPattern::Filter { inner, .. } => groups(inner),
        _ => false,
    }
}

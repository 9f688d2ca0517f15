//! Puts the tables of the clip relation where the placeholders stand.

use super::graphs_apart::{self, reads_graph};
use super::placeholder::{has_placeholder, placeholder_index};
use crate::sparql::algebra::walk::{self, map_children};
use crate::sparql::algebra::{self, join};
use crate::vocab::NAMESPACE;
use oxrdf::{NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::NamedNodePattern;
use std::convert::Infallible;

/// What stands for the fragments of a query.
///
/// The relation belongs to every graph. A table inside `GRAPH ?g` is therefore joined with the names
/// of all graphs, unless a triple pattern beside it binds `?g` already.
pub(in crate::sparql) struct Tables<'a> {
    /// A table for each fragment.
    pub of_fragment: &'a [Option<GraphPattern>],
    /// Whether there is a graph that `GRAPH ?g` ranges over.
    pub has_named_graphs: bool,
}

/// The name of the graph that a group reads.
#[derive(Clone, Copy)]
enum GraphName<'a> {
    /// The group has to bind this variable, and nothing beside it does.
    Open(&'a Variable),
    /// There is none, it is written there, or something else binds it.
    Settled,
}

impl GraphName<'_> {
    /// The same, if what stands beside a group does not read the graph.
    fn unless(self, is_read_beside: bool) -> Self {
        if is_read_beside { Self::Settled } else { self }
    }
}

impl Tables<'_> {
    /// Replaces each placeholder in `pattern` by its table.
    ///
    /// # Panics
    /// If a fragment that stands there has none.
    pub(in crate::sparql) fn insert(&self, pattern: GraphPattern) -> GraphPattern {
        self.put(pattern, GraphName::Settled)
    }

    fn put(&self, pattern: GraphPattern, name: GraphName<'_>) -> GraphPattern {
        if let Some(index) = placeholder_index(&pattern) {
            return self.table(index, name);
        }
        match name {
            GraphName::Open(graph) if algebra::is_unit(&pattern) => return self.graph_names(graph),
            GraphName::Settled if !has_placeholder(&pattern) => return pattern,
            GraphName::Open(_) | GraphName::Settled => {}
        }
        match pattern {
            GraphPattern::Graph { name, inner } => self.put_in_graph(name, *inner),
            GraphPattern::Lateral { left, right } => self.put_in_lateral(*left, *right, name),
            GraphPattern::Join { left, right } => {
                let (reads_left, reads_right) = (reads_graph(&left), reads_graph(&right));
                join(
                    self.put(*left, name.unless(reads_right)),
                    self.put(*right, name.unless(reads_left)),
                )
            }
            GraphPattern::LeftJoin {
                left,
                right,
                expression: None,
            } => {
                let binds_left = reads_graph(&left) || has_placeholder_of_graph(&left);
                GraphPattern::LeftJoin {
                    left: Box::new(self.put(*left, name)),
                    right: Box::new(self.put(*right, name.unless(binds_left))),
                    expression: None,
                }
            }
            GraphPattern::Minus { left, right } => GraphPattern::Minus {
                left: Box::new(self.put(*left, name)),
                right: Box::new(self.put(*right, GraphName::Settled)),
            },
            GraphPattern::Filter { expr, inner } => {
                let inner = Box::new(self.put(*inner, name));
                let filter = GraphPattern::Filter { expr, inner };
                // What an EXISTS tests has the name already.
                let Ok(filter) = walk::map_exists(filter, &mut |inside| {
                    Ok::<_, Infallible>(self.put(inside, GraphName::Settled))
                });
                filter
            }
            other => {
                let Ok(pattern) = map_children(other, &mut |child| {
                    Ok::<_, Infallible>(self.put(child, name))
                });
                pattern
            }
        }
    }

    fn table(&self, index: usize, name: GraphName<'_>) -> GraphPattern {
        let table = self.of_fragment[index]
            .clone()
            .expect("every request was searched before the tables are inserted");
        match name {
            GraphName::Open(graph) => join(table, self.graph_names(graph)),
            GraphName::Settled => table,
        }
    }

    fn put_in_graph(&self, name: NamedNodePattern, inner: GraphPattern) -> GraphPattern {
        let inner = match &name {
            NamedNodePattern::Variable(variable) => self.put(inner, GraphName::Open(variable)),
            NamedNodePattern::NamedNode(_) => self.put(inner, GraphName::Settled),
        };
        GraphPattern::Graph {
            name,
            inner: Box::new(inner),
        }
    }

    fn put_in_lateral(
        &self,
        left: GraphPattern,
        right: GraphPattern,
        name: GraphName<'_>,
    ) -> GraphPattern {
        let each =
            graphs_apart::evaluated_for_each(&left, &right).filter(|_| has_placeholder(&right));
        let (left, right) = match (each, right) {
            (Some(each), GraphPattern::Graph { name, inner }) => {
                // The name is bound when the group is evaluated.
                let inner = Box::new(self.put(*inner, GraphName::Settled));
                (self.graph_names(each), GraphPattern::Graph { name, inner })
            }
            (_, right) => (self.put(left, name), self.put(right, name)),
        };
        GraphPattern::Lateral {
            left: Box::new(left),
            right: Box::new(right),
        }
    }

    /// The names of the dataset's named graphs or, if it has none, one of the relation's own, lest such a
    /// dataset hide it.
    fn graph_names(&self, graph: &Variable) -> GraphPattern {
        if self.has_named_graphs {
            return graphs_apart::names(graph);
        }
        algebra::values(graph.clone(), [NamedNode::new_unchecked(NAMESPACE).into()])
    }
}

/// Whether a placeholder stands in `pattern` outside any GRAPH of its own.
fn has_placeholder_of_graph(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::Graph { .. } => false,
        _ => {
            placeholder_index(pattern).is_some()
                || (walk::children(pattern).into_iter()).any(has_placeholder_of_graph)
        }
    }
}

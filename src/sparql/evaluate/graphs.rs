//! The graphs that a query is about.

use crate::sparql::algebra::each_once;
use crate::sparql::error::Malformed;
use oxigraph::sparql::QueryDatasetSpecification;
use oxigraph::store::Store;
use oxrdf::{GraphName, NamedNode, NamedOrBlankNode};
use spargebra::Query;
use spargebra::algebra::QueryDataset;

/// The graphs of one query: those that its request names or, if it names none, those of its FROM and FROM
/// NAMED.
pub(in crate::sparql) struct Graphs {
    of_query: Option<QueryDataset>,
    of_request: Option<RequestGraphs>,
}

/// As the SPARQL 1.1 Protocol has it, graphs named in the request replace those in the query.
struct RequestGraphs {
    default: Vec<GraphName>,
    named: Vec<NamedOrBlankNode>,
}

impl Graphs {
    /// The graphs of `query`, with those that the request for it names as default and named ones.
    ///
    /// # Errors
    /// [`Malformed::GraphName`] if one of these is no IRI.
    pub(in crate::sparql) fn of(
        query: &Query,
        default: &[String],
        named: &[String],
    ) -> Result<Self, Malformed> {
        let has_own = !default.is_empty() || !named.is_empty();
        // A graph that is named twice in a dataset is one graph, whose triples count once.
        let of_request = has_own.then(|| {
            Ok(RequestGraphs {
                default: each_once(graphs(default)?),
                named: each_once(graphs(named)?),
            })
        });
        Ok(Self {
            of_query: query.dataset().cloned(),
            of_request: of_request.transpose()?,
        })
    }

    /// What a query for a part of this one says of graphs.
    pub(super) fn of_part(&self) -> Option<QueryDataset> {
        self.of_query.clone()
    }

    /// Makes the evaluator read the graphs that the request names.
    pub(super) fn replace(&self, graphs: &mut QueryDatasetSpecification) {
        if let Some(of_request) = &self.of_request {
            graphs.set_default_graph(of_request.default.clone());
            graphs.set_available_named_graphs(of_request.named.clone());
        }
    }

    /// Whether the dataset has a named graph: one that the query or the request lists or, if they list
    /// none at all, one of the store.
    pub(super) fn have_names(&self, store: &Store) -> bool {
        match (&self.of_request, &self.of_query) {
            (Some(of_request), _) => !of_request.named.is_empty(),
            (None, Some(dataset)) => dataset
                .named
                .as_ref()
                .is_some_and(|named| !named.is_empty()),
            // A store that cannot be read fails at the evaluation, which says so.
            (None, None) => store.named_graphs().next().is_some(),
        }
    }
}

fn graphs<T: From<NamedNode>>(iris: &[String]) -> Result<Vec<T>, Malformed> {
    let graph = |iri: &String| {
        let node = NamedNode::new(iri).map_err(|_| Malformed::GraphName(iri.clone()))?;
        Ok(node.into())
    };
    iris.iter().map(graph).collect()
}

//! oxigraph's evaluator, with all that the parts of one query may name.

pub(super) mod functions;
pub(super) mod graphs;
pub(super) mod optimizer;
pub(super) mod service;
pub(super) mod stored_tables;
pub(super) mod watch;

use crate::engine::Engine;
use crate::sparql::algebra;
use crate::sparql::algebra::query::{pattern_of, pattern_of_mut};
use graphs::Graphs;
use oxigraph::sparql::{
    CancellationToken, QueryEvaluationError, QueryResults, QuerySolutionIter, QueryTripleIter,
    SparqlEvaluator,
};
use oxigraph::store::Store;
use service::Services;
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use std::sync::Arc;
use stored_tables::StoredTables;
use watch::Stoppable;

/// Evaluates one query and its parts on the store.
pub(super) struct Evaluator<'a> {
    store: &'a Store,
    services: &'a Services,
    /// What the clip functions ask.
    engine: &'a Arc<Engine>,
    graphs: Graphs,
    token: CancellationToken,
    /// Large tables that the query may name.
    pub tables: StoredTables,
}

impl<'a> Evaluator<'a> {
    /// Evaluates until `token` is cancelled.
    pub(super) fn new(
        store: &'a Store,
        services: &'a Services,
        engine: &'a Arc<Engine>,
        graphs: Graphs,
        token: CancellationToken,
    ) -> Self {
        Self {
            store,
            services,
            engine,
            graphs,
            token,
            tables: StoredTables::default(),
        }
    }

    /// Whether there is a graph that GRAPH with a variable ranges over.
    pub(super) fn has_named_graphs(&self) -> bool {
        self.graphs.have_names(self.store)
    }

    /// A SELECT about the same graphs as the query.
    pub(super) fn select(&self, pattern: GraphPattern) -> Query {
        Query::Select {
            dataset: self.graphs.of_part(),
            pattern,
            base_iri: None,
        }
    }

    /// Begins the evaluation of `query`; where it is stopped, the results end with an error.
    ///
    /// # Errors
    /// As oxigraph has it.
    pub(super) fn evaluate(
        &self,
        mut query: Query,
    ) -> Result<QueryResults<'static>, QueryEvaluationError> {
        let pattern = pattern_of_mut(&mut query);
        *pattern = watch::watched(std::mem::replace(pattern, algebra::unit()));
        let mut prepared = self.knowing_all(&query).for_query(query);
        self.graphs.replace(prepared.dataset_mut());
        let results = watch::stoppable(|| prepared.on_store(self.store).execute())?;
        Ok(match results {
            QueryResults::Solutions(solutions) => {
                let variables = solutions.variables().into();
                let solutions = Stoppable::new(solutions);
                QueryResults::Solutions(QuerySolutionIter::new(variables, solutions))
            }
            QueryResults::Graph(triples) => {
                QueryResults::Graph(QueryTripleIter::new(Stoppable::new(triples)))
            }
            QueryResults::Boolean(value) => QueryResults::Boolean(value),
        })
    }

    /// An evaluator that knows the services, functions and tables that `query` may name.
    fn knowing_all(&self, query: &Query) -> SparqlEvaluator {
        let evaluator = SparqlEvaluator::new().with_cancellation_token(self.token.clone());
        let evaluator = self.tables.register(self.services.register(evaluator));
        let evaluator = functions::register(evaluator, self.engine.clone(), self.token.clone());
        let evaluator = watch::register(evaluator, self.token.clone());
        if optimizer::is_optimizable(pattern_of(query)) {
            evaluator
        } else {
            evaluator.without_optimizations()
        }
    }
}

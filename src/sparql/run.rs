//! One query on the store: the same dataset, functions and deadline for all its parts.

use super::deadline::Deadline;
use super::explain::Trace;
use super::row::Row;
use super::stop::{self, Stoppable};
use super::tables::Tables;
use super::{
    QueryError, QueryRequest, Sparql, algebra, functions, guard, pattern_of, pattern_of_mut,
};
use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode, Term};
use oxigraph::sparql::{QueryResults, QuerySolutionIter, QueryTripleIter, SparqlEvaluator};
use oxrdf::Variable;
use spargebra::Query;
use spargebra::algebra::{GraphPattern, QueryDataset};
use std::collections::HashSet;

/// One query's evaluation.
pub(super) struct Run<'a> {
    sparql: &'a Sparql,
    dataset: Option<QueryDataset>,
    default_graphs: Option<Vec<GraphName>>,
    named_graphs: Option<Vec<NamedOrBlankNode>>,
    pub deadline: Deadline,
    pub trace: Trace,
    pub tables: Tables,
}

/// A graph that is named twice in a dataset is one graph, whose triples count once.
pub(super) fn each_once<T: Clone + Eq + std::hash::Hash>(graphs: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    (graphs.into_iter())
        .filter(|graph| seen.insert(graph.clone()))
        .collect()
}

impl<'a> Run<'a> {
    /// # Errors
    /// [`QueryError::Malformed`] if a graph name is no IRI.
    pub(super) fn new(
        sparql: &'a Sparql,
        query: &Query,
        request: &QueryRequest<'_>,
    ) -> Result<Self, QueryError> {
        let graph = |iri: &String| {
            NamedNode::new(iri).map_err(|_| {
                QueryError::Malformed(format!("the graph name {iri} is not an absolute IRI"))
            })
        };
        let mut this = Self {
            sparql,
            dataset: query.dataset().cloned(),
            default_graphs: None,
            named_graphs: None,
            deadline: Deadline::start(&sparql.options, request)?,
            trace: Trace::default(),
            tables: Tables::default(),
        };
        // As the SPARQL 1.1 Protocol has it, graphs named in the request replace those in the query.
        if !request.default_graphs.is_empty() || !request.named_graphs.is_empty() {
            let default: Result<Vec<_>, _> = request
                .default_graphs
                .iter()
                .map(|iri| graph(iri).map(GraphName::from))
                .collect();
            let named: Result<Vec<_>, _> = request
                .named_graphs
                .iter()
                .map(|iri| graph(iri).map(NamedOrBlankNode::from))
                .collect();
            this.default_graphs = Some(each_once(default?));
            this.named_graphs = Some(each_once(named?));
        }
        Ok(this)
    }

    /// Whether the dataset has a named graph: one that the query or the request lists or, if they list
    /// none at all, one of the store.
    pub(super) fn has_named_graphs(&self) -> bool {
        match (&self.named_graphs, &self.dataset) {
            (Some(named), _) => !named.is_empty(),
            (None, Some(dataset)) => dataset
                .named
                .as_ref()
                .is_some_and(|named| !named.is_empty()),
            // A store that cannot be read fails at the evaluation, which says so.
            (None, None) => self.sparql.store.named_graphs().next().is_some(),
        }
    }

    pub(super) fn evaluate(&self, mut query: Query) -> Result<QueryResults<'static>, QueryError> {
        self.trace.evaluates();
        let pattern = pattern_of_mut(&mut query);
        *pattern = stop::watched(std::mem::replace(pattern, algebra::unit()));
        let evaluator = SparqlEvaluator::new().with_cancellation_token(self.deadline.token.clone());
        let mut evaluator = self
            .tables
            .register(self.sparql.services.register(evaluator));
        if !guard::is_optimizable(pattern_of(&query)) {
            evaluator = evaluator.without_optimizations();
        }
        let token = &self.deadline.token;
        let evaluator = functions::register(evaluator, self.sparql.engine.clone(), token.clone());
        let mut prepared = stop::register(evaluator, token.clone()).for_query(query);
        if let (Some(default), Some(named)) = (&self.default_graphs, &self.named_graphs) {
            let dataset = prepared.dataset_mut();
            dataset.set_default_graph(default.clone());
            dataset.set_available_named_graphs(named.clone());
        }
        let results = stop::stoppable(|| prepared.on_store(&self.sparql.store).execute())
            .map_err(|error| self.deadline.explain(error))?;
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

    /// The distinct values of `variables` in the solutions of `pattern` that bind them all; `None` if
    /// there are more than `limit`.
    pub(super) fn distinct(
        &self,
        pattern: GraphPattern,
        variables: &[Variable],
        limit: usize,
    ) -> Result<Option<Vec<Vec<Term>>>, QueryError> {
        let query = Query::Select {
            dataset: self.dataset.clone(),
            pattern: GraphPattern::Distinct {
                inner: Box::new(GraphPattern::Project {
                    inner: Box::new(pattern),
                    variables: variables.to_vec(),
                }),
            },
            base_iri: None,
        };
        let QueryResults::Solutions(solutions) = self.evaluate(query)? else {
            return Ok(Some(Vec::new()));
        };
        let mut found = Vec::new();
        for solution in solutions {
            self.deadline.check()?;
            let solution = solution.map_err(|error| self.deadline.explain(error))?;
            let values: Option<Vec<Term>> = variables
                .iter()
                .map(|variable| solution.get(variable).cloned())
                .collect();
            found.extend(values);
            if found.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// The solutions of `pattern`, or `None` if there are more than `limit`; with the number of those that
    /// were looked at.
    pub(super) fn rows(
        &self,
        pattern: GraphPattern,
        variables: &[Variable],
        limit: usize,
    ) -> Result<(Option<Vec<Row>>, usize), QueryError> {
        let query = Query::Select {
            dataset: self.dataset.clone(),
            pattern: GraphPattern::Slice {
                inner: Box::new(GraphPattern::Project {
                    inner: Box::new(pattern),
                    variables: variables.to_vec(),
                }),
                start: 0,
                length: Some(limit + 1),
            },
            base_iri: None,
        };
        let mut rows = Vec::new();
        if let QueryResults::Solutions(solutions) = self.evaluate(query)? {
            for solution in solutions {
                self.deadline.check()?;
                let solution = solution.map_err(|error| self.deadline.explain(error))?;
                rows.push(solution.values().to_vec());
            }
        }
        self.deadline.check()?;
        let n = rows.len();
        Ok(((n <= limit).then_some(rows), n))
    }

    /// The distinct values of `variable` in the solutions of `pattern`, or `None` if one leaves it unbound or
    /// there are more than `limit` solutions; with the number of solutions that were looked at.
    pub(super) fn probe(
        &self,
        pattern: GraphPattern,
        variable: &Variable,
        limit: usize,
    ) -> Result<(Option<HashSet<Term>>, usize), QueryError> {
        let (rows, n_solutions) = self.rows(pattern, std::slice::from_ref(variable), limit)?;
        // A BIND or aggregate that fails leaves it unbound: such a solution goes with any value.
        let found = rows.and_then(|rows| rows.into_iter().map(|mut row| row.pop()?).collect());
        Ok((found, n_solutions))
    }
}

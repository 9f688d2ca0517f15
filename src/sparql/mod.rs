//! SPARQL with CLIP: [`Sparql::answer`] is the one way in. A room imports rooms below it only (`tools/imports`):
//!
//! | room | what it does |
//! | --- | --- |
//! | `search`, `template` | queries that are not written by hand |
//! | `mod` | reads a query, and has it answered |
//! | `results` | the answer in the formats of SPARQL and RDF |
//! | `plan` | which way a query is answered, and going it |
//! | `surroundings` | what the rest of a query says of a request |
//! | `rows` | hits as rows and tables |
//! | `relation` | inputs in, scored images out: the only room that meets the search engine |
//! | `query_run` | what the parts of one query share while it is answered |
//! | `evaluate` | oxigraph's evaluator, and what it is not left to do alone |
//! | `text` | from text to algebra; what is wrong where there is no way |
//! | `limits`, `explain` | what a query may take, and what it took |
//! | `error`, `options` | why there is no answer; what an operator may set |
//! | `request` | the clip triples of a query, as requests; pure |
//! | `algebra` | patterns, made and taken apart; pure |

mod algebra;
mod error;
mod evaluate;
pub mod explain;
mod limits;
mod options;
mod plan;
mod query_run;
mod relation;
pub mod request;
pub mod results;
#[cfg(test)]
mod rewriting;
mod rows;
pub mod search;
mod surroundings;
pub mod template;
pub mod text;

use crate::engine::Engine;
use algebra::each_once;
use algebra::query::{dataset_mut, pattern_of, pattern_of_mut, shown};
pub use error::{Malformed, QueryError, ServiceError};
use evaluate::Evaluator;
use evaluate::graphs::Graphs;
use evaluate::service::{self, Services};
use explain::{Explanation, Stage, Trace};
use limits::Deadline;
pub use limits::cancellation::{CancelOnDrop, Cancellation};
pub use options::{PlannerOptions, SparqlOptions};
use oxigraph::sparql::QueryResults;
use oxigraph::store::Store;
use query_run::QueryRun;
use results::Answer;
use spargebra::Query;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Answers SPARQL queries over a metadata store and a collection.
pub struct Sparql {
    store: Store,
    engine: Arc<Engine>,
    options: SparqlOptions,
    services: Services,
}

/// A query as it comes in.
#[derive(Debug, Clone, Default)]
pub struct QueryRequest<'a> {
    /// The SPARQL text.
    pub query: &'a str,
    /// `default-graph-uri` of the SPARQL Protocol; replaces FROM.
    pub default_graphs: Vec<String>,
    /// `named-graph-uri` of the SPARQL Protocol; replaces FROM NAMED.
    pub named_graphs: Vec<String>,
    /// Stops the evaluation when the answer is no longer needed.
    pub cancellation: Cancellation,
    /// Stops the evaluation sooner than the operator's time-out does.
    pub max_time: Option<Duration>,
}

impl Sparql {
    /// A query door over `store` and `engine`. `runtime` carries calls to allowed SERVICEs.
    #[must_use]
    pub fn new(
        store: Store,
        engine: Arc<Engine>,
        options: SparqlOptions,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let services = Services::new(&options.services, runtime, options.timeout);
        Self {
            store,
            engine,
            options,
            services,
        }
    }

    /// The search engine behind the clip relation.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What the operator has set.
    #[must_use]
    pub fn options(&self) -> &SparqlOptions {
        &self.options
    }

    /// Whether there is anything in the metadata store.
    #[must_use]
    pub fn has_metadata(&self) -> bool {
        // A store that fails tells so in its answers.
        !self.store.is_empty().unwrap_or(false)
    }

    /// Evaluates a query. Blocks, as does reading the answer; needs [`text::guard::STACK_SIZE`] of stack.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn answer(&self, request: &QueryRequest<'_>) -> Result<Answer, QueryError> {
        self.answer_query(text::read(request.query)?, request)
    }

    /// As [`Self::answer`], for a query that is parsed already and says itself which graphs it is about.
    fn answer_parsed(
        &self,
        query: Query,
        cancellation: &Cancellation,
    ) -> Result<Answer, QueryError> {
        let request = QueryRequest {
            cancellation: cancellation.clone(),
            ..QueryRequest::default()
        };
        self.answer_query(query, &request)
    }

    fn answer_query(&self, query: Query, request: &QueryRequest<'_>) -> Result<Answer, QueryError> {
        let (results, run) = self.evaluate(query, request)?;
        Ok(Answer::new(results, run.deadline))
    }

    /// Answers a query to its end, and tells how. Blocks; needs [`text::guard::STACK_SIZE`] of stack.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn explain(&self, request: &QueryRequest<'_>) -> Result<Explanation, QueryError> {
        let started = Instant::now();
        let query = text::read(request.query)?;
        let parsed = started.elapsed();
        let (results, run) = self.evaluate(query, request)?;
        run.trace.add(Stage::Parse, parsed);
        let rows = run.trace.time(Stage::Join, || match results {
            QueryResults::Boolean(value) => Ok(usize::from(value)),
            QueryResults::Solutions(solutions) => count(run.deadline.each(solutions)),
            QueryResults::Graph(triples) => count(run.deadline.each(triples)),
        })?;
        Ok(Explanation {
            rows,
            ..run.trace.into_explanation()
        })
    }

    fn evaluate(
        &self,
        mut query: Query,
        request: &QueryRequest<'_>,
    ) -> Result<(QueryResults<'static>, QueryRun<'_>), QueryError> {
        self.services.check(pattern_of(&query))?;
        let pattern = pattern_of_mut(&mut query);
        *pattern = service::name_endpoints(std::mem::replace(pattern, algebra::unit()));
        if let Some(dataset) = dataset_mut(&mut query) {
            // A graph that is named twice in a dataset is one graph, whose triples count once.
            dataset.default = each_once(std::mem::take(&mut dataset.default));
            dataset.named = dataset.named.take().map(each_once);
        }
        let run = self.run(&query, request)?;
        let results = plan::answer(query, &run)?;
        // An ASK has its answer now; errors inside it may have counted as "no match".
        run.deadline.check()?;
        Ok((results, run))
    }

    fn run(&self, query: &Query, request: &QueryRequest<'_>) -> Result<QueryRun<'_>, QueryError> {
        let graphs = Graphs::of(query, &request.default_graphs, &request.named_graphs)?;
        let (cancellation, max_time) = (&request.cancellation, request.max_time);
        let deadline = Deadline::start(&self.options, cancellation, max_time)?;
        let token = deadline.token.clone();
        Ok(QueryRun {
            options: &self.options,
            engine: &self.engine,
            evaluator: Evaluator::new(&self.store, &self.services, &self.engine, graphs, token),
            deadline,
            trace: Trace::default(),
        })
    }
}

/// How many items there are.
fn count<T>(items: impl Iterator<Item = Result<T, QueryError>>) -> Result<usize, QueryError> {
    items.into_iter().try_fold(0, |n, item| item.map(|_| n + 1))
}

/// The form of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryForm {
    /// SELECT.
    Select,
    /// CONSTRUCT.
    Construct,
    /// DESCRIBE.
    Describe,
    /// ASK.
    Ask,
}

/// The form of a query.
///
/// # Errors
/// If `query` cannot be parsed.
pub fn form_of(query: &str) -> Result<QueryForm, QueryError> {
    Ok(match text::read(query)? {
        Query::Select { .. } => QueryForm::Select,
        Query::Construct { .. } => QueryForm::Construct,
        Query::Describe { .. } => QueryForm::Describe,
        Query::Ask { .. } => QueryForm::Ask,
    })
}

/// The names of the variables that the solutions of a SELECT have.
///
/// # Errors
/// If `query` cannot be parsed or is no SELECT.
pub fn visible_variables(query: &str) -> Result<Vec<String>, QueryError> {
    let Query::Select { pattern, .. } = text::read(query)? else {
        return Err(Malformed::NotSelect.into());
    };
    let names = shown(&pattern).iter().map(|v| v.as_str().to_owned());
    Ok(names.collect())
}

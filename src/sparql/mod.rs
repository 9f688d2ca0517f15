//! SPARQL with CLIP: [`Sparql::answer`] is the one door.
//!
//! A query with a `clip:Request` is rewritten before evaluation: groups below a GRAPH with a variable are made to
//! keep its graphs apart (`graphs`), its clip triples are taken out (`extract`), grouped into requests (`plan`), their input variables are given values from the
//! patterns around them (`context`), as are the images that can be in an answer at all (`candidates`), the
//! collection is searched (`relation`), and the hits, put together with what was found beside their request
//! (`beside`, `row`), are made into tables (`table`) and put back (`rewrite`), large ones by name (`tables`):
//! all of them, or block by block from the best downwards where only the best rows are asked for (`top`).
//! Evaluation itself is oxigraph's, until it takes too long or too much memory (`deadline`, `stop`); where
//! nothing is left to evaluate, the rows are the answer (`straight`).

mod algebra;
mod beside;
mod candidates;
mod carried;
mod context;
mod deadline;
mod embedding_literal;
pub mod explain;
mod extract;
mod functions;
mod graphs;
mod group;
pub mod guard;
mod json;
mod plan;
mod relation;
pub mod request;
mod resolve;
pub mod results;
mod rewrite;
#[cfg(test)]
mod rewriting;
mod row;
mod run;
pub mod search;
mod service;
mod stop;
mod straight;
mod syntax;
mod table;
mod tables;
pub mod template;
mod top;

use crate::engine::Engine;
use crate::vocab::{CENTROID, NAMESPACE};
use explain::{Explanation, Stage};
use oxigraph::sparql::QueryResults;
use oxigraph::store::Store;
use oxrdf::NamedNode;
use request::RequestError;
use results::Answer;
use run::Run;
use service::Services;
use spargebra::algebra::{GraphPattern, QueryDataset};
use spargebra::{Query, SparqlParser};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
pub use stop::{CancelOnDrop, Cancellation};

/// Answers SPARQL queries over a metadata store and a collection.
pub struct Sparql {
    store: Store,
    engine: Arc<Engine>,
    options: SparqlOptions,
    services: Services,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct SparqlOptions {
    /// Evaluation is cancelled after this time.
    pub timeout: Option<Duration>,
    /// Evaluation is cancelled when its rows take more memory, where [`crate::memory::Counting`] allocates.
    pub max_memory_bytes: Option<usize>,
    /// `clip:minScore` of requests that have none.
    pub default_min_score: f32,
    /// `clip:limit` of requests that have none.
    pub default_limit: Option<usize>,
    /// Width of the picture that `clip:link` names, in pixels, where the image is as wide.
    pub link_width_px: NonZeroU32,
    /// Most hits of all requests of a query together.
    pub max_hits: usize,
    /// Most different values of a request's input variables.
    pub max_inputs: usize,
    /// Most images that one query may have fetched or decoded.
    pub max_query_images: usize,
    /// Endpoints that SERVICE may call, by their exact IRIs.
    pub services: Vec<String>,
    /// How the planner weighs its plans.
    pub planner: PlannerOptions,
}

/// Which plan is taken when; the answers are the same.
#[derive(Debug, Clone)]
pub struct PlannerOptions {
    /// Most solutions of the patterns around a request that are looked at to find its candidates; none
    /// for a number that fits the collection.
    pub probe_rows: Option<usize>,
    /// Hits that are joined first when a query needs only the best rows.
    pub first_block: usize,
    /// Tables of more rows are kept beside the query, instead of being written into it.
    pub inline_rows: usize,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        Self {
            probe_rows: None,
            first_block: 64,
            inline_rows: 256,
        }
    }
}

impl Default for SparqlOptions {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(60)),
            max_memory_bytes: Some(2 << 30),
            default_min_score: 0.2,
            default_limit: None,
            link_width_px: NonZeroU32::new(1000).expect("not zero"),
            max_hits: 1_000_000,
            max_inputs: 10_000,
            max_query_images: 32,
            services: Vec::new(),
            planner: PlannerOptions::default(),
        }
    }
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

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The query's author must act; the text says how.
    #[error("{0}")]
    Malformed(String),
    /// A request in the query cannot be searched for.
    #[error(transparent)]
    Request(Box<RequestError>),
    /// The query took longer than allowed.
    #[error(
        "the query was stopped after {0} s; ask for less, for instance with a higher clip:minScore, clip:limit or LIMIT"
    )]
    TimedOut(u64),
    /// The query's rows took more memory than allowed, in MiB.
    #[error(
        "the query was stopped because its rows take more than {0} MiB; ask for less, for instance with a higher clip:minScore, or without ORDER BY, GROUP BY or DISTINCT over so many rows"
    )]
    TooMuchMemory(usize),
    /// An endpoint that the query calls by SERVICE fails.
    #[error("{reason}; try again later, or ask without this SERVICE, or with SERVICE SILENT")]
    Service {
        /// Which endpoint, and what went wrong.
        reason: String,
        /// Whether it took too long.
        is_timeout: bool,
    },
    /// The format that the client asks for cannot carry the answer; the text names one that can.
    #[error("{0}")]
    NotInFormat(String),
    /// Nobody waits for the answer any more.
    #[error("the query was cancelled")]
    Cancelled,
    /// We must act: the store or the model failed.
    #[error("the query cannot be evaluated; the service's log says why")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<RequestError> for QueryError {
    fn from(error: RequestError) -> Self {
        Self::Request(Box::new(error))
    }
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

    /// Evaluates a query. Blocks, as does reading the answer; needs [`guard::STACK_SIZE`] of stack.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn answer(&self, request: &QueryRequest<'_>) -> Result<Answer, QueryError> {
        let text = without_bom(request.query);
        guard::check(text)?;
        self.answer_query(parse(text)?, request)
    }

    fn answer_query(&self, query: Query, request: &QueryRequest<'_>) -> Result<Answer, QueryError> {
        let (results, run) = self.evaluate(query, request)?;
        Ok(Answer::new(results, run.deadline))
    }

    /// Answers a query to its end, and tells how. Blocks; needs [`guard::STACK_SIZE`] of stack.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn explain(&self, request: &QueryRequest<'_>) -> Result<Explanation, QueryError> {
        let started = Instant::now();
        let text = without_bom(request.query);
        guard::check(text)?;
        let query = parse(text)?;
        let parsed = started.elapsed();
        let (results, run) = self.evaluate(query, request)?;
        run.trace.add(Stage::Parse, parsed);
        let failed = |error| run.deadline.explain(error);
        let rows = run.trace.time(Stage::Join, || {
            let mut n = 0;
            match results {
                QueryResults::Boolean(value) => n += usize::from(value),
                QueryResults::Solutions(solutions) => {
                    for solution in solutions {
                        run.deadline.check()?;
                        solution.map_err(failed)?;
                        n += 1;
                    }
                }
                QueryResults::Graph(triples) => {
                    for triple in triples {
                        run.deadline.check()?;
                        triple.map_err(failed)?;
                        n += 1;
                    }
                }
            }
            Ok::<usize, QueryError>(n)
        })?;
        run.deadline.check()?;
        Ok(Explanation {
            rows,
            ..run.trace.into_explanation()
        })
    }

    fn evaluate(
        &self,
        mut query: Query,
        request: &QueryRequest<'_>,
    ) -> Result<(QueryResults<'static>, Run<'_>), QueryError> {
        self.services.check(pattern_of(&query))?;
        let pattern = pattern_of_mut(&mut query);
        *pattern = service::name_endpoints(std::mem::replace(pattern, algebra::unit()));
        if let Some(dataset) = dataset_mut(&mut query) {
            dataset.default = run::each_once(std::mem::take(&mut dataset.default));
            dataset.named = dataset.named.take().map(run::each_once);
        }
        let run = Run::new(self, &query, request)?;
        let planned = run.trace.time(Stage::Parse, || {
            let Some(extracted) = extract::extract(pattern_of_mut(&mut query))? else {
                return Ok(None);
            };
            let plan = plan::plan(&extracted)?;
            Ok::<_, QueryError>(Some((extracted, plan)))
        })?;
        if let Some((mut extracted, plan)) = planned {
            let mut gathered = self.gather(&query, &mut extracted, &plan, &run)?;
            let known = gathered.as_ref();
            if let Some(results) = self.answer_top(&query, &extracted, &plan, &run, known)? {
                return Ok((results, run));
            }
            if let Some(known) = &mut gathered
                && let Some(results) =
                    self.answer_straight(&query, &extracted, &plan, &run, known)?
            {
                // An ASK has its answer now, unless its rows have ended because it was stopped.
                run.deadline.check()?;
                return Ok((results, run));
            }
            let known = gathered.as_ref();
            let rewritten = match self.rewrite_top(&query, &extracted, &plan, &run, known)? {
                Some(rewritten) => rewritten,
                None => self.rewrite(&extracted, &plan, &run, gathered)?,
            };
            *pattern_of_mut(&mut query) = rewritten;
        }
        let results = run.trace.time(Stage::Join, || run.evaluate(query))?;
        // An ASK has its answer now; errors inside it may have counted as "no match".
        run.deadline.check()?;
        Ok((results, run))
    }
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
    let text = without_bom(query);
    guard::check(text)?;
    Ok(match parse(text)? {
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
    let text = without_bom(query);
    guard::check(text)?;
    let Query::Select { mut pattern, .. } = parse(text)? else {
        return Err(QueryError::Malformed(
            "the query must be a SELECT".to_owned(),
        ));
    };
    loop {
        pattern = match pattern {
            GraphPattern::Project { variables, .. } => {
                return Ok(variables.into_iter().map(|v| v.into_string()).collect());
            }
            GraphPattern::Slice { inner, .. }
            | GraphPattern::Distinct { inner }
            | GraphPattern::Reduced { inner }
            | GraphPattern::OrderBy { inner, .. } => *inner,
            other => {
                let mut names = algebra::all_variables(&other);
                return Ok(names.drain().map(|v| v.into_string()).collect());
            }
        }
    }
}

/// The text after a byte order mark, which editors write at the beginning of a file.
fn without_bom(query: &str) -> &str {
    query.strip_prefix('\u{feff}').unwrap_or(query)
}

fn parse(query: &str) -> Result<Query, QueryError> {
    (PARSER.clone()).parse_query(query).map_err(|error| {
        let declared = PREFIXES.map(|(prefix, _)| prefix);
        QueryError::Malformed(syntax::sentence(query, &error.to_string(), &declared))
    })
}

/// The prefixes that callers may leave out.
const PREFIXES: [(&str, &str); 4] = [
    ("clip", NAMESPACE),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// The parser that knows [`PREFIXES`], and a base for relative IRIs.
static PARSER: LazyLock<SparqlParser> = LazyLock::new(|| {
    PREFIXES
        .into_iter()
        .try_fold(SparqlParser::new(), |parser, (prefix, iri)| {
            parser.with_prefix(prefix, iri)
        })
        .map(|parser| parser.with_custom_aggregate_function(NamedNode::new_unchecked(CENTROID)))
        .and_then(|parser| parser.with_base_iri("http://localhost/"))
        .expect("the prefixes and the base are valid IRIs")
});

fn dataset_mut(query: &mut Query) -> Option<&mut QueryDataset> {
    match query {
        Query::Select { dataset, .. }
        | Query::Construct { dataset, .. }
        | Query::Describe { dataset, .. }
        | Query::Ask { dataset, .. } => dataset.as_mut(),
    }
}

fn pattern_of(query: &Query) -> &GraphPattern {
    match query {
        Query::Select { pattern, .. }
        | Query::Construct { pattern, .. }
        | Query::Describe { pattern, .. }
        | Query::Ask { pattern, .. } => pattern,
    }
}

fn pattern_of_mut(query: &mut Query) -> &mut GraphPattern {
    match query {
        Query::Select { pattern, .. }
        | Query::Construct { pattern, .. }
        | Query::Describe { pattern, .. }
        | Query::Ask { pattern, .. } => pattern,
    }
}

//! SPARQL with CLIP: [`Sparql::answer`] is the one door.
//!
//! A query with a `clip:Request` is rewritten before evaluation: its clip triples are taken out
//! (`extract`), grouped into requests (`plan`), their input variables are given values from the
//! patterns around them (`context`), the collection is searched (`relation`), and the hits are put
//! back as inline tables (`rewrite`). Evaluation itself is oxigraph's.

mod algebra;
mod context;
mod extract;
mod functions;
pub mod guard;
mod plan;
mod relation;
pub mod request;
pub mod results;
mod rewrite;
pub mod search;
mod service;

use crate::engine::Engine;
use crate::vocab::{NAMESPACE, Property};
use context::Context;
use extract::Extracted;
use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode, Term};
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use oxrdf::Variable;
use plan::{Choices, Input, InputObject, Request};
use relation::{Relation, Tuple};
use request::{Inputs, RequestError, Value};
use results::Answer;
use service::Services;
use spargebra::algebra::{GraphPattern, QueryDataset};
use spargebra::{Query, SparqlParser};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Answers SPARQL queries over a metadata store and a collection.
pub struct Sparql {
    store: Store,
    engine: Arc<Engine>,
    options: SparqlOptions,
    services: Services,
}

/// What an operator may set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SparqlOptions {
    /// Evaluation is cancelled after this time.
    pub timeout: Option<Duration>,
    /// `clip:minScore` of requests that have none.
    pub default_min_score: f64,
    /// `clip:limit` of requests that have none.
    pub default_limit: Option<usize>,
    /// Width of the picture that `clip:link` names, in pixels.
    pub link_width_px: u32,
    /// Most hits of all requests of a query together.
    pub max_hits: usize,
    /// Most different values of a request's input variables.
    pub max_inputs: usize,
    /// Most images that one query may have fetched or decoded.
    pub max_query_images: usize,
    /// Endpoints that SERVICE may call, by their exact IRIs.
    pub services: Vec<String>,
}

impl Default for SparqlOptions {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(60)),
            default_min_score: 0.2,
            default_limit: None,
            link_width_px: 1000,
            max_hits: 2_000_000,
            max_inputs: 10_000,
            max_query_images: 32,
            services: Vec::new(),
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
    Request(#[from] RequestError),
    /// The query took longer than allowed.
    #[error(
        "the query was stopped after {0} s; ask for less, for instance with a higher clip:minScore, clip:limit or LIMIT"
    )]
    TimedOut(u64),
    /// We must act: the store or the model failed.
    #[error("the query cannot be evaluated")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
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

    /// Evaluates a query. Blocks, as does reading the answer; needs [`guard::STACK_SIZE`] of stack.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn answer(&self, request: &QueryRequest<'_>) -> Result<Answer, QueryError> {
        guard::check(request.query)?;
        let query = parser()
            .parse_query(request.query)
            .map_err(|error| QueryError::Malformed(error.to_string()))?;
        self.answer_query(query, request)
    }

    fn answer_query(
        &self,
        mut query: Query,
        request: &QueryRequest<'_>,
    ) -> Result<Answer, QueryError> {
        self.services.check(pattern_of(&query))?;
        let run = Run::new(self, &query, request)?;
        if let Some(extracted) = extract::extract(pattern_of(&query))? {
            let rewritten = self.rewrite(&extracted, &run)?;
            *pattern_of_mut(&mut query) = rewritten;
        }
        let results = run.evaluate(query)?;
        Ok(Answer::new(results, run.deadline))
    }

    /// The query's pattern with the hits of its requests as inline tables.
    fn rewrite(&self, query: &Extracted, run: &Run<'_>) -> Result<GraphPattern, QueryError> {
        let (requests, choices) = plan::requests(query)?;
        let mut tables: Vec<Option<GraphPattern>> = vec![None; query.fragments.len()];
        let order = sole_fragment(&requests, &choices).map(|fragment| {
            let position = Variable::new_unchecked("clip_position");
            (fragment, position)
        });
        let mut n_hits = 0;
        let mut open: Vec<&Request> = requests.iter().collect();
        let mut effort = Effort::Bind;
        while !open.is_empty() {
            let n_open = open.len();
            let mut still_open = Vec::new();
            for request in open {
                let context = Context {
                    query,
                    tables: &tables,
                };
                let Some(tuples) = self.tuples(request, &context, run, effort)? else {
                    still_open.push(request);
                    continue;
                };
                let relation = self.search(request, tuples, &context, run)?;
                n_hits += relation.n_hits();
                if n_hits > self.options.max_hits {
                    return Err(self.too_many_hits(request));
                }
                for &index in &request.fragments {
                    let position = order
                        .as_ref()
                        .filter(|(fragment, _)| *fragment == index)
                        .map(|(_, position)| position);
                    tables[index] = Some(relation.table(
                        &query.fragments[index],
                        &choices[index],
                        self.engine.collection(),
                        self.options.link_width_px,
                        position,
                    ));
                }
            }
            effort = if still_open.len() == n_open {
                effort.more()
            } else {
                Effort::Bind
            };
            open = still_open;
        }
        let pattern = rewrite::insert_tables(
            query.pattern.clone(),
            &rewrite::Tables {
                of_fragment: &tables,
                names_graphs: run.names_graphs(),
            },
            None,
        );
        Ok(match &order {
            Some((fragment, position)) => rewrite::Order {
                position,
                score: query.fragments[*fragment]
                    .columns
                    .iter()
                    .find(|(property, _)| *property == Property::Score)
                    .and_then(|(_, object)| algebra::variable_of(object)),
            }
            .apply(pattern),
            None => pattern,
        })
    }

    /// The input values of a request, from the patterns around it; `None` if something that binds
    /// them is still open.
    fn tuples(
        &self,
        request: &Request,
        context: &Context<'_>,
        run: &Run<'_>,
        effort: Effort,
    ) -> Result<Option<Vec<Tuple>>, QueryError> {
        let mut tuples = Vec::new();
        for alternative in &request.alternatives {
            let Some(inputs) = bindable(request, &alternative.inputs, context, effort)? else {
                return Ok(None);
            };
            let variables = variables_of(&inputs);
            let solutions = if variables.is_empty() {
                vec![Vec::new()]
            } else {
                let pattern = surroundings(&inputs, &variables, context);
                run.distinct(pattern, &variables, self.options.max_inputs)?
                    .ok_or_else(|| RequestError::TooManyInputs {
                        subject: request.written.clone(),
                        property: inputs[0].property,
                        variable: variables[0].clone(),
                        limit: self.options.max_inputs,
                    })?
            };
            for solution in solutions {
                let values: Vec<Value> = inputs
                    .iter()
                    .map(|input| match &input.object {
                        InputObject::Constant(term) => Value {
                            property: input.property,
                            variable: None,
                            term: term.clone(),
                        },
                        InputObject::Variable(variable) => {
                            let column = variables
                                .iter()
                                .position(|v| v == variable)
                                .expect("variables_of lists every variable of the inputs");
                            Value {
                                property: input.property,
                                variable: Some(variable.clone()),
                                term: solution[column].clone(),
                            }
                        }
                    })
                    .collect();
                let checked = Inputs::from_values(&values, &request.written)?;
                tuples.push(Tuple {
                    choices: alternative.choices.clone(),
                    key: checked.key(&values),
                    values,
                    inputs: checked,
                });
            }
        }
        Ok(Some(tuples))
    }

    fn search(
        &self,
        request: &Request,
        tuples: Vec<Tuple>,
        context: &Context<'_>,
        run: &Run<'_>,
    ) -> Result<Relation, QueryError> {
        let candidates = self.candidates(request, context);
        relation::search(
            &self.engine,
            &self.options,
            &run.deadline,
            &request.written,
            tuples,
            candidates.as_ref(),
        )
    }

    /// The rows of the images that constants and inline data name for a request, if they do. With
    /// several fragments a restriction found at one of them might not hold for the others.
    fn candidates(&self, request: &Request, context: &Context<'_>) -> Option<BTreeSet<usize>> {
        let [index] = request.fragments[..] else {
            return None;
        };
        let columns = &context.query.fragments[index].columns;
        // The rank counts the images that are not candidates as well.
        if columns
            .iter()
            .any(|(property, _)| *property == Property::Rank)
        {
            return None;
        }
        columns
            .iter()
            .filter(|(property, _)| *property == Property::IiifUrl)
            .filter_map(|(_, object)| match object {
                spargebra::term::TermPattern::NamedNode(image) => {
                    Some(HashSet::from([image.clone()]))
                }
                object => context.named_constants(index, algebra::variable_of(object)?),
            })
            .map(|images| {
                images
                    .iter()
                    .filter_map(|image| self.engine.collection().row_of_url(image.as_str()))
                    .collect::<BTreeSet<usize>>()
            })
            .min_by_key(BTreeSet::len)
    }

    fn too_many_hits(&self, request: &Request) -> QueryError {
        RequestError::TooManyHits {
            subject: request.written.clone(),
            limit: self.options.max_hits,
        }
        .into()
    }
}

/// How hard to try to give an input variable a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// Only from the patterns around it.
    Bind,
    /// A variable beside a constant of the same property asks for that constant.
    Echo,
    /// What has no value now has none.
    Fail,
}

impl Effort {
    fn more(self) -> Self {
        match self {
            Self::Bind => Self::Echo,
            Self::Echo | Self::Fail => Self::Fail,
        }
    }
}

/// The inputs that can be given values; `None` if a variable may still be bound later.
fn bindable(
    request: &Request,
    inputs: &[Input],
    context: &Context<'_>,
    effort: Effort,
) -> Result<Option<Vec<Input>>, RequestError> {
    let variables = variables_of(inputs);
    let bound = algebra::bound_variables(
        &surroundings(inputs, &variables, context),
        algebra::Binding::Possible,
    );
    let mut kept = Vec::new();
    for input in inputs {
        match &input.object {
            InputObject::Variable(variable) if !bound.contains(variable) => {
                let echoes = inputs.iter().any(|other| {
                    other.property == input.property
                        && matches!(other.object, InputObject::Constant(_))
                });
                match effort {
                    Effort::Echo | Effort::Fail if echoes => {}
                    Effort::Bind | Effort::Echo => return Ok(None),
                    Effort::Fail => {
                        return Err(RequestError::UnboundInput {
                            subject: request.written.clone(),
                            property: input.property,
                            variable: context.query.names.written(variable),
                        });
                    }
                }
            }
            _ => kept.push(input.clone()),
        }
    }
    Ok(Some(kept))
}

/// What binds the variables of `inputs` around the places where they stand.
fn surroundings(inputs: &[Input], variables: &[Variable], context: &Context<'_>) -> GraphPattern {
    let mut wanted: HashSet<Variable> = variables.iter().cloned().collect();
    let mut pattern = algebra::unit();
    for input in inputs {
        let InputObject::Variable(variable) = &input.object else {
            continue;
        };
        if !wanted.contains(variable) {
            continue;
        }
        pattern = algebra::join(pattern, context.binding(input.fragment, &wanted));
        let bound = algebra::bound_variables(&pattern, algebra::Binding::Possible);
        wanted.retain(|variable| !bound.contains(variable));
    }
    pattern
}

fn variables_of(inputs: &[Input]) -> Vec<Variable> {
    let mut variables = Vec::new();
    for input in inputs {
        if let InputObject::Variable(variable) = &input.object
            && !variables.contains(variable)
        {
            variables.push(variable.clone());
        }
    }
    variables
}

/// The fragment whose hits order the rows, if the query has one request with one set of inputs.
fn sole_fragment(requests: &[Request], choices: &[Choices]) -> Option<usize> {
    let [request] = requests else {
        return None;
    };
    let inputs = |alternative: &plan::Alternative| {
        alternative
            .inputs
            .iter()
            .map(|input| (input.property, input.object.clone()))
            .collect::<Vec<_>>()
    };
    let first = inputs(request.alternatives.first()?);
    let is_sole = request.alternatives.iter().all(|a| inputs(a) == first);
    request
        .fragments
        .iter()
        .copied()
        .find(|index| is_sole && choices[*index].is_empty())
}

/// The parser that knows the prefixes which callers leave out, and a base for relative IRIs.
fn parser() -> SparqlParser {
    [
        ("clip", NAMESPACE),
        ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
        ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ]
    .into_iter()
    .try_fold(SparqlParser::new(), |parser, (prefix, iri)| {
        parser.with_prefix(prefix, iri)
    })
    .and_then(|parser| parser.with_base_iri("http://localhost/"))
    .expect("the prefixes and the base are valid IRIs")
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

/// One query's evaluation: the same dataset and deadline for all its parts.
struct Run<'a> {
    sparql: &'a Sparql,
    dataset: Option<QueryDataset>,
    default_graphs: Option<Vec<GraphName>>,
    named_graphs: Option<Vec<NamedOrBlankNode>>,
    deadline: Deadline,
}

impl<'a> Run<'a> {
    fn new(
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
            deadline: Deadline::after(sparql.options.timeout),
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
            this.default_graphs = Some(default?);
            this.named_graphs = Some(named?);
        }
        Ok(this)
    }

    /// Whether the query or the request lists the named graphs of the dataset.
    fn names_graphs(&self) -> bool {
        match (&self.named_graphs, &self.dataset) {
            (Some(named), _) => !named.is_empty(),
            (None, Some(dataset)) => dataset
                .named
                .as_ref()
                .is_some_and(|named| !named.is_empty()),
            (None, None) => false,
        }
    }

    fn evaluate(&self, query: Query) -> Result<QueryResults<'static>, QueryError> {
        let mut evaluator = self
            .sparql
            .services
            .register(SparqlEvaluator::new().with_cancellation_token(self.deadline.token.clone()));
        if !guard::is_optimizable(pattern_of(&query)) {
            evaluator = evaluator.without_optimizations();
        }
        let mut prepared =
            functions::register(evaluator, self.sparql.engine.clone()).for_query(query);
        if let (Some(default), Some(named)) = (&self.default_graphs, &self.named_graphs) {
            let dataset = prepared.dataset_mut();
            dataset.set_default_graph(default.clone());
            dataset.set_available_named_graphs(named.clone());
        }
        prepared
            .on_store(&self.sparql.store)
            .execute()
            .map_err(|error| self.deadline.explain(error))
    }

    /// The distinct values of `variables` in the solutions of `pattern` that bind them all; `None` if
    /// there are more than `limit`.
    fn distinct(
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
}

/// Cancels an evaluation that takes too long, for as long as this exists.
pub(crate) struct Deadline {
    token: CancellationToken,
    timeout: Option<Duration>,
    /// Dropped with the deadline, which ends the waiting thread.
    _over: Option<std::sync::mpsc::Sender<()>>,
}

impl Deadline {
    fn after(timeout: Option<Duration>) -> Self {
        let token = CancellationToken::new();
        let over = timeout.map(|timeout| {
            let (over, waiting) = std::sync::mpsc::channel::<()>();
            let token = token.clone();
            std::thread::spawn(move || {
                if waiting.recv_timeout(timeout) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
                {
                    token.cancel();
                }
            });
            over
        });
        Self {
            token,
            timeout,
            _over: over,
        }
    }

    /// [`QueryError::TimedOut`] once the time is over. The evaluator looks at the clock only when it
    /// reads the store, which it may not do for a long time while it multiplies what it has read.
    fn check(&self) -> Result<(), QueryError> {
        if self.token.is_cancelled() {
            return Err(self.explain(QueryEvaluationError::Cancelled));
        }
        Ok(())
    }

    fn explain(&self, error: QueryEvaluationError) -> QueryError {
        match error {
            QueryEvaluationError::Cancelled => {
                QueryError::TimedOut(self.timeout.unwrap_or_default().as_secs())
            }
            QueryEvaluationError::Service(error) => QueryError::Malformed(error.to_string()),
            QueryEvaluationError::UnboundService => QueryError::Malformed(
                "SERVICE has a variable that no endpoint is bound to before it; name the endpoint by its IRI".to_owned(),
            ),
            error @ (QueryEvaluationError::UnsupportedCustomFunction(_)
            | QueryEvaluationError::UnsupportedCustomFunctionArity { .. }
            | QueryEvaluationError::InvalidServiceName(_)
            | QueryEvaluationError::UnsupportedService(_)) => {
                QueryError::Malformed(error.to_string())
            }
            error => QueryError::Internal(Box::new(error)),
        }
    }
}

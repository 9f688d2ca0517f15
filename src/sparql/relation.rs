//! The rows of the clip relation: inputs in, scored images out, as tables for the rewritten query.

use super::deadline::Deadline;
use super::plan::{Choices, compatible};
use super::request::{Fragment, Inputs, QueryInput, RequestError, Value};
use super::{QueryError, SparqlOptions};
use crate::collection::Collection;
use crate::embedding::Embedding;
use crate::engine::{Engine, QueryImageError};
use crate::fetch::FetchError;
use crate::iiif;
use crate::vocab::{HIT_PREFIX, Property};
use oxrdf::{Literal, NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, TermPattern};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// One set of input values of a request.
#[derive(Debug, Clone)]
pub(super) struct Tuple {
    pub choices: Choices,
    pub values: Vec<Value>,
    pub inputs: Inputs,
    /// Equal inputs have equal keys.
    pub key: String,
}

/// The hits of a request for all its tuples, best first.
pub(super) struct Relation {
    pub tuples: Vec<Tuple>,
    hits: Vec<RankedHit>,
}

struct RankedHit {
    /// Index of the first tuple with these inputs.
    tuple: usize,
    row: usize,
    score: f32,
    rank: usize,
}

/// Searches the collection for every distinct set of inputs. `candidates`: rows that matter; the
/// others cannot be joined and are not scored, unless a limit has to rank them all.
///
/// # Errors
/// [`RequestError`] for images that are none, inputs that cancel each other and too many hits.
pub(super) fn search(
    engine: &Engine,
    options: &SparqlOptions,
    deadline: &Deadline,
    written: &str,
    tuples: Vec<Tuple>,
    candidates: Option<&BTreeSet<usize>>,
) -> Result<Relation, QueryError> {
    let mut first_of: HashMap<&str, usize> = HashMap::new();
    for (index, tuple) in tuples.iter().enumerate() {
        first_of.entry(&tuple.key).or_insert(index);
    }
    let mut distinct: Vec<usize> = first_of.into_values().collect();
    distinct.sort_unstable();
    let inputs = distinct.iter().map(|index| &tuples[*index].inputs);
    let embeddings = Embeddings::of(engine, options, deadline, written, inputs)?;
    let mut hits = Vec::new();
    for tuple in distinct {
        deadline.check()?;
        let inputs = &tuples[tuple].inputs;
        let Some(query) = embeddings.combine(engine, inputs, written)? else {
            continue;
        };
        let min_score = inputs.min_score.unwrap_or(options.default_min_score);
        let limit = inputs.limit.or(options.default_limit);
        let found = match (limit, candidates) {
            (None, Some(rows)) => engine.search_rows(&query, min_score, rows.iter().copied()),
            _ => engine.search(&query, min_score, limit),
        };
        if hits.len() + found.len() > options.max_hits {
            return Err(RequestError::TooManyHits {
                subject: written.to_owned(),
                limit: options.max_hits,
            }
            .into());
        }
        hits.extend(found.into_iter().enumerate().map(|(index, hit)| RankedHit {
            tuple,
            row: hit.row,
            score: hit.score,
            rank: index + 1,
        }));
    }
    hits.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.row.cmp(&b.row))
            .then(a.tuple.cmp(&b.tuple))
    });
    Ok(Relation { tuples, hits })
}

/// The embeddings of all inputs of a request, each computed once.
struct Embeddings {
    texts: HashMap<String, Arc<Embedding>>,
    images: HashMap<QueryInput, Embedding>,
}

impl Embeddings {
    fn of<'a>(
        engine: &Engine,
        options: &SparqlOptions,
        deadline: &Deadline,
        written: &str,
        all: impl Iterator<Item = &'a Inputs>,
    ) -> Result<Self, QueryError> {
        let mut texts: BTreeSet<&str> = BTreeSet::new();
        let mut images = HashMap::new();
        for inputs in all {
            texts.extend(inputs.excluded.iter().map(String::as_str));
            for query in &inputs.queries {
                match query {
                    QueryInput::Text(text) => {
                        texts.insert(text);
                    }
                    QueryInput::Url(_) | QueryInput::Image(_) => {
                        if !images.contains_key(query) {
                            deadline.check()?;
                            if images.len() == options.max_query_images {
                                return Err(RequestError::TooManyImages {
                                    subject: written.to_owned(),
                                    limit: options.max_query_images,
                                }
                                .into());
                            }
                            images.insert(query.clone(), embed_image(engine, query, written)?);
                        }
                    }
                    QueryInput::SimilarTo(_) => {}
                }
            }
        }
        let texts: Vec<&str> = texts.into_iter().collect();
        let embedded = engine
            .embed_texts(&texts)
            .map_err(|error| QueryError::Internal(Box::new(error)))?;
        Ok(Self {
            texts: texts.into_iter().map(str::to_owned).zip(embedded).collect(),
            images,
        })
    }

    /// The query vector, or none if an image to be similar to is not in the collection.
    fn combine(
        &self,
        engine: &Engine,
        inputs: &Inputs,
        written: &str,
    ) -> Result<Option<Embedding>, RequestError> {
        let mut like: Vec<Embedding> = Vec::new();
        for query in &inputs.queries {
            like.push(match query {
                QueryInput::Text(text) => self.texts[text].as_ref().clone(),
                QueryInput::Url(_) | QueryInput::Image(_) => self.images[query].clone(),
                QueryInput::SimilarTo(url) => match engine.embedding_of(url) {
                    Some(embedding) => embedding,
                    None => return Ok(None),
                },
            });
        }
        let unlike: Vec<&Embedding> = inputs
            .excluded
            .iter()
            .map(|text| self.texts[text].as_ref())
            .collect();
        // A single input is used as it is: normalising it again could change its last digits.
        if let ([query], true) = (like.as_slice(), unlike.is_empty()) {
            return Ok(Some(query.clone()));
        }
        Embedding::combine(&like, unlike)
            .map(Some)
            .map_err(|_| RequestError::Cancelled {
                subject: written.to_owned(),
            })
    }
}

fn embed_image(
    engine: &Engine,
    query: &QueryInput,
    written: &str,
) -> Result<Embedding, QueryError> {
    let (property, embedded) = match query {
        QueryInput::Url(url) => (Property::QueryUrl, engine.embed_url(url)),
        QueryInput::Image(text) | QueryInput::Text(text) | QueryInput::SimilarTo(text) => (
            Property::QueryImage,
            match crate::data_url::decode(text) {
                Ok(bytes) => engine.embed_image(&bytes),
                Err(error) => {
                    return Err(RequestError::Image {
                        subject: written.to_owned(),
                        property: Property::QueryImage,
                        reason: error.to_string(),
                    }
                    .into());
                }
            },
        ),
    };
    embedded.map_err(|error| match error {
        QueryImageError::Encoder(error) => QueryError::Internal(Box::new(error)),
        QueryImageError::Fetch(FetchError::Stopped) => {
            QueryError::Internal(Box::new(FetchError::Stopped))
        }
        other => RequestError::Image {
            subject: written.to_owned(),
            property,
            reason: other.to_string(),
        }
        .into(),
    })
}

impl Relation {
    /// Number of hits of all tuples together.
    pub(super) fn n_hits(&self) -> usize {
        self.hits.len()
    }

    /// The table that stands for `fragment` in the rewritten query: one row per hit, with the columns
    /// that the fragment names. `choices`: the UNION branches that the fragment stands in.
    /// `position`: a further column that numbers the hits from the best downwards.
    pub(super) fn table(
        &self,
        fragment: &Fragment,
        choices: &Choices,
        collection: &Collection,
        link_width_px: u32,
        position: Option<&Variable>,
    ) -> GraphPattern {
        let mut variables: Vec<Variable> = Vec::new();
        for variable in fragment.variables() {
            if !variables.contains(variable) {
                variables.push(variable.clone());
            }
        }
        // The tuples that the fragment can be joined with; of equal inputs the hits are listed once.
        let mut usable: HashMap<&str, Vec<&Tuple>> = HashMap::new();
        for tuple in &self.tuples {
            if compatible(&tuple.choices, choices) {
                usable.entry(&tuple.key).or_default().push(tuple);
            }
        }
        let mut bindings = Vec::new();
        for (number, hit) in self.hits.iter().enumerate() {
            let key = self.tuples[hit.tuple].key.as_str();
            let Some(tuples) = usable.get(key) else {
                continue;
            };
            let subject =
                NamedNode::new_unchecked(format!("{HIT_PREFIX}{key}/{}", collection.id(hit.row)));
            if fragment.hit.as_ref().is_some_and(|hit| *hit != subject) {
                continue;
            }
            let mut rows: Vec<Vec<Option<GroundTerm>>> = Vec::new();
            for tuple in tuples {
                for row in self.rows(
                    fragment,
                    tuple,
                    hit,
                    &subject,
                    &variables,
                    collection,
                    link_width_px,
                ) {
                    if !rows.contains(&row) {
                        rows.push(row);
                    }
                }
            }
            for mut row in rows {
                if position.is_some() {
                    row.push(Some(GroundTerm::Literal(integer(number))));
                }
                bindings.push(row);
            }
        }
        variables.extend(position.cloned());
        // The projection changes nothing but the plan: oxigraph joins bare VALUES by going through all
        // its rows for every row of the other side, and anything else by hashing.
        GraphPattern::Project {
            inner: Box::new(GraphPattern::Values {
                variables: variables.clone(),
                bindings,
            }),
            variables,
        }
    }

    /// The rows of one hit: one, or as many as an input property has values where the query asks for
    /// them by a variable of its own.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one table cell; a struct would be made and taken apart here only"
    )]
    fn rows(
        &self,
        fragment: &Fragment,
        tuple: &Tuple,
        hit: &RankedHit,
        subject: &NamedNode,
        variables: &[Variable],
        collection: &Collection,
        link_width_px: u32,
    ) -> Vec<Vec<Option<GroundTerm>>> {
        let mut rows: Vec<Vec<Option<GroundTerm>>> = vec![vec![None; variables.len()]];
        rows[0][0] = Some(GroundTerm::NamedNode(subject.clone()));
        for (property, object) in &fragment.columns {
            let terms: Vec<GroundTerm> = match property {
                Property::IiifUrl => named(collection.url(hit.row)),
                Property::Link => named(&iiif::full_image_url(
                    collection.url(hit.row),
                    link_width_px,
                )),
                Property::Score => vec![Literal::from(hit.score.clamp(-1.0, 1.0)).into()],
                Property::ImageId => {
                    vec![Literal::new_simple_literal(collection.id(hit.row)).into()]
                }
                Property::Rank => vec![integer(hit.rank).into()],
                Property::QueryString
                | Property::QueryUrl
                | Property::QueryImage
                | Property::SimilarTo
                | Property::ExcludeString
                | Property::MinScore
                | Property::Limit => given(tuple, *property, object),
            };
            match object {
                TermPattern::Variable(variable) => {
                    let column = variables
                        .iter()
                        .position(|v| v == variable)
                        .expect("the table has all variables of its fragment");
                    rows = rows
                        .into_iter()
                        .flat_map(|row| bind(row, column, &terms))
                        .collect();
                }
                constant => {
                    let is_constant = |term: &GroundTerm| match (term, constant) {
                        (GroundTerm::NamedNode(a), TermPattern::NamedNode(b)) => a == b,
                        (GroundTerm::Literal(a), TermPattern::Literal(b)) => a == b,
                        _ => false,
                    };
                    if !terms.iter().any(is_constant) {
                        return Vec::new();
                    }
                }
            }
        }
        rows
    }
}

/// The values of an input property: that of the very variable if it was bound elsewhere, else all.
fn given(tuple: &Tuple, property: Property, object: &TermPattern) -> Vec<GroundTerm> {
    let of_property = || tuple.values.iter().filter(|v| v.property == property);
    let own = super::algebra::variable_of(object)
        .and_then(|variable| of_property().find(|value| value.variable.as_ref() == Some(variable)));
    let terms: Vec<&Value> = match own {
        Some(value) => vec![value],
        None => of_property().collect(),
    };
    terms
        .into_iter()
        .filter_map(|value| GroundTerm::try_from(value.term.clone()).ok())
        .collect()
}

/// `row` with each of `terms` in `column`; none where another value stands there already.
fn bind(
    row: Vec<Option<GroundTerm>>,
    column: usize,
    terms: &[GroundTerm],
) -> Vec<Vec<Option<GroundTerm>>> {
    terms
        .iter()
        .filter(|term| row[column].as_ref().is_none_or(|bound| bound == *term))
        .map(|term| {
            let mut row = row.clone();
            row[column] = Some(term.clone());
            row
        })
        .collect()
}

/// An IRI, or nothing if the collection holds a URL that is none.
fn named(url: &str) -> Vec<GroundTerm> {
    NamedNode::new(url)
        .map(GroundTerm::NamedNode)
        .into_iter()
        .collect()
}

fn integer(number: usize) -> Literal {
    Literal::from(i64::try_from(number).unwrap_or(i64::MAX))
}

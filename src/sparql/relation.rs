//! The clip relation: inputs in, scored images out.

use super::deadline::Deadline;
use super::embedding_literal;
use super::explain::RequestExplanation;
use super::plan::Choices;
use super::request::{Inputs, QueryInput, RequestError, Value};
use super::{QueryError, SparqlOptions};
use crate::embedding::Embedding;
use crate::engine::{Engine, QueryImageError};
use crate::features::nearest::{Hit, Lookup};
use crate::features::ranking::Ranking;
use crate::fetch::FetchError;
use crate::vocab::Property;
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

/// The hits of a request for all its tuples.
pub(super) struct Relation {
    pub searches: Vec<Search>,
    pub counts: Counts,
}

/// What embedding and searching a request took.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub texts_encoded: usize,
    pub texts_remembered: usize,
    pub images_encoded: usize,
    pub images_scored: usize,
    pub hits: usize,
}

/// The hits for one set of inputs.
pub(super) struct Search {
    /// All tuples with these inputs.
    pub tuples: Vec<Tuple>,
    /// None if an image to be similar to is not in the collection.
    query: Option<Embedding>,
    pub hits: Vec<RankedHit>,
}

pub(super) struct RankedHit {
    pub row: usize,
    pub score: f32,
    pub rank: usize,
    /// Numbers the hits of the relation, the best with the highest number.
    pub position: usize,
}

/// What a query has used of what it may use, see [`SparqlOptions`].
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// Hits found, and rows of tables made of them.
    n_hits: usize,
    pub n_rows: usize,
    /// Images fetched or decoded.
    n_images: usize,
}

/// The distinct sets of inputs of a request, embedded; the collection is not searched yet.
///
/// # Errors
/// [`RequestError`] for images that are none and inputs that cancel each other.
pub(super) fn embed(
    engine: &Engine,
    options: &SparqlOptions,
    deadline: &Deadline,
    spent: &mut Spent,
    written: &str,
    tuples: Vec<Tuple>,
) -> Result<Relation, QueryError> {
    let mut number_of: HashMap<String, usize> = HashMap::new();
    let mut searches: Vec<Search> = Vec::new();
    for tuple in tuples {
        let number = *number_of.entry(tuple.key.clone()).or_insert(searches.len());
        if number == searches.len() {
            searches.push(Search {
                tuples: Vec::new(),
                query: None,
                hits: Vec::new(),
            });
        }
        searches[number].tuples.push(tuple);
    }
    let inputs = searches.iter().map(Search::inputs);
    let embeddings = Embeddings::of(engine, options, deadline, spent, written, inputs)?;
    for search in &mut searches {
        search.query = embeddings.combine(engine, search.inputs(), written)?;
    }
    Ok(Relation {
        searches,
        counts: embeddings.counts,
    })
}

/// What need not be searched: no solution of the query would show it.
#[derive(Debug, Default)]
pub(super) struct Restriction {
    /// The rows of the images that matter; the others cannot be joined and are not scored, unless a
    /// limit has to rank them all.
    pub candidates: Option<BTreeSet<usize>>,
    /// Hits below this score are filtered out.
    pub floor: Option<f64>,
    /// Why this is so, and what it took to find out.
    pub explanation: RequestExplanation,
}

impl Restriction {
    /// How the request was searched for, once it was.
    pub(super) fn explain(
        self,
        relation: &Relation,
        blocks: usize,
        joined: usize,
    ) -> RequestExplanation {
        let counts = &relation.counts;
        RequestExplanation {
            inputs: relation.searches.len(),
            candidates: self.candidates.map(|rows| rows.len()),
            score_floor: self.floor,
            images_scored: counts.images_scored,
            hits: counts.hits,
            hits_joined: joined,
            blocks,
            texts_encoded: counts.texts_encoded,
            texts_remembered: counts.texts_remembered,
            images_encoded: counts.images_encoded,
            exact: true,
            ..self.explanation
        }
    }
}

impl Relation {
    /// Searches the collection for every set of inputs.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if the hits would not fit in memory.
    pub(super) fn search(
        &mut self,
        engine: &Engine,
        options: &SparqlOptions,
        deadline: &Deadline,
        spent: &mut Spent,
        written: &str,
        restriction: &Restriction,
    ) -> Result<(), QueryError> {
        // Those with a limit rank all images, the others the candidates.
        let (limited, others): (Vec<_>, Vec<_>) = (self.searches.iter_mut())
            .filter(|search| search.query.is_some())
            .partition(|search| search.inputs().limit.or(options.default_limit).is_some());
        for (group, rows) in [(limited, None), (others, restriction.candidates.as_ref())] {
            let mut group = group;
            for searches in group.chunks_mut(LOOKUPS) {
                let lookups: Vec<Lookup<'_>> = (searches.iter())
                    .filter_map(|search| search.lookup(restriction, options))
                    .collect();
                let n_scored = rows.map_or(engine.collection().len(), BTreeSet::len);
                self.counts.images_scored += n_scored * lookups.len();
                let found = engine.search_each(&lookups, rows, &|| deadline.token.is_cancelled());
                deadline.check()?;
                for (search, found) in searches.iter_mut().zip(found) {
                    spend(&mut spent.n_hits, found.len(), options, written)?;
                    self.counts.hits += found.len();
                    search.hits = (found.iter().enumerate())
                        .map(|(index, hit)| RankedHit::new(hit, index))
                        .collect();
                }
            }
        }
        number_positions(&mut self.searches);
        Ok(())
    }

    /// The hits, best first: numbers of the search and of its hit.
    pub(super) fn in_order(&self) -> Vec<(usize, usize)> {
        if let [search] = &self.searches[..] {
            return (0..search.hits.len()).map(|hit| (0, hit)).collect();
        }
        let mut order = vec![(0, 0); self.searches.iter().map(|search| search.hits.len()).sum()];
        for (number, search) in self.searches.iter().enumerate() {
            for (index, hit) in search.hits.iter().enumerate() {
                let n = order.len();
                order[n - 1 - hit.position] = (number, index);
            }
        }
        order
    }

    /// The hits of a relation that has one set of inputs; `None` if it has several.
    pub(super) fn ranking(
        &mut self,
        engine: &Engine,
        options: &SparqlOptions,
        restriction: &Restriction,
    ) -> Option<Ranking> {
        let [search] = &self.searches[..] else {
            return None;
        };
        let Some(lookup) = search.lookup(restriction, options) else {
            return Some(Ranking::default());
        };
        let rows = (restriction.candidates.as_ref()).filter(|_| lookup.limit.is_none());
        let ranking = engine.ranking(lookup, rows);
        self.counts.images_scored += rows.map_or(engine.collection().len(), BTreeSet::len);
        self.counts.hits += ranking.len();
        Some(ranking)
    }

    /// Takes some of the `n_hits` hits of the only set of inputs in the place of all, those from number
    /// `start` on.
    pub(super) fn show(&mut self, hits: &[Hit], start: usize, n_hits: usize) {
        let shown = hits.iter().enumerate().map(|(index, hit)| RankedHit {
            position: n_hits - start - index,
            ..RankedHit::new(hit, start + index)
        });
        self.searches[0].hits = shown.collect();
    }
}

impl RankedHit {
    fn new(hit: &Hit, index: usize) -> Self {
        Self {
            row: hit.row,
            score: hit.score,
            rank: index + 1,
            position: 0,
        }
    }
}

pub(super) fn spend(
    total: &mut usize,
    n: usize,
    options: &SparqlOptions,
    written: &str,
) -> Result<(), RequestError> {
    *total += n;
    if *total > options.max_hits {
        return Err(RequestError::TooManyHits {
            subject: written.to_owned(),
            limit: options.max_hits,
        });
    }
    Ok(())
}

/// Of hits with the same score the lower row comes first, then the earlier inputs.
fn number_positions(searches: &mut [Search]) {
    let mut all: Vec<(usize, &mut RankedHit)> = searches
        .iter_mut()
        .enumerate()
        .flat_map(|(number, search)| search.hits.iter_mut().map(move |hit| (number, hit)))
        .collect();
    all.sort_by(|(a_number, a), (b_number, b)| {
        a.score
            .total_cmp(&b.score)
            .then(b.row.cmp(&a.row))
            .then(b_number.cmp(a_number))
    });
    for (position, (_, hit)) in all.into_iter().enumerate() {
        hit.position = position;
    }
}

/// Inputs that are searched for at once: their hits are held beside those that are kept.
const LOOKUPS: usize = 64;

impl Search {
    /// What to look for; none if an image to be similar to is not in the collection.
    fn lookup(&self, restriction: &Restriction, options: &SparqlOptions) -> Option<Lookup<'_>> {
        let inputs = self.inputs();
        let min_score = inputs
            .min_score
            .unwrap_or_else(|| options.default_min_score.into());
        Some(Lookup {
            query: self.query.as_ref()?,
            min_score: restriction
                .floor
                .map_or(min_score, |floor| floor.max(min_score)),
            limit: inputs.limit.or(options.default_limit),
        })
    }

    /// What was searched for: the same for all tuples.
    fn inputs(&self) -> &Inputs {
        &self.tuples[0].inputs
    }
}

/// Texts that the model is given at once; between batches the query may be cancelled.
const TEXT_BATCH: usize = 64;

/// The embeddings of all inputs of a request, each computed once.
struct Embeddings {
    texts: HashMap<String, Arc<Embedding>>,
    images: HashMap<QueryInput, Embedding>,
    counts: Counts,
}

impl Embeddings {
    fn of<'a>(
        engine: &Engine,
        options: &SparqlOptions,
        deadline: &Deadline,
        spent: &mut Spent,
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
                            if spent.n_images == options.max_query_images {
                                return Err(RequestError::TooManyImages {
                                    subject: written.to_owned(),
                                    limit: options.max_query_images,
                                }
                                .into());
                            }
                            spent.n_images += 1;
                            images.insert(query.clone(), embed_image(engine, query, written)?);
                        }
                    }
                    QueryInput::SimilarTo(_) | QueryInput::Embedding(_) => {}
                }
            }
        }
        let unembedded: Vec<&str> = texts.into_iter().collect();
        let mut texts = HashMap::new();
        let mut counts = Counts {
            images_encoded: images.len(),
            ..Counts::default()
        };
        for batch in unembedded.chunks(TEXT_BATCH) {
            deadline.check()?;
            let (embedded, n_encoded) = engine
                .embed_texts(batch)
                .map_err(|error| QueryError::Internal(Box::new(error)))?;
            counts.texts_encoded += n_encoded;
            counts.texts_remembered += batch.len() - n_encoded;
            texts.extend(batch.iter().map(|text| (*text).to_owned()).zip(embedded));
        }
        Ok(Self {
            texts,
            images,
            counts,
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
                QueryInput::Embedding(text) => {
                    let width = engine.collection().features().width();
                    embedding_literal::parse(text, width).ok_or_else(|| {
                        RequestError::BadEmbedding {
                            subject: written.to_owned(),
                            width,
                        }
                    })?
                }
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
        QueryInput::Image(text)
        | QueryInput::Text(text)
        | QueryInput::SimilarTo(text)
        | QueryInput::Embedding(text) => (
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
        // Not the author's mistake, and another answer in a while.
        QueryImageError::Fetch(error @ (FetchError::Stopped | FetchError::TooMany)) => {
            QueryError::Internal(Box::new(error))
        }
        other => RequestError::Image {
            subject: written.to_owned(),
            property,
            reason: other.to_string(),
        }
        .into(),
    })
}

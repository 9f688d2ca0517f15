//! The inputs of a request as vectors.

use super::{Counts, Relation, Search};
use crate::embedding::Embedding;
use crate::engine::{Engine, QueryImageError};
use crate::fetch::FetchError;
use crate::sparql::error::QueryError;
use crate::sparql::limits::Deadline;
use crate::sparql::limits::spent::Spent;
use crate::sparql::query_run::QueryRun;
use crate::sparql::request::embedding_literal;
use crate::sparql::request::error::RequestError;
use crate::sparql::request::inputs::{Inputs, QueryInput, Tuple};
use crate::vocab::Property;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The distinct sets of inputs of a request, embedded; the collection is not searched yet.
///
/// # Errors
/// [`RequestError`] for images that are none and inputs that cancel each other.
pub(in crate::sparql) fn embed(
    run: &QueryRun<'_>,
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
    let embeddings = Embeddings::of(run, spent, written, inputs)?;
    for search in &mut searches {
        search.query = embeddings.combine(run.engine, search.inputs(), written)?;
    }
    Ok(Relation {
        searches,
        counts: embeddings.counts,
    })
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
        run: &QueryRun<'_>,
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
                            run.deadline.check()?;
                            spent.image(run.options, written)?;
                            let embedding = embed_image(run.engine, &run.deadline, query, written)?;
                            images.insert(query.clone(), embedding);
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
            run.deadline.check()?;
            let (embedded, n_encoded) = (run.engine)
                .embed_texts(batch, &run.deadline.is_stopped())
                .map_err(|error| run.deadline.explain_embedding(error))?;
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
    deadline: &Deadline,
    query: &QueryInput,
    written: &str,
) -> Result<Embedding, QueryError> {
    let is_stopped = deadline.is_stopped();
    let (property, embedded) = match query {
        QueryInput::Url(url) => (Property::QueryUrl, engine.embed_url(url, &is_stopped)),
        QueryInput::Image(text)
        | QueryInput::Text(text)
        | QueryInput::SimilarTo(text)
        | QueryInput::Embedding(text) => (
            Property::QueryImage,
            match crate::data_url::decode(text) {
                Ok(bytes) => engine.embed_image(&bytes, &is_stopped),
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
        QueryImageError::Embed(error) => deadline.explain_embedding(error),
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

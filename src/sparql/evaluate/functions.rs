//! `clip:similarity`, the function form of the relation, `clip:centroid`, the middle of images, and
//! `clip:exp`, which turns scores into shares.

use crate::embedding::Embedding;
use crate::encoder::together::{EmbedError, IsStopped};
use crate::engine::Engine;
use crate::sparql::algebra::cells;
use crate::sparql::request::embedding_literal;
use crate::vocab::{CENTROID, EXP, SIMILARITY};
use lru::LruCache;
use oxigraph::sparql::{AggregateFunctionAccumulator, CancellationToken, SparqlEvaluator};
use oxrdf::{Literal, NamedNode, Term};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Adds `clip:similarity(?image, "text")`, `clip:similarity(?imageA, ?imageB)`, `clip:exp(?number)` and
/// the aggregate `clip:centroid(?image)`.
/// Once `token` is cancelled nothing is computed any more: a sort calls it for all its rows before
/// anything else looks at the token.
pub(in crate::sparql) fn register(
    evaluator: SparqlEvaluator,
    engine: Arc<Engine>,
    token: CancellationToken,
) -> SparqlEvaluator {
    let (of_centroid, stopped) = (engine.clone(), token.clone());
    let evaluator =
        evaluator.with_custom_aggregate_function(NamedNode::new_unchecked(CENTROID), move || {
            Box::new(Centroid {
                engine: of_centroid.clone(),
                token: stopped.clone(),
                sum: Vec::new(),
            })
        });
    let evaluator = evaluator.with_custom_function(NamedNode::new_unchecked(EXP), exp);
    // The engine remembers texts by their digest, which takes longer to compute than a cosine.
    let texts = Mutex::new(LruCache::new(TEXTS));
    let stopped = token.clone();
    let is_stopped: IsStopped = Arc::new(move || stopped.is_cancelled());
    evaluator.with_custom_function(NamedNode::new_unchecked(SIMILARITY), move |arguments| {
        if is_stopped() {
            return None;
        }
        similarity(&engine, &texts, &is_stopped, arguments)
    })
}

/// The cosine as `xsd:float`; `None`, an expression error, if an argument is no image of the
/// collection or no literal.
fn similarity(
    engine: &Engine,
    texts: &Texts,
    is_stopped: &IsStopped,
    arguments: &[Term],
) -> Option<Term> {
    let [Term::NamedNode(image), other] = arguments else {
        return None;
    };
    let score = match other {
        Term::NamedNode(other) => engine.similarity_of(image.as_str(), other.as_str())?,
        Term::Literal(literal) if embedding_literal::is_embedding(literal) => {
            let width = engine.collection().features().width();
            let embedding = embedding_literal::parse(literal.value(), width)?;
            engine.similarity(image.as_str(), embedding.as_slice())?
        }
        Term::Literal(text) => {
            let embedding = embedding(engine, texts, is_stopped, text.value())?;
            engine.similarity(image.as_str(), embedding.as_slice())?
        }
        Term::BlankNode(_) | Term::Triple(_) => return None,
    };
    Some(Literal::from(score).into())
}

/// e to the power of a number as `xsd:double`, which SPARQL has no function for; `None` if it is none.
fn exp(arguments: &[Term]) -> Option<Term> {
    let [Term::Literal(number)] = arguments else {
        return None;
    };
    Some(Literal::from(cells::number(number)?.exp()).into())
}

/// The images of a group so far.
struct Centroid {
    engine: Arc<Engine>,
    token: CancellationToken,
    /// The sum of their unit vectors; empty without any.
    sum: Vec<f32>,
}

impl AggregateFunctionAccumulator for Centroid {
    /// Takes an image; what is no image of the collection does not count.
    fn accumulate(&mut self, element: Term) {
        if self.token.is_cancelled() {
            return;
        }
        let Term::NamedNode(image) = element else {
            return;
        };
        let collection = self.engine.collection();
        if let Some(row) = collection.row_of_url(image.as_str()) {
            let row = collection.features().row(row);
            self.sum.resize(row.len(), 0.0);
            self.sum
                .iter_mut()
                .zip(&*row)
                .for_each(|(sum, x)| *sum += x);
        }
    }

    /// The direction of the sum; unbound if there is no image, or none in particular, or the features cannot be read
    /// any more.
    fn finish(&mut self) -> Option<Term> {
        self.engine.collection().features().check().ok()?;
        let centroid = Embedding::new(std::mem::take(&mut self.sum)).ok()?;
        Some(embedding_literal::literal(&centroid).into())
    }
}

/// Texts of one query with their embeddings.
type Texts = Mutex<LruCache<String, Arc<Embedding>>>;

/// As many as a vocabulary that a collection is classified by may have.
const TEXTS: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// Time until the model may have room again.
const FULL_PAUSE: Duration = Duration::from_millis(20);

fn embedding(
    engine: &Engine,
    texts: &Texts,
    is_stopped: &IsStopped,
    text: &str,
) -> Option<Arc<Embedding>> {
    let known = |texts: &Texts| {
        let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.get(text).cloned()
    };
    if let Some(embedding) = known(texts) {
        return Some(embedding);
    }
    let embedding = loop {
        match engine.embed_text(text, is_stopped) {
            Ok(embedding) => break embedding,
            // The query has gone so far already, and without a value its answer would be another.
            Err(EmbedError::Full) => std::thread::sleep(FULL_PAUSE),
            Err(EmbedError::Stopped) => return None,
            Err(error) => {
                tracing::error!(%error, "clip:similarity cannot embed a text");
                return None;
            }
        }
    };
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    texts.put(text.to_owned(), embedding.clone());
    Some(embedding)
}

//! `clip:similarity`, the function form of the relation.

use crate::embedding::Embedding;
use crate::engine::Engine;
use crate::vocab::SIMILARITY;
use lru::LruCache;
use oxigraph::sparql::{CancellationToken, SparqlEvaluator};
use oxrdf::{Literal, NamedNode, Term};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Adds `clip:similarity(?image, "text")` and `clip:similarity(?imageA, ?imageB)`.
/// Once `token` is cancelled nothing is computed any more: a sort calls it for all its rows before
/// anything else looks at the token.
pub(super) fn register(
    evaluator: SparqlEvaluator,
    engine: Arc<Engine>,
    token: CancellationToken,
) -> SparqlEvaluator {
    // The engine remembers texts by their digest, which takes longer to compute than a cosine.
    let texts = Mutex::new(LruCache::new(TEXTS));
    evaluator.with_custom_function(NamedNode::new_unchecked(SIMILARITY), move |arguments| {
        if token.is_cancelled() {
            return None;
        }
        similarity(&engine, &texts, arguments)
    })
}

/// The cosine as `xsd:float`; `None`, an expression error, if an argument is no image of the
/// collection or no literal.
fn similarity(engine: &Engine, texts: &Texts, arguments: &[Term]) -> Option<Term> {
    let [Term::NamedNode(image), other] = arguments else {
        return None;
    };
    let score = match other {
        Term::NamedNode(other) => engine.similarity_of(image.as_str(), other.as_str())?,
        Term::Literal(text) => {
            let embedding = embedding(engine, texts, text.value())?;
            engine.similarity(image.as_str(), embedding.as_slice())?
        }
        Term::BlankNode(_) => return None,
    };
    Some(Literal::from(score.clamp(-1.0, 1.0)).into())
}

/// Texts of one query with their embeddings.
type Texts = Mutex<LruCache<String, Arc<Embedding>>>;

/// As many as a vocabulary that a collection is classified by may have.
const TEXTS: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

fn embedding(engine: &Engine, texts: &Texts, text: &str) -> Option<Arc<Embedding>> {
    let known = |texts: &Texts| {
        let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.get(text).cloned()
    };
    if let Some(embedding) = known(texts) {
        return Some(embedding);
    }
    let embedding = engine
        .embed_text(text)
        .inspect_err(|error| tracing::error!(%error, "clip:similarity cannot embed a text"))
        .ok()?;
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    texts.put(text.to_owned(), embedding.clone());
    Some(embedding)
}

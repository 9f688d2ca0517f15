//! `clip:similarity`, the function form of the relation.

use crate::engine::Engine;
use crate::vocab::SIMILARITY;
use oxigraph::sparql::{CancellationToken, SparqlEvaluator};
use oxrdf::{Literal, NamedNode, Term};
use std::sync::Arc;

/// Adds `clip:similarity(?image, "text")` and `clip:similarity(?imageA, ?imageB)`.
/// Once `token` is cancelled nothing is computed any more: a sort calls it for all its rows before
/// anything else looks at the token.
pub(super) fn register(
    evaluator: SparqlEvaluator,
    engine: Arc<Engine>,
    token: CancellationToken,
) -> SparqlEvaluator {
    evaluator.with_custom_function(NamedNode::new_unchecked(SIMILARITY), move |arguments| {
        if token.is_cancelled() {
            return None;
        }
        similarity(&engine, arguments)
    })
}

/// The cosine as `xsd:float`; `None`, an expression error, if an argument is no image of the
/// collection or no literal.
fn similarity(engine: &Engine, arguments: &[Term]) -> Option<Term> {
    let [Term::NamedNode(image), other] = arguments else {
        return None;
    };
    let score = match other {
        Term::NamedNode(other) => engine.similarity_of(image.as_str(), other.as_str())?,
        Term::Literal(text) => {
            let embedding = engine
                .embed_text(text.value())
                .inspect_err(|error| tracing::error!(%error, "clip:similarity cannot embed a text"))
                .ok()?;
            engine.similarity(image.as_str(), embedding.as_slice())?
        }
        Term::BlankNode(_) => return None,
    };
    Some(Literal::from(score.clamp(-1.0, 1.0)).into())
}

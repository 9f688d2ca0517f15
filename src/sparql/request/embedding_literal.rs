//! Embeddings as RDF terms: what `clip:centroid` gives and `clip:similarTo` takes.

use crate::embedding::Embedding;
use crate::vocab::EMBEDDING;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oxrdf::{Literal, NamedNode};

/// A literal of the datatype `clip:Embedding`: base64 of the components as little-endian `f32`.
pub(in crate::sparql) fn literal(embedding: &Embedding) -> Literal {
    let bytes: Vec<u8> = (embedding.as_slice().iter())
        .flat_map(|x| x.to_le_bytes())
        .collect();
    Literal::new_typed_literal(STANDARD.encode(bytes), NamedNode::new_unchecked(EMBEDDING))
}

/// Whether a literal is meant to be an embedding.
pub(in crate::sparql) fn is_embedding(literal: &Literal) -> bool {
    literal.datatype().as_str() == EMBEDDING
}

/// The embedding that the text of such a literal stands for; `None` if it is none of `width` components.
pub(in crate::sparql) fn parse(text: &str, width: usize) -> Option<Embedding> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let (components, rest) = bytes.as_chunks::<4>();
    if components.len() != width || !rest.is_empty() {
        return None;
    }
    Embedding::new(components.iter().map(|x| f32::from_le_bytes(*x)).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_survives_being_written() {
        let embedding = Embedding::new(vec![0.25, -3.0, 1e-3]).unwrap();
        let literal = literal(&embedding);
        assert!(is_embedding(&literal));
        let read = parse(literal.value(), 3).unwrap();
        assert!(read.cosine(&embedding) > 0.999_999);
        for (text, width) in [(literal.value(), 4), ("AAAA", 1), ("x", 3), ("", 3)] {
            assert_eq!(parse(text, width), None, "{text}");
        }
        assert_eq!(parse("AADAfw==", 1), None, "not a number");
    }
}

//! Search without SPARQL: a few inputs in, the best images out.

use crate::embedding::{Embedding, EmbeddingError};
use crate::encoder::{EncoderError, ImageError};
use crate::engine::{Engine, QueryImageError};
use crate::fetch::FetchError;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What is looked for. All inputs that are given are combined.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Text that describes the images.
    pub text: Option<String>,
    /// URL of an image that they look like; it is fetched.
    pub url: Option<String>,
    /// An image that they look like: the content of a JPEG, PNG, … file.
    pub image: Option<Vec<u8>>,
    /// Text that describes what they shall not look like.
    pub exclude: Option<String>,
    /// Lowest cosine similarity.
    pub min_score: f64,
    /// Longest list of hits.
    pub limit: NonZeroUsize,
}

/// An image that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// Cosine similarity in `[-1, 1]`.
    pub score: f32,
    /// 40 hex digits.
    pub image_id: String,
    /// The IIIF URL.
    pub url: String,
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// There is only something to exclude, or nothing at all.
    #[error("there is nothing to search for; give a text, the URL of an image or an image")]
    NoInput,
    /// The image behind the URL cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was sent or fetched is no image.
    #[error("{input}: {source}; send a JPEG, PNG, GIF, WebP or TIFF image")]
    Image {
        /// Which input: "url" or "image".
        input: &'static str,
        /// What is wrong with it.
        source: ImageError,
    },
    /// The inputs cancel each other.
    #[error("exclude cancels all that is searched for; exclude something else")]
    Cancelled(#[source] EmbeddingError),
    /// The model failed.
    #[error("the search cannot be run because the model fails")]
    Encoder(#[from] EncoderError),
}

/// The images of `engine`'s collection that fit `request`, best first. Blocks: it may fetch, and it
/// runs the model.
///
/// # Errors
/// [`SearchError`] says who must act.
pub fn search(engine: &Engine, request: &SearchRequest) -> Result<Vec<SearchHit>, SearchError> {
    let mut like: Vec<Arc<Embedding>> = Vec::new();
    if let Some(text) = &request.text {
        like.push(engine.embed_text(text)?);
    }
    if let Some(url) = &request.url {
        let embedding = engine.embed_url(url);
        like.push(embedding.map_err(|error| of_image("url", error))?.into());
    }
    if let Some(image) = &request.image {
        let embedding = engine.embed_image(image);
        like.push(embedding.map_err(|error| of_image("image", error))?.into());
    }
    if like.is_empty() {
        return Err(SearchError::NoInput);
    }
    let unlike = match &request.exclude {
        Some(text) => Some(engine.embed_text(text)?),
        None => None,
    };
    let query = Embedding::combine(like.iter().map(Arc::as_ref), unlike.as_deref())
        .map_err(SearchError::Cancelled)?;
    let collection = engine.collection();
    let hits = engine.search(&query, request.min_score, Some(request.limit.get()));
    Ok(hits
        .into_iter()
        .map(|hit| SearchHit {
            score: hit.score,
            image_id: collection.id(hit.row).to_owned(),
            url: collection.url(hit.row).to_owned(),
        })
        .collect())
}

fn of_image(input: &'static str, error: QueryImageError) -> SearchError {
    match error {
        QueryImageError::Fetch(source) => SearchError::Fetch(source),
        QueryImageError::Image(source) => SearchError::Image { input, source },
        QueryImageError::Encoder(source) => SearchError::Encoder(source),
    }
}

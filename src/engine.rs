//! The search engine: a collection, an encoder and what is remembered between queries.

use crate::collection::Collection;
use crate::embedding::Embedding;
use crate::encoder::{Encoder, EncoderError, ImageError};
use crate::features::nearest::{Hit, Lookup};
use crate::features::score::score;
use crate::fetch::{FetchError, Fetcher};
use crate::image_id::image_id;
use crate::search::exact::Exact;
use crate::search::ranking::Ranking;
use crate::search::{Done, SearchError, VectorSearch};
use lru::LruCache;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers vector searches over one collection; shared by all requests.
pub struct Engine {
    collection: Arc<Collection>,
    search: Box<dyn VectorSearch>,
    encoder: Arc<dyn Encoder>,
    fetcher: Fetcher,
    /// By the digest of the text: texts come from strangers and may be long.
    texts: Arc<Mutex<LruCache<String, Arc<Embedding>>>>,
}

/// Why a query image has no embedding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryImageError {
    /// The URL cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was sent or fetched is not a usable image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}

/// Texts whose embeddings are remembered: 4096 x 512 x 4 bytes are 8 MiB.
const TEXT_CACHE: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

impl Engine {
    /// An engine over `collection`, whose features must come from `encoder`'s model.
    #[must_use]
    pub fn new(collection: Arc<Collection>, encoder: Arc<dyn Encoder>, fetcher: Fetcher) -> Self {
        Self {
            search: Box::new(Exact::new(collection.features().clone())),
            collection,
            encoder,
            fetcher,
            texts: Arc::new(Mutex::new(LruCache::new(TEXT_CACHE))),
        }
    }

    /// An engine over another collection of the same model, which remembers what this one does.
    #[must_use]
    pub fn over(&self, collection: Arc<Collection>) -> Self {
        Self {
            search: Box::new(Exact::new(collection.features().clone())),
            collection,
            encoder: Arc::clone(&self.encoder),
            fetcher: self.fetcher.clone(),
            texts: Arc::clone(&self.texts),
        }
    }

    /// What encodes texts and images.
    #[must_use]
    pub fn encoder(&self) -> &Arc<dyn Encoder> {
        &self.encoder
    }

    /// What finds the nearest images.
    #[must_use]
    pub fn search_engine(&self) -> &dyn VectorSearch {
        &*self.search
    }

    /// The images that are searched.
    #[must_use]
    pub fn collection(&self) -> &Arc<Collection> {
        &self.collection
    }

    /// One embedding per text, in order, and how many of the texts had to be encoded: each distinct text
    /// that is not remembered, once.
    ///
    /// # Errors
    /// [`EncoderError`] if the model cannot be run.
    pub fn embed_texts(
        &self,
        texts: &[&str],
    ) -> Result<(Vec<Arc<Embedding>>, usize), EncoderError> {
        let mut known: HashMap<&str, Arc<Embedding>> = HashMap::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut unknown: Vec<&str> = Vec::new();
        {
            let mut cache = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            for text in texts.iter().copied() {
                if !seen.insert(text) {
                    continue;
                }
                match cache.get(&image_id(text)) {
                    Some(embedding) => {
                        known.insert(text, embedding.clone());
                    }
                    None => unknown.push(text),
                }
            }
        }
        let n_encoded = unknown.len();
        if !unknown.is_empty() {
            let fresh = self.encoder.encode_texts(&unknown)?;
            let mut cache = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            for (text, embedding) in unknown.into_iter().zip(fresh) {
                let embedding = Arc::new(embedding);
                cache.put(image_id(text), embedding.clone());
                known.insert(text, embedding);
            }
        }
        let embeddings = texts.iter().map(|text| known[text].clone()).collect();
        Ok((embeddings, n_encoded))
    }

    /// The embedding of one text.
    ///
    /// # Errors
    /// [`EncoderError`] if the model cannot be run.
    pub fn embed_text(&self, text: &str) -> Result<Arc<Embedding>, EncoderError> {
        let (mut embeddings, _) = self.embed_texts(&[text])?;
        Ok(embeddings.pop().expect("one embedding per text"))
    }

    /// The embedding of an encoded image (JPEG, PNG, …).
    ///
    /// # Errors
    /// [`QueryImageError`] if it is no image or the model cannot be run.
    pub fn embed_image(&self, bytes: &[u8]) -> Result<Embedding, QueryImageError> {
        let pixels = self.encoder.preprocess(bytes)?;
        let mut embeddings = self.encoder.encode_images(&[pixels])?;
        Ok(embeddings.pop().expect("one embedding per image"))
    }

    /// The embedding of the image behind `url`, which is fetched. Blocks.
    ///
    /// # Errors
    /// [`QueryImageError`] if it cannot be fetched, is no image, or the model cannot be run.
    pub fn embed_url(&self, url: &str) -> Result<Embedding, QueryImageError> {
        self.embed_image(&self.fetcher.get_blocking(url)?)
    }

    /// The embedding of an image of the collection, by its IIIF URL.
    #[must_use]
    pub fn embedding_of(&self, iiif_url: &str) -> Option<Embedding> {
        let row = self.collection.row_of_url(iiif_url)?;
        Embedding::new(self.collection.features().row(row).to_vec()).ok()
    }

    /// Cosine similarity of an image of the collection and a vector of unit norm, `[d]`.
    #[must_use]
    pub fn similarity(&self, iiif_url: &str, other: &[f32]) -> Option<f32> {
        let row = self.collection.row_of_url(iiif_url)?;
        let features = self.collection.features();
        features.check().ok()?;
        Some(score(&features.row(row), other))
    }

    /// Cosine similarity of two images of the collection.
    #[must_use]
    pub fn similarity_of(&self, iiif_url: &str, other_url: &str) -> Option<f32> {
        let other = self.collection.row_of_url(other_url)?;
        self.similarity(iiif_url, &self.collection.features().row(other))
    }

    /// The best images for each lookup, of all or of `rows` alone.
    ///
    /// # Errors
    /// [`SearchError`], for one if `is_stopped` before the end.
    pub fn search_each(
        &self,
        lookups: &[Lookup<'_>],
        rows: Option<&BTreeSet<usize>>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Vec<Vec<Hit>>, Done), SearchError> {
        self.search.each(lookups, rows, is_stopped)
    }

    /// The best images for a lookup, of all or of `rows` alone, in order only as far as they are read.
    ///
    /// # Errors
    /// [`SearchError`], for one if `is_stopped` before the end.
    pub fn ranking(
        &self,
        lookup: Lookup<'_>,
        rows: Option<&BTreeSet<usize>>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Ranking, Done), SearchError> {
        self.search.ranked(lookup, rows, is_stopped)
    }
}

//! The search engine: a collection, an encoder and what is remembered between queries.

use crate::collection::Collection;
use crate::embedding::Embedding;
use crate::encoder::together::{EmbedError, IsStopped, Together};
use crate::encoder::{Encoder, ImageError};
use crate::features::nearest::{Hit, Lookup};
use crate::features::score::score;
use crate::fetch::{FetchError, Fetcher};
use crate::image_id::digest;
use crate::place;
use crate::search::approximate::Approximate;
use crate::search::exact::Exact;
use crate::search::ranking::Ranking;
use crate::search::rows::Rows;
use crate::search::{Done, Method, SearchError, VectorSearch};
use crate::text_vectors::{TextDigest, TextVectors};
use lru::LruCache;
use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers vector searches over one collection; shared by all requests.
pub struct Engine {
    collection: Arc<Collection>,
    method: Method,
    search: Box<dyn VectorSearch>,
    encoder: Arc<Together>,
    fetcher: Fetcher,
    /// By the digest of the text: texts come from strangers and may be long.
    texts: Arc<Mutex<LruCache<TextDigest, Arc<Embedding>>>>,
    /// Those that outlive the process.
    kept_texts: Option<Arc<TextVectors>>,
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
    /// It has no vector.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// Texts whose embeddings are remembered: 4096 x 512 x 4 bytes are 8 MiB.
const TEXT_CACHE: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Texts of one query that wait for the model at the same time: enough to fill the next batches, and few beside the
/// room there is.
const ASKED_AT_ONCE: usize = 64;

impl Engine {
    /// An engine over `collection`, whose features must come from `encoder`'s model.
    #[must_use]
    pub fn new(collection: Arc<Collection>, encoder: Arc<dyn Encoder>, fetcher: Fetcher) -> Self {
        Self {
            method: Method::Exact,
            search: search_of(&collection, Method::Exact),
            collection,
            encoder: Arc::new(Together::new(encoder)),
            fetcher,
            texts: Arc::new(Mutex::new(LruCache::new(TEXT_CACHE))),
            kept_texts: None,
        }
    }

    /// With a memory for texts that outlives the process; it must be of the encoder's model.
    #[must_use]
    pub fn with_text_vectors(self, texts: TextVectors) -> Self {
        Self {
            kept_texts: Some(Arc::new(texts)),
            ..self
        }
    }

    /// Which searches its collection, and those that come after it, by `method`.
    #[must_use]
    pub fn with_method(self, method: Method) -> Self {
        Self {
            method,
            search: search_of(&self.collection, method),
            ..self
        }
    }

    /// An engine over another collection of the same model, which remembers what this one does.
    #[must_use]
    pub fn over(&self, collection: Arc<Collection>) -> Self {
        Self {
            method: self.method,
            search: search_of(&collection, self.method),
            collection,
            encoder: Arc::clone(&self.encoder),
            fetcher: self.fetcher.clone(),
            texts: Arc::clone(&self.texts),
            kept_texts: self.kept_texts.clone(),
        }
    }

    /// What encodes texts and images.
    #[must_use]
    pub fn encoder(&self) -> &Arc<dyn Encoder> {
        self.encoder.encoder()
    }

    /// How they are to be found.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
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
    /// that is not remembered, once. They are encoded together with what others ask for at the same time, a few at a
    /// time, until `is_stopped`. Blocks, with the query's place [lent](place::lend).
    ///
    /// # Errors
    /// [`EmbedError`] if the model cannot be run or has too much to do, or it was stopped.
    pub fn embed_texts(
        &self,
        texts: &[&str],
        is_stopped: &IsStopped,
    ) -> Result<(Vec<Arc<Embedding>>, usize), EmbedError> {
        let digests: Vec<TextDigest> = texts.iter().map(|text| digest(text)).collect();
        let mut known: HashMap<TextDigest, Arc<Embedding>> = HashMap::new();
        let mut seen: HashSet<TextDigest> = HashSet::new();
        let mut unknown: Vec<(TextDigest, &str)> = Vec::new();
        for (digest, text) in digests.iter().zip(texts) {
            if !seen.insert(*digest) {
                continue;
            }
            match self.remembered(digest) {
                Some(embedding) => {
                    known.insert(*digest, embedding);
                }
                None => unknown.push((*digest, text)),
            }
        }
        for some in unknown.chunks(ASKED_AT_ONCE) {
            let wanted: Vec<&str> = some.iter().map(|(_, text)| *text).collect();
            let fresh = place::lend(|| self.encoder.texts(&wanted, is_stopped))?;
            let fresh = some.iter().map(|(digest, _)| *digest).zip(fresh);
            let fresh: Vec<_> = fresh.map(|(digest, e)| (digest, Arc::new(e))).collect();
            if let Some(kept) = &self.kept_texts {
                kept.keep(fresh.iter().map(|(digest, e)| (*digest, &**e)));
            }
            for (digest, embedding) in fresh {
                self.remember(digest, embedding.clone());
                known.insert(digest, embedding);
            }
        }
        let embeddings = digests.iter().map(|digest| known[digest].clone());
        Ok((embeddings.collect(), unknown.len()))
    }

    fn remembered(&self, text: &TextDigest) -> Option<Arc<Embedding>> {
        let in_memory = {
            let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            texts.get(text).cloned()
        };
        in_memory.or_else(|| {
            let embedding = Arc::new(self.kept_texts.as_ref()?.get(text)?);
            self.remember(*text, embedding.clone());
            Some(embedding)
        })
    }

    fn remember(&self, text: TextDigest, embedding: Arc<Embedding>) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.put(text, embedding);
    }

    /// The embedding of one text, as [`Self::embed_texts`] gives it.
    ///
    /// # Errors
    /// [`EmbedError`] if the model cannot be run or has too much to do, or it was stopped.
    pub fn embed_text(
        &self,
        text: &str,
        is_stopped: &IsStopped,
    ) -> Result<Arc<Embedding>, EmbedError> {
        let (mut embeddings, _) = self.embed_texts(&[text], is_stopped)?;
        Ok(embeddings.pop().expect("one embedding per text"))
    }

    /// The embedding of an encoded image (JPEG, PNG, …). Blocks, with the query's place [lent](place::lend) while
    /// the image waits for the model.
    ///
    /// # Errors
    /// [`QueryImageError`] if it is no image, or the model cannot be run or has too much to do, or it was stopped.
    pub fn embed_image(
        &self,
        bytes: &[u8],
        is_stopped: &IsStopped,
    ) -> Result<Embedding, QueryImageError> {
        let pixels = self.encoder.encoder().preprocess(bytes)?;
        Ok(place::lend(|| self.encoder.image(pixels, is_stopped))?)
    }

    /// The embedding of the image behind `url`, which is fetched. Blocks.
    ///
    /// # Errors
    /// As [`Self::embed_image`], and if it cannot be fetched.
    pub fn embed_url(
        &self,
        url: &str,
        is_stopped: &IsStopped,
    ) -> Result<Embedding, QueryImageError> {
        self.embed_image(&self.fetcher.get_blocking(url)?, is_stopped)
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
        rows: Option<&Rows>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Vec<Vec<Hit>>, Done), SearchError> {
        self.search.each(lookups, rows, is_stopped)
    }

    /// The best images for a lookup, of all or of `rows` alone, in order only as far as they are read; as many as are
    /// `enough`, if that is given and there is a quicker way to them.
    ///
    /// # Errors
    /// [`SearchError`], for one if `is_stopped` before the end.
    pub fn ranking(
        &self,
        lookup: Lookup<'_>,
        rows: Option<&Rows>,
        enough: Option<usize>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(Ranking, Done), SearchError> {
        self.search.ranked(lookup, rows, enough, is_stopped)
    }
}

/// What searches a collection. One without an inverted file is searched exactly, however it was to be.
fn search_of(collection: &Collection, method: Method) -> Box<dyn VectorSearch> {
    let features = collection.features().clone();
    let exact = Exact::new(features.clone()).with_int8(collection.int8().cloned());
    match (method, collection.ivf()) {
        (Method::Approximate { recall }, Some(ivf)) => {
            Box::new(Approximate::new(features, ivf.clone(), recall, exact))
        }
        _ => Box::new(exact),
    }
}

//! `/sparql` without the wire: queries in, solutions out.

mod approximate;
mod beside;
mod errors;
mod federation;
mod oracle;
mod planner;
mod rdf12;
mod requests;
mod scope;
mod scores;
mod service;

use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::engine::Engine;
use clip_search::features::Features;
use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchLimits, Fetcher};
use clip_search::image_id::image_id;
use clip_search::search::Method;
use clip_search::sparql::results::{GraphFormat, TableFormat, WriteError};
use clip_search::sparql::{QueryError, QueryRequest, Sparql, SparqlOptions};
use ndarray::Array2;
use oxigraph::io::RdfFormat;
use oxigraph::store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives every text a fixed direction of its own, and an image the direction of its bytes.
#[derive(Default)]
pub(crate) struct HashEncoder {
    pub texts_encoded: AtomicUsize,
}

/// A direction with positive components, so that all cosines are in (0, 1).
pub(crate) fn direction(bytes: &[u8]) -> Embedding {
    let hash = image_id(&String::from_utf8_lossy(bytes));
    let digits = hash.as_bytes();
    Embedding::new((0..4).map(|i| f32::from(digits[i] % 16) + 0.5).collect()).unwrap()
}

impl Encoder for HashEncoder {
    fn width(&self) -> usize {
        4
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        self.texts_encoded.fetch_add(texts.len(), Ordering::Relaxed);
        Ok(texts
            .iter()
            .map(|text| direction(text.as_bytes()))
            .collect())
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        Ok(Pixels::from_shape_fn((1, 1, bytes.len()), |(_, _, i)| {
            f32::from(bytes[i])
        }))
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        Ok(images
            .iter()
            .map(|pixels| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "bytes"
                )]
                let bytes: Vec<u8> = pixels.iter().map(|x| *x as u8).collect();
                direction(&bytes)
            })
            .collect())
    }
}

pub(crate) const N_IMAGES: usize = 9;

/// IIIF URL of image `i` of the test collection.
pub(crate) fn url(i: usize) -> String {
    format!("https://iiif.example.org/img{i}")
}

pub(crate) fn collection() -> Collection {
    let urls: Vec<String> = (0..N_IMAGES).map(url).collect();
    let rows: Vec<f32> = urls
        .iter()
        .flat_map(|url| direction(url.as_bytes()).as_slice().to_vec())
        .collect();
    let matrix = Array2::from_shape_vec((N_IMAGES, 4), rows).unwrap();
    let ids = urls.iter().map(|url| image_id(url)).collect();
    Collection::new(Features::from_unit_rows(matrix), ids, urls)
}

/// Works 0 to 5 show images 0 to 5; labels are texts to search for.
pub(crate) const METADATA: &str = r#"
@prefix dct: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix ex: <http://example.org/> .
ex:w0 dct:hasFormat <https://iiif.example.org/img0> ; dct:title "lake" ; ex:year 1890 ; ex:by ex:hodler .
ex:w1 dct:hasFormat <https://iiif.example.org/img1> ; dct:title "castle"@en ; ex:year 1901 ; ex:by ex:hodler .
ex:w2 dct:hasFormat <https://iiif.example.org/img2> ; dct:title "ship" ; ex:year 1850 ; ex:by ex:anker .
ex:w3 dct:hasFormat <https://iiif.example.org/img3>, <https://iiif.example.org/img4> ; dct:title "lake" ; ex:by ex:anker .
ex:w5 dct:hasFormat <https://iiif.example.org/img5> ; ex:year 1700 .
ex:hodler rdfs:label "Hodler" .
ex:anker rdfs:label "Anker" .
ex:g1 { ex:w0 ex:seen true . ex:w2 ex:seen false . }
ex:g2 { ex:w1 ex:seen true . ex:w9 dct:hasFormat <https://iiif.example.org/img8> . }
"#;

pub(crate) fn store() -> Store {
    let store = Store::new().unwrap();
    store
        .load_from_slice(RdfFormat::TriG, METADATA.as_bytes())
        .unwrap();
    store
}

pub(crate) struct World {
    pub sparql: Sparql,
    pub encoder: Arc<HashEncoder>,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(SparqlOptions::default(), store())
    }

    pub(crate) fn with(options: SparqlOptions, store: Store) -> Self {
        Self::over(collection(), options, store)
    }

    pub(crate) fn over(collection: Collection, options: SparqlOptions, store: Store) -> Self {
        Self::searching(collection, options, store, Method::Exact)
    }

    pub(crate) fn searching(
        collection: Collection,
        options: SparqlOptions,
        store: Store,
        method: Method,
    ) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let encoder = Arc::new(HashEncoder::default());
        let fetcher = Fetcher::new(
            runtime.handle().clone(),
            AllowList::default(),
            FetchLimits::default(),
        )
        .unwrap();
        let engine =
            Engine::new(Arc::new(collection), encoder.clone(), fetcher).with_method(method);
        Self {
            sparql: Sparql::new(store, Arc::new(engine), options, runtime.handle().clone()),
            encoder,
            _runtime: runtime,
        }
    }

    /// The answer as TSV (or N-Triples, or `true`), or the error.
    pub(crate) fn ask(&self, query: &str) -> Result<String, QueryError> {
        let request = QueryRequest {
            query,
            ..QueryRequest::default()
        };
        let mut out = Vec::new();
        self.sparql
            .answer(&request)?
            .write(TableFormat::Tsv, GraphFormat::NTriples, &mut out)
            .map_err(|error| match error {
                WriteError::Query(error) => error,
                other => QueryError::Internal(Box::new(other)),
            })?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// The answer as the evaluator gives it, or the error.
    pub(crate) fn results(
        &self,
        query: &str,
    ) -> Result<oxigraph::sparql::QueryResults<'static>, QueryError> {
        let request = QueryRequest {
            query,
            ..QueryRequest::default()
        };
        self.sparql
            .answer(&request)
            .map(|answer| answer.into_results())
    }

    /// The rows of a SELECT, without the head.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let answer = self.ask(query).unwrap_or_else(|e| panic!("{query}\n{e}"));
        answer.lines().skip(1).map(str::to_owned).collect()
    }

    /// The message of a query that must fail.
    pub(crate) fn error(&self, query: &str) -> String {
        match self.ask(query) {
            Ok(answer) => panic!("{query}\nshould fail but gave\n{answer}"),
            Err(error) => error.to_string(),
        }
    }
}

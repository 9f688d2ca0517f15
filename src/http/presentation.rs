//! `/iiif/manifest`, `/iiif/collection` and `/iiif/canvas`: what is found, for IIIF viewers.

use super::accept::Accept;
use super::cache::NO_STORE;
use super::error::{ApiError, JsonError};
use super::query::{self, Parameters, in_own_words};
use super::{AppState, description};
use crate::describe::image::DescribedImage;
use crate::presentation::asked::{Asked, Wanted};
use crate::presentation::reader::ForReader;
use crate::presentation::{self, Links, canvas, collection};
use crate::search::rows::Rows;
use crate::sparql::Cancellation;
use crate::sparql::search::{QueryImage, SearchRequest};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::Arc;

/// Most canvases of a manifest. Viewers get slow before, and a canvas takes some kilobytes.
pub(super) const MAX_CANVASES: usize = 1000;

/// What is made of the images that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// A canvas for each.
    Manifest,
    /// The manifests that they come from.
    Collection,
}

pub(super) async fn manifest(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    Ok(at_url(state, &headers, query, Document::Manifest).await?)
}

pub(super) async fn collection(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    Ok(at_url(state, &headers, query, Document::Collection).await?)
}

pub(super) async fn canvas(
    State(state): State<Arc<AppState>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let links = state.links(&headers);
    let worker = Arc::clone(&state);
    let cancellation = Cancellation::default();
    let _waiting = cancellation.on_drop();
    let document = state
        .block(move || {
            let row = worker.sparql.engine().collection().row_of_id(&id);
            let row = row.ok_or(ApiError::NoSuchImage { id })?;
            let images = worker.described(&[row], &cancellation);
            let document =
                canvas::document(&images[0], &links, worker.sparql.options().link_width_px);
            document.ok_or(ApiError::NoSizes)
        })
        .await??;
    Ok(respond(&document, presentation::CONTEXT, &headers))
}

/// The document at the URL with these parameters, which are its id as they are: Clover waits for ever for a manifest
/// whose id is not, letter by letter, the URL that it has asked for.
async fn at_url(
    state: Arc<AppState>,
    headers: &HeaderMap,
    query: Option<String>,
    document: Document,
) -> Result<Response, ApiError> {
    let parameters = Parameters::from_url(query.clone())?;
    make(state, headers, parameters, query, document).await
}

/// The document of what `parameters` ask for, at the address that it would have.
pub(super) async fn answer(
    state: Arc<AppState>,
    headers: &HeaderMap,
    parameters: Parameters,
    document: Document,
) -> Result<Response, ApiError> {
    let address = parameters.address();
    make(state, headers, parameters, address, document).await
}

async fn make(
    state: Arc<AppState>,
    headers: &HeaderMap,
    parameters: Parameters,
    address: Option<String>,
    document: Document,
) -> Result<Response, ApiError> {
    let links = state.links(headers);
    let choice = Choice::of(parameters, state.sparql.options().default_min_score)?;
    let is_fetched = choice.is_fetched();
    let worker = Arc::clone(&state);
    let cancellation = Cancellation::default();
    let _waiting = cancellation.on_drop();
    let document = state
        .block(move || {
            let images = worker.chosen(&choice, &cancellation)?;
            // Pictures that were sent are in no URL; what was found by them has ids.
            let address = address.unwrap_or_else(|| query::address_of_ids(&images));
            choice.document(document, &address, &images, &links, &worker)
        })
        .await??;
    let response = respond(&document, presentation::CONTEXT, headers);
    // Tomorrow there may be another picture behind the same URL.
    Ok((is_fetched.then_some([NO_STORE]), response).into_response())
}

/// Which images are asked for.
pub(super) enum Choice {
    Search(SearchRequest),
    Ids(Vec<String>),
}

impl Choice {
    pub(super) fn of(mut parameters: Parameters, default_min_score: f32) -> Result<Self, ApiError> {
        let ids = parameters.take_ids();
        let unread = parameters.take_unread();
        let search = parameters.into_request(default_min_score)?;
        match (search, ids.is_empty()) {
            (None, true) => Err(ApiError::NothingAsked { unread }),
            (Some(_), false) => Err(ApiError::SearchAndIds),
            (None, false) if ids.len() > MAX_CANVASES => {
                Err(ApiError::TooManyImages { most: MAX_CANVASES })
            }
            (None, false) => Ok(Self::Ids(ids)),
            (Some(search), true) if search.limit.get() > MAX_CANVASES => Err(ApiError::BadValue {
                name: "limit",
                expected: "a whole number from 1 to 1000 in documents for IIIF viewers",
                found: search.limit.to_string(),
            }),
            (Some(search), true) => Ok(Self::Search(search)),
        }
    }

    pub(super) fn is_fetched(&self) -> bool {
        matches!(self, Self::Search(search)
            if search.image.iter().any(|image| matches!(image, QueryImage::Url(_))))
    }

    fn document(
        &self,
        document: Document,
        address: &str,
        images: &[DescribedImage],
        links: &Links,
        state: &AppState,
    ) -> Result<Value, ApiError> {
        let like = self.like();
        let asked = Asked {
            like: &like,
            unlike: self.unlike(),
        };
        match document {
            Document::Collection => Ok(collection::collection(address, asked, images, links)),
            Document::Manifest if images.is_empty() => Err(ApiError::NothingFound),
            Document::Manifest => {
                let width_px = state.sparql.options().link_width_px;
                presentation::manifest::manifest(address, asked, images, links, width_px)
                    .ok_or(ApiError::NoSizes)
            }
        }
    }

    fn like(&self) -> Vec<Wanted<'_>> {
        let Self::Search(search) = self else {
            return Vec::new();
        };
        let images = search.image.iter().map(|image| match image {
            QueryImage::Url(url) => Wanted::Image(url),
            QueryImage::Bytes(_) => Wanted::Picture,
        });
        let similar = search.similar_to.as_deref().map(Wanted::Image);
        let text = search.text.as_deref().map(Wanted::Text);
        text.into_iter().chain(images).chain(similar).collect()
    }

    fn unlike(&self) -> Option<&str> {
        match self {
            Self::Search(search) => search.exclude.as_deref(),
            Self::Ids(_) => None,
        }
    }
}

impl AppState {
    /// Where clients reach this service.
    pub(super) fn links(&self, headers: &HeaderMap) -> Links {
        let endpoint = description::endpoint_url(self.settings.public_url.as_ref(), headers);
        Links::new(endpoint.strip_suffix("/sparql").unwrap_or(&endpoint))
    }

    /// The images, each once, described. Ids that no image has are left out, as an old basket may have them, unless
    /// there are no others.
    fn chosen(
        &self,
        choice: &Choice,
        cancellation: &Cancellation,
    ) -> Result<Vec<DescribedImage>, ApiError> {
        let collection = self.sparql.engine().collection();
        match choice {
            Choice::Ids(ids) => {
                let rows = Self::rows(ids, |id| collection.row_of_id(id));
                match ids.first() {
                    Some(id) if rows.is_empty() => Err(ApiError::NoSuchImage { id: id.clone() }),
                    _ => Ok(self.described(&rows, cancellation)),
                }
            }
            Choice::Search(search) => {
                let found = self.found(search, cancellation)?;
                match &search.similar_to {
                    Some(url) if found.is_empty() && collection.row_of_url(url).is_none() => {
                        Err(ApiError::NotInCollection { url: url.clone() })
                    }
                    _ => Ok(self.described_hits(&found, cancellation)),
                }
            }
        }
    }

    /// The rows of the images that are chosen.
    pub(super) fn chosen_rows(
        &self,
        choice: &Choice,
        cancellation: &Cancellation,
    ) -> Result<Rows, ApiError> {
        let collection = self.sparql.engine().collection();
        Ok(match choice {
            Choice::Ids(ids) => (ids.iter().filter_map(|id| collection.row_of_id(id))).collect(),
            Choice::Search(search) => (self.found(search, cancellation)?.into_iter())
                .map(|(row, _)| row)
                .collect(),
        })
    }

    /// Row and score of each hit, best first.
    pub(super) fn found(
        &self,
        search: &SearchRequest,
        cancellation: &Cancellation,
    ) -> Result<Vec<(usize, f32)>, ApiError> {
        let hits = self
            .sparql
            .search(search, cancellation)
            .map_err(in_own_words)?;
        let collection = self.sparql.engine().collection();
        let rows = hits.into_iter();
        Ok(rows
            .filter_map(|hit| Some((collection.row_of_id(&hit.image_id)?, hit.score)))
            .collect())
    }

    /// The hits, described.
    pub(super) fn described_hits(
        &self,
        hits: &[(usize, f32)],
        cancellation: &Cancellation,
    ) -> Vec<DescribedImage> {
        let rows: Vec<usize> = hits.iter().map(|(row, _)| *row).collect();
        let mut images = self.described(&rows, cancellation);
        for (image, (_, score)) in images.iter_mut().zip(hits) {
            image.score = Some(*score);
        }
        images
    }
}

/// `document` as JSON-LD of `context`, or, for who asks for that, browsers too, as plain JSON; its texts in the
/// reader's languages first.
pub(super) fn respond(document: &Value, context: &str, headers: &HeaderMap) -> Response {
    let media_type = if Accept::from_headers(headers).prefers_plain_json() {
        HeaderValue::from_static("application/json")
    } else {
        HeaderValue::from_str(&format!("application/ld+json;profile=\"{context}\""))
            .expect("contexts are URLs")
    };
    const BY_ACCEPT: HeaderValue = HeaderValue::from_static("Accept");
    const BY_LANGUAGE: HeaderValue = HeaderValue::from_static("Accept-Language");
    let languages = languages(headers);
    let written = serde_json::to_string(&ForReader {
        document,
        languages: &languages,
    });
    let head = [
        (header::CONTENT_TYPE, media_type),
        (header::VARY, BY_ACCEPT),
    ];
    let mut response = (head, written.expect("a JSON value can be written")).into_response();
    response.headers_mut().append(header::VARY, BY_LANGUAGE);
    response
}

/// The languages in `Accept-Language`, in the order in which browsers write them: best first.
pub(super) fn languages(headers: &HeaderMap) -> Vec<String> {
    let header = headers.get(header::ACCEPT_LANGUAGE);
    let header = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let tags = header
        .split(',')
        .filter_map(|range| range.split(';').next());
    tags.map(|tag| tag.trim().to_owned()).take(20).collect()
}

//! `/iiif/search/1` and `/iiif/search/2`: IIIF Content Search over the whole collection, or over one manifest.

use super::AppState;
use super::body::{self, Field, FieldValue};
use super::cache::NO_STORE;
use super::error::{ApiError, JsonError};
use super::presentation::{Choice, languages, respond};
use super::query::Parameters;
use crate::describe::image::DescribedImage;
use crate::presentation::search::{IGNORED, MAX_PAGES, PAGE_SIZE, Page, Version};
use crate::presentation::searched_manifest;
use crate::sparql::Cancellation;
use crate::sparql::search::SearchRequest;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use std::num::NonZeroUsize;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

/// The parameters that are read, beside those of [`IGNORED`], which are only told.
pub(super) const PARAMETERS: [&str; 2] = ["q", "page"];

/// Hits of all pages.
const MAX_HITS: NonZeroUsize = NonZeroUsize::new(PAGE_SIZE * MAX_PAGES).expect("not zero");

pub(super) async fn version_1(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    Ok(answer(state, query, headers, Version::V1, None).await?)
}

pub(super) async fn version_2(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    Ok(answer(state, query, headers, Version::V2, None).await?)
}

pub(super) async fn version_1_in(
    State(state): State<Arc<AppState>>,
    Path(manifest): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let manifest = Searched::from_address(&manifest, &state)?;
    Ok(answer(state, query, headers, Version::V1, Some(manifest)).await?)
}

pub(super) async fn version_2_in(
    State(state): State<Arc<AppState>>,
    Path(manifest): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let manifest = Searched::from_address(&manifest, &state)?;
    Ok(answer(state, query, headers, Version::V2, Some(manifest)).await?)
}

/// A manifest that is searched in.
struct Searched {
    /// As they stand in its URL.
    parameters: String,
    choice: Choice,
}

impl Searched {
    /// The manifest that the last part of the service's address means.
    fn from_address(in_address: &str, state: &AppState) -> Result<Self, ApiError> {
        let parameters = searched_manifest(in_address).ok_or(ApiError::NoSuchManifest)?;
        let known = Parameters::from_url(Some(parameters.clone()))?;
        let choice = Choice::of(known, state.sparql.options().default_min_score);
        // A manifest of nothing there is none.
        let choice = choice.map_err(|error| match error {
            ApiError::NothingAsked { .. } => ApiError::NoSuchManifest,
            other => other,
        })?;
        Ok(Self { parameters, choice })
    }
}

/// What a viewer asks for.
struct Asked {
    text: String,
    page: NonZeroUsize,
    ignored: Vec<&'static str>,
}

impl Asked {
    fn from_url(query: Option<String>) -> Result<Self, ApiError> {
        let (mut text, mut page, mut ignored) = (None, None, Vec::new());
        for Field { name, value } in body::urlencoded(query.unwrap_or_default().as_bytes())? {
            let FieldValue::Text(value) = value else {
                continue;
            };
            let is_repeated = match name.as_str() {
                "q" => text.replace(value).is_some(),
                "page" => page.replace(value).is_some(),
                other => {
                    ignored.extend(IGNORED.into_iter().find(|known| *known == other));
                    false
                }
            };
            if is_repeated {
                let name = PARAMETERS.into_iter().find(|known| *known == name);
                return Err(ApiError::Repeated(name.unwrap_or("q")));
            }
        }
        Ok(Self {
            text: text.unwrap_or_default(),
            page: page.map_or(Ok(NonZeroUsize::MIN), |page| page_number(&page))?,
            ignored,
        })
    }

    /// None if nothing is asked.
    fn search(&self, min_score: f32) -> Option<SearchRequest> {
        let is_empty = self.text.trim().is_empty();
        (!is_empty).then(|| SearchRequest {
            text: Some(self.text.clone()),
            image: Vec::new(),
            similar_to: None,
            exclude: None,
            min_score,
            limit: MAX_HITS,
        })
    }
}

fn page_number(text: &str) -> Result<NonZeroUsize, ApiError> {
    let number = text.trim().parse();
    number.map_err(|_| super::query::bad_value("page", "a whole number from 1", text))
}

async fn answer(
    state: Arc<AppState>,
    query: Option<String>,
    headers: HeaderMap,
    version: Version,
    manifest: Option<Searched>,
) -> Result<Response, ApiError> {
    let asked = Asked::from_url(query)?;
    let links = state.links(&headers);
    let languages = languages(&headers);
    let worker = Arc::clone(&state);
    let cancellation = Cancellation::default();
    let _waiting = cancellation.on_drop();
    let is_fetched = (manifest.as_ref()).is_some_and(|manifest| manifest.choice.is_fetched());
    let document = state
        .block(move || {
            let manifest = manifest.as_ref();
            let choice = manifest.map(|manifest| &manifest.choice);
            let (n_hits, hits) = worker.page_of_hits(&asked, choice, &cancellation)?;
            let parameters = Serializer::new(String::new())
                .append_pair("q", &asked.text)
                .finish();
            let page = Page {
                manifest: manifest.map(|manifest| manifest.parameters.as_str()),
                parameters: &parameters,
                number: asked.page.get(),
                n_hits,
                hits: &hits,
                ignored: &asked.ignored,
                languages: &languages,
            };
            Ok::<_, ApiError>(page.document(version, &links))
        })
        .await??;
    let response = respond(&document, version.context(), &headers);
    // As for the manifest: tomorrow there may be another picture behind the same URL.
    Ok((is_fetched.then_some([NO_STORE]), response).into_response())
}

impl AppState {
    /// How many hits there are, in the collection or among the images that are chosen, and those of the page that is
    /// asked for. Only images with a canvas count.
    fn page_of_hits(
        &self,
        asked: &Asked,
        choice: Option<&Choice>,
        cancellation: &Cancellation,
    ) -> Result<(usize, Vec<DescribedImage>), ApiError> {
        let Some(search) = asked.search(self.sparql.options().default_min_score) else {
            return Ok((0, Vec::new()));
        };
        let mut hits = match choice {
            None => self.found(&search, cancellation)?,
            Some(choice) => self.found_among(&asked.text, choice, cancellation)?,
        };
        let collection = self.sparql.engine().collection();
        hits.retain(|(row, _)| collection.size(*row).is_some());
        let start = (asked.page.get() - 1)
            .saturating_mul(PAGE_SIZE)
            .min(hits.len());
        let end = start.saturating_add(PAGE_SIZE).min(hits.len());
        let of_page = self.described_hits(&hits[start..end], cancellation);
        Ok((hits.len(), of_page))
    }

    /// Row and score of each hit among the images that are chosen, best first.
    fn found_among(
        &self,
        text: &str,
        choice: &Choice,
        cancellation: &Cancellation,
    ) -> Result<Vec<(usize, f32)>, ApiError> {
        let rows = self.chosen_rows(choice, cancellation)?;
        let hits = self.sparql.search_rows(text, &rows, cancellation)?;
        let hits = hits.into_iter().take(MAX_HITS.get());
        Ok(hits.map(|hit| (hit.row, hit.score)).collect())
    }
}

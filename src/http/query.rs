//! `/query`: search without SPARQL, JSON out.

use super::AppState;
use super::body::{self, Field, FieldValue};
use super::cache::NO_STORE;
use super::error::{ApiError, JsonError, Quoted};
use super::presentation::{self, Document};
use crate::data_url;
use crate::describe::image::DescribedImage;
use crate::iiif::image_iri;
use crate::sparql::request::error::RequestError;
use crate::sparql::search::{QueryImage, SearchHit, SearchRequest};
use crate::sparql::{Cancellation, QueryError};
use crate::vocab::Property;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

/// The parameters that are read; all others are ignored.
pub(super) const PARAMETERS: [&str; 9] = [
    "str",
    "url",
    "similarTo",
    "image",
    "exclude",
    "minScore",
    "limit",
    "id",
    "format",
];

/// Those that stand in the address of a document, in this order. (Pictures are not in URLs.)
const IN_ADDRESS: [&str; 6] = ["str", "url", "similarTo", "exclude", "minScore", "limit"];

const DEFAULT_LIMIT: NonZeroUsize = NonZeroUsize::new(10).expect("not zero");

const BODY_TYPES: &str =
    "application/x-www-form-urlencoded, multipart/form-data or application/json";

/// One image of the answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundImage {
    score: f32,
    image_id: String,
    url: String,
    link: String,
}

pub(super) async fn get(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let parameters = Parameters::from_url(query)?;
    Ok(answer(state, &headers, parameters).await?)
}

pub(super) async fn post(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, JsonError> {
    let mut parameters = Parameters::from_url(query)?;
    let (bytes, _reserved) = state.bodies.read(&headers, body).await?;
    match body::media_type(&headers).as_str() {
        _ if bytes.is_empty() => {}
        "application/x-www-form-urlencoded" => parameters.add_all(body::urlencoded(&bytes)?)?,
        "multipart/form-data" => parameters.add_all(body::multipart(&headers, bytes).await?)?,
        "application/json" => parameters.add_json(&bytes)?,
        other => {
            return Err(ApiError::BodyType {
                found: if other.is_empty() { "unknown" } else { other }.to_owned(),
                known: BODY_TYPES,
            }
            .into());
        }
    }
    Ok(answer(state, &headers, parameters).await?)
}

async fn answer(
    state: Arc<AppState>,
    headers: &HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    if parameters.format()? == Format::Iiif {
        return presentation::answer(state, headers, parameters, Document::Manifest).await;
    }
    let Some(request) = parameters.into_request(state.sparql.options().default_min_score)? else {
        return Ok(Json(json!({ "status": "OK" })).into_response());
    };
    let is_fetched = (request.image.iter()).any(|image| matches!(image, QueryImage::Url(_)));
    let worker = Arc::clone(&state);
    let cancellation = Cancellation::default();
    let _waiting = cancellation.on_drop();
    let hits = state
        .block(move || worker.sparql.search(&request, &cancellation))
        .await?
        .map_err(in_own_words)?;
    let images: Vec<FoundImage> = hits.into_iter().map(FoundImage::from).collect();
    // Tomorrow there may be another picture behind the same URL.
    let control = is_fetched.then_some([NO_STORE]);
    Ok((control, Json(images)).into_response())
}

/// What is wrong with a search, under the names that its author has used.
pub(super) fn in_own_words(error: QueryError) -> ApiError {
    match error {
        QueryError::Request(request) => match *request {
            RequestError::NoQuery { .. } => ApiError::NothingToSearch,
            RequestError::Cancelled { .. } => ApiError::Cancelled,
            RequestError::Image {
                property, reason, ..
            } => ApiError::NoImage {
                name: if property == Property::QueryUrl {
                    "url"
                } else {
                    "image"
                },
                reason,
            },
            other => ApiError::Query(other.into()),
        },
        other => other.into(),
    }
}

impl From<SearchHit> for FoundImage {
    fn from(hit: SearchHit) -> Self {
        Self {
            score: hit.score,
            image_id: hit.image_id,
            url: hit.url,
            link: hit.link,
        }
    }
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// A list of hits.
    Json,
    /// A manifest.
    Iiif,
}

/// What was sent under the names of [`PARAMETERS`]; blank values count as absent, as they do in a form
/// that is sent with fields left empty.
#[derive(Default)]
pub(super) struct Parameters {
    texts: BTreeMap<&'static str, String>,
    file: Option<Bytes>,
    /// Images that are chosen instead of searched for.
    ids: Vec<String>,
    /// The first names of others, which mean nothing here.
    unread: Vec<String>,
}

/// More names of parameters than one mistypes.
const MOST_UNREAD: usize = 3;

/// The parameters by which a manifest has these images.
pub(super) fn address_of_ids(images: &[DescribedImage]) -> String {
    let mut address = Serializer::new(String::new());
    address.extend_pairs(images.iter().map(|image| ("id", &image.id)));
    address.finish()
}

impl Parameters {
    /// Those after the `?` of a URL.
    pub(super) fn from_url(query: Option<String>) -> Result<Self, ApiError> {
        let mut parameters = Self::default();
        parameters.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
        Ok(parameters)
    }

    /// The same as they stand in a URL; none if there is a picture among them.
    pub(super) fn address(&self) -> Option<String> {
        if self.file.is_some() || self.texts.contains_key("image") {
            return None;
        }
        let texts = IN_ADDRESS.into_iter();
        let texts = texts.filter_map(|name| Some((name, self.texts.get(name)?.as_str())));
        let mut address = Serializer::new(String::new());
        address.extend_pairs(texts);
        address.extend_pairs(self.ids.iter().map(|id| ("id", id)));
        Some(address.finish())
    }

    /// The images that are chosen, in their order.
    pub(super) fn take_ids(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ids)
    }

    /// The first names that mean nothing here.
    pub(super) fn take_unread(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unread)
    }

    fn format(&self) -> Result<Format, ApiError> {
        match self.texts.get("format").map(|format| format.trim()) {
            None | Some("json") => Ok(Format::Json),
            Some("iiif") => Ok(Format::Iiif),
            Some(other) => Err(bad_value("format", "json or iiif", other)),
        }
    }

    fn add_all(&mut self, fields: impl IntoIterator<Item = Field>) -> Result<(), ApiError> {
        fields
            .into_iter()
            .try_for_each(|Field { name, value }| match value {
                FieldValue::Text(text) => self.add(&name, text),
                FieldValue::File(bytes) if name == "image" => self.add_file(bytes),
                FieldValue::File(bytes) if known(&name).is_some() => {
                    self.add(&name, body::utf8(bytes, "an uploaded file".into())?)
                }
                FieldValue::File(_) => Ok(()),
            })
    }

    fn add_json(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let members = super::json::members(bytes)?;
        members
            .into_iter()
            .try_for_each(|(name, value)| match value {
                Value::String(text) => self.add(&name, text),
                Value::Number(number) => self.add(&name, number.to_string()),
                Value::Null => Ok(()),
                Value::Array(ids) if name == "id" => self.add_ids(ids),
                other => match known(&name) {
                    Some(name) => Err(bad_value(name, "a string or a number", &other.to_string())),
                    None => Ok(()),
                },
            })
    }

    fn add(&mut self, name: &str, text: String) -> Result<(), ApiError> {
        let Some(name) = known(name) else {
            if self.unread.len() < MOST_UNREAD {
                self.unread.push(name.to_owned());
            }
            return Ok(());
        };
        if text.trim().is_empty() {
            return Ok(());
        }
        if name == "id" {
            self.ids.push(text.trim().to_owned());
            return Ok(());
        }
        if self.texts.insert(name, text).is_some() || (name == "image" && self.file.is_some()) {
            return Err(ApiError::Repeated(name));
        }
        Ok(())
    }

    fn add_ids(&mut self, ids: Vec<Value>) -> Result<(), ApiError> {
        ids.into_iter().try_for_each(|id| match id {
            Value::String(id) => self.add("id", id),
            other => Err(bad_value(
                "id",
                "a string or an array of strings",
                &other.to_string(),
            )),
        })
    }

    fn add_file(&mut self, bytes: Bytes) -> Result<(), ApiError> {
        if bytes.is_empty() {
            return Err(ApiError::EmptyFile("image"));
        }
        if self.file.replace(bytes).is_some() || self.texts.contains_key("image") {
            return Err(ApiError::Repeated("image"));
        }
        Ok(())
    }

    /// The search that is asked for, if any.
    pub(super) fn into_request(
        mut self,
        default_min_score: f32,
    ) -> Result<Option<SearchRequest>, ApiError> {
        let min_score = match self.texts.remove("minScore") {
            Some(text) => min_score(&text)?,
            None => default_min_score,
        };
        let limit = match self.texts.remove("limit") {
            Some(text) => limit(&text)?,
            None => DEFAULT_LIMIT,
        };
        let mut image = Vec::new();
        if let Some(bytes) = self.file {
            image.push(QueryImage::Bytes(bytes.into()));
        }
        if let Some(text) = self.texts.remove("image") {
            let bytes = data_url::decode(&text).map_err(ApiError::BadImage)?;
            image.push(QueryImage::Bytes(bytes));
        }
        image.extend(self.texts.remove("url").map(QueryImage::Url));
        let request = SearchRequest {
            text: self.texts.remove("str"),
            image,
            similar_to: self.texts.remove("similarTo").map(iri),
            exclude: self.texts.remove("exclude"),
            min_score,
            limit,
        };
        let is_empty = request.text.is_none()
            && request.image.is_empty()
            && request.similar_to.is_none()
            && request.exclude.is_none();
        Ok(Some(request).filter(|_| !is_empty))
    }
}

fn known(name: &str) -> Option<&'static str> {
    PARAMETERS.into_iter().find(|known| *known == name)
}

/// The IRI by which queries know the image at `url`.
fn iri(url: String) -> String {
    image_iri(url.trim()).into_owned()
}

fn min_score(text: &str) -> Result<f32, ApiError> {
    let score = text
        .trim()
        .parse()
        .ok()
        .filter(|score: &f32| score.is_finite());
    score.ok_or_else(|| bad_value("minScore", "a number such as 0.2", text))
}

fn limit(text: &str) -> Result<NonZeroUsize, ApiError> {
    let limit = text.trim().parse();
    limit.map_err(|_| bad_value("limit", "a positive whole number such as 10", text))
}

/// Repeats the first characters of a value, because it may be megabytes long.
pub(super) fn bad_value(name: &'static str, expected: &'static str, value: &str) -> ApiError {
    let found = Quoted(value).to_string();
    ApiError::BadValue {
        name,
        expected,
        found,
    }
}

/// Names of the parameters that make sense to send for a document.
#[cfg(test)]
pub(super) fn parameters_of_documents() -> impl Iterator<Item = &'static str> {
    IN_ADDRESS.into_iter().chain(["id"])
}

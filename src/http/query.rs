//! `/query`: search without SPARQL, JSON out.

use super::AppState;
use super::body::{self, Field, FieldValue};
use super::cache::NO_STORE;
use super::error::{ApiError, JsonError};
use crate::data_url;
use crate::sparql::request::RequestError;
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

/// The parameters that are read; all others are ignored.
pub(super) const PARAMETERS: [&str; 6] = ["str", "url", "image", "exclude", "minScore", "limit"];

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
) -> Result<Response, JsonError> {
    let mut parameters = Parameters::default();
    parameters.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
    Ok(answer(state, parameters).await?)
}

pub(super) async fn post(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, JsonError> {
    let mut parameters = Parameters::default();
    parameters.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
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
    Ok(answer(state, parameters).await?)
}

async fn answer(state: Arc<AppState>, parameters: Parameters) -> Result<Response, ApiError> {
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
fn in_own_words(error: QueryError) -> ApiError {
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

/// What was sent under the names of [`PARAMETERS`]; blank values count as absent, as they do in a form
/// that is sent with fields left empty.
#[derive(Default)]
struct Parameters {
    texts: BTreeMap<&'static str, String>,
    file: Option<Bytes>,
}

impl Parameters {
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
                other => match known(&name) {
                    Some(name) => Err(bad_value(name, "a string or a number", &other.to_string())),
                    None => Ok(()),
                },
            })
    }

    fn add(&mut self, name: &str, text: String) -> Result<(), ApiError> {
        let Some(name) = known(name).filter(|_| !text.trim().is_empty()) else {
            return Ok(());
        };
        if self.texts.insert(name, text).is_some() || (name == "image" && self.file.is_some()) {
            return Err(ApiError::Repeated(name));
        }
        Ok(())
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
    fn into_request(mut self, default_min_score: f32) -> Result<Option<SearchRequest>, ApiError> {
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
            similar_to: None,
            exclude: self.texts.remove("exclude"),
            min_score,
            limit,
        };
        let is_empty =
            request.text.is_none() && request.image.is_empty() && request.exclude.is_none();
        Ok(Some(request).filter(|_| !is_empty))
    }
}

fn known(name: &str) -> Option<&'static str> {
    PARAMETERS.into_iter().find(|known| *known == name)
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
fn bad_value(name: &'static str, expected: &'static str, value: &str) -> ApiError {
    let found = match value.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    };
    ApiError::BadValue {
        name,
        expected,
        found,
    }
}

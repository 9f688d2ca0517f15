//! `/images`: what is known about images of the collection, as JSON for the pages.

use super::AppState;
use super::body::{self, Field, FieldValue};
use super::described::MAX_ASKED;
use super::error::{ApiError, JsonError};
use crate::collection::sizes::ImageSize;
use crate::describe::fields::Fields;
use crate::iiif::picture;
use crate::sparql::Cancellation;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use std::sync::Arc;

/// The parameter that is read, once for each image; all others are ignored.
pub(super) const PARAMETER: &str = "image";

const BODY_TYPES: &str = "application/x-www-form-urlencoded or multipart/form-data";

#[derive(Serialize)]
struct Images {
    images: Vec<KnownImage>,
}

/// What is told about one image.
#[derive(Serialize)]
struct KnownImage {
    image: String,
    id: String,
    link: String,
    #[serde(flatten)]
    size: Option<ImageSize>,
    fields: Fields,
}

pub(super) async fn get(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, JsonError> {
    let mut images = Vec::new();
    add_all(
        &mut images,
        body::urlencoded(query.unwrap_or_default().as_bytes())?,
    )?;
    Ok(answer(state, images).await?)
}

pub(super) async fn post(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, JsonError> {
    let mut images = Vec::new();
    add_all(
        &mut images,
        body::urlencoded(query.unwrap_or_default().as_bytes())?,
    )?;
    let (bytes, _reserved) = state.bodies.read(&headers, body).await?;
    match body::media_type(&headers).as_str() {
        _ if bytes.is_empty() => {}
        "application/x-www-form-urlencoded" => add_all(&mut images, body::urlencoded(&bytes)?)?,
        "multipart/form-data" => add_all(&mut images, body::multipart(&headers, bytes).await?)?,
        other => {
            return Err(ApiError::BodyType {
                found: if other.is_empty() { "unknown" } else { other }.to_owned(),
                known: BODY_TYPES,
            }
            .into());
        }
    }
    Ok(answer(state, images).await?)
}

fn add_all(images: &mut Vec<String>, fields: Vec<Field>) -> Result<(), ApiError> {
    let named = fields.into_iter().filter(|field| field.name == PARAMETER);
    for Field { value, .. } in named {
        match value {
            FieldValue::Text(text) if text.trim().is_empty() => {}
            FieldValue::Text(text) => images.push(text.trim().to_owned()),
            FieldValue::File(bytes) => images.push(body::utf8(bytes, "an uploaded file".into())?),
        }
    }
    if images.len() > MAX_ASKED {
        return Err(ApiError::TooManyImages { most: MAX_ASKED });
    }
    Ok(())
}

async fn answer(state: Arc<AppState>, images: Vec<String>) -> Result<Response, ApiError> {
    let worker = Arc::clone(&state);
    let cancellation = Cancellation::default();
    let _waiting = cancellation.on_drop();
    let images = state
        .block(move || worker.known(&images, &cancellation))
        .await?;
    Ok(Json(Images { images }).into_response())
}

impl AppState {
    fn known(&self, images: &[String], cancellation: &Cancellation) -> Vec<KnownImage> {
        let collection = self.sparql.engine().collection();
        let rows = Self::rows(images, |url| collection.row_of_url(url));
        let described = self.described(&rows, cancellation);
        described
            .into_iter()
            .map(|image| KnownImage {
                link: picture::link(&image.url, image.size, self.sparql.options().link_width_px),
                image: image.url,
                id: image.id,
                size: image.size,
                fields: image.fields,
            })
            .collect()
    }
}

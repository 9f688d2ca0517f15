//! `/images`: what is known about images of the collection, as JSON for the pages.

use super::AppState;
use super::body::{self, Field, FieldValue};
use super::described::MAX_ASKED;
use super::error::{ApiError, JsonError};
use super::query::bad_value;
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

/// The parameters that are read, `image` once for each image; all others are ignored.
pub(super) const PARAMETERS: [&str; 2] = ["image", "fields"];

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
    /// Missing where nobody asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Fields>,
}

/// What a request asks for.
#[derive(Default)]
struct Asked {
    /// IIIF URLs.
    images: Vec<String>,
    /// The page query takes most of the time of an answer, and a page can be laid out by the sizes alone.
    is_without_fields: bool,
}

pub(super) async fn get(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, JsonError> {
    let mut asked = Asked::default();
    asked.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
    Ok(answer(state, asked).await?)
}

pub(super) async fn post(
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, JsonError> {
    let mut asked = Asked::default();
    asked.add_all(body::urlencoded(query.unwrap_or_default().as_bytes())?)?;
    let (bytes, _reserved) = state.bodies.read(&headers, body).await?;
    match body::media_type(&headers).as_str() {
        _ if bytes.is_empty() => {}
        "application/x-www-form-urlencoded" => asked.add_all(body::urlencoded(&bytes)?)?,
        "multipart/form-data" => asked.add_all(body::multipart(&headers, bytes).await?)?,
        other => {
            return Err(ApiError::BodyType {
                found: if other.is_empty() { "unknown" } else { other }.to_owned(),
                known: BODY_TYPES,
            }
            .into());
        }
    }
    Ok(answer(state, asked).await?)
}

impl Asked {
    fn add_all(&mut self, fields: Vec<Field>) -> Result<(), ApiError> {
        for Field { name, value } in fields {
            let Some(name) = PARAMETERS.into_iter().find(|known| *known == name) else {
                continue;
            };
            let text = match value {
                FieldValue::Text(text) => text,
                FieldValue::File(bytes) => body::utf8(bytes, "an uploaded file".into())?,
            };
            match (name, text.trim()) {
                (_, "") => {}
                ("image", image) => self.images.push(image.to_owned()),
                (_, "none") => self.is_without_fields = true,
                (_, "all") => self.is_without_fields = false,
                (name, other) => return Err(bad_value(name, "all or none", other)),
            }
        }
        if self.images.len() > MAX_ASKED {
            return Err(ApiError::TooManyImages { most: MAX_ASKED });
        }
        Ok(())
    }
}

async fn answer(state: Arc<AppState>, asked: Asked) -> Result<Response, ApiError> {
    let worker = Arc::clone(&state);
    let cancellation = Cancellation::default();
    let _waiting = cancellation.on_drop();
    let images = state
        .block(move || worker.known(&asked, &cancellation))
        .await?;
    Ok(Json(Images { images }).into_response())
}

impl AppState {
    fn known(&self, asked: &Asked, cancellation: &Cancellation) -> Vec<KnownImage> {
        let collection = self.sparql.engine().collection();
        let rows = Self::rows(&asked.images, |url| collection.row_of_url(url));
        let images = if asked.is_without_fields {
            self.undescribed(&rows)
        } else {
            self.described(&rows, cancellation)
        };
        images
            .into_iter()
            .map(|image| KnownImage {
                link: picture::link(&image.url, image.size, self.sparql.options().link_width_px),
                image: image.url,
                id: image.id,
                size: image.size,
                fields: (!asked.is_without_fields).then_some(image.fields),
            })
            .collect()
    }
}

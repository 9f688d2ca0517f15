//! Request bodies: read within bounds, and taken apart into named fields.

use super::error::ApiError;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use std::time::Duration;

/// Longest time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of a body that is too long is read and dropped. Answering while the client still sends
/// resets the connection, and then most clients never show the answer.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// A named value of a form.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: FieldValue,
}

pub(super) enum FieldValue {
    Text(String),
    /// An uploaded file.
    File(Bytes),
}

/// The whole body.
///
/// # Errors
/// If it is longer than `limit_bytes`, or does not come.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit_bytes: usize,
) -> Result<Bytes, ApiError> {
    // Such a client waits for our word before it sends, so it can be refused at once.
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if headers.contains_key(header::EXPECT) && announced.is_some_and(|n| n > limit_bytes) {
        return Err(ApiError::BodyTooLong { limit_bytes });
    }
    tokio::time::timeout(BODY_TIMEOUT, collect(body, limit_bytes))
        .await
        .unwrap_or(Err(ApiError::BodyTooSlow {
            limit_s: BODY_TIMEOUT.as_secs(),
        }))
}

async fn collect(body: Body, limit_bytes: usize) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    let mut n_received = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(ApiError::BodyBroken)?;
        n_received += chunk.len();
        if n_received > limit_bytes.saturating_add(DRAIN_BYTES) {
            break;
        }
        if n_received <= limit_bytes {
            whole.extend_from_slice(&chunk);
        } else {
            whole = Vec::new();
        }
    }
    if n_received > limit_bytes {
        return Err(ApiError::BodyTooLong { limit_bytes });
    }
    Ok(whole.into())
}

/// The media type of the body in lower case and without parameters; empty if the client names none.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

/// The fields of `application/x-www-form-urlencoded`, which is also the form of a URL's query.
pub(super) fn urlencoded(bytes: &[u8]) -> impl Iterator<Item = Field> {
    url::form_urlencoded::parse(bytes).map(|(name, value)| Field {
        name: name.into_owned(),
        value: FieldValue::Text(value.into_owned()),
    })
}

/// The fields of `multipart/form-data`; a part with a file name or a media type other than text is a
/// file.
///
/// # Errors
/// If the body does not have that form, or a text is not UTF-8.
pub(super) async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Vec<Field>, ApiError> {
    let mut request = Request::new(Body::from(body));
    if let Some(content_type) = headers.get(header::CONTENT_TYPE) {
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type.clone());
    }
    let mut parts =
        Multipart::from_request(request, &())
            .await
            .map_err(|_| ApiError::BodyType {
                found: "multipart/form-data without boundary".to_owned(),
                known: "multipart/form-data with the boundary that separates its parts",
            })?;
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(ApiError::Multipart)? {
        let Some(name) = part.name().map(str::to_owned) else {
            continue;
        };
        let is_file = part.file_name().is_some()
            || part
                .content_type()
                .is_some_and(|kind| !kind.starts_with("text/"));
        let bytes = part.bytes().await.map_err(ApiError::Multipart)?;
        let value = if is_file {
            FieldValue::File(bytes)
        } else {
            FieldValue::Text(utf8(bytes, "a field of the form")?)
        };
        fields.push(Field { name, value });
    }
    Ok(fields)
}

/// `bytes` as text.
///
/// # Errors
/// [`ApiError::NotUtf8`] says that `what` is not UTF-8.
pub(super) fn utf8(bytes: Bytes, what: &'static str) -> Result<String, ApiError> {
    String::from_utf8(bytes.into()).map_err(|_| ApiError::NotUtf8 { what })
}

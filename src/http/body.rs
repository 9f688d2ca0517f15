//! What a request brings, taken apart into named fields.

use super::error::ApiError;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use std::borrow::Cow;

/// The byte order mark that some editors put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

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
///
/// # Errors
/// [`ApiError::NotUtf8`] names the parameter. (A parser that puts U+FFFD in place of what it cannot read
/// would have another query answered than was asked.)
pub(super) fn urlencoded(bytes: &[u8]) -> Result<Vec<Field>, ApiError> {
    let pairs = bytes.split(|byte| *byte == b'&');
    pairs
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = pair.split_at(end.unwrap_or(pair.len()));
            let name = decoded(name, "the name of a parameter".into())?;
            let value = value.strip_prefix(b"=").unwrap_or_default();
            let value = decoded(value, format!("the parameter {name}").into())?;
            let value = FieldValue::Text(value);
            Ok(Field { name, value })
        })
        .collect()
}

/// `+` is a space and `%` with two hex digits a byte; a `%` without them stands for itself.
fn decoded(bytes: &[u8], what: Cow<'static, str>) -> Result<String, ApiError> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = (*byte == b'%')
            .then(|| u8::try_from(digit(at + 1)? * 16 + digit(at + 2)?).ok())
            .flatten();
        decoded.push(match (escape, byte) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, other) => *other,
        });
        at += if escape.is_some() { 3 } else { 1 };
    }
    utf8(decoded.into(), what)
}

/// The fields of `multipart/form-data`; a part with a file name or a media type other than text is a
/// file.
///
/// # Errors
/// If the body does not have that form, or a text is not UTF-8.
pub(super) async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Vec<Field>, ApiError> {
    let mut request = Request::new(Body::from(body));
    // The body is here already, within the bounds of the service; without this word 2 MiB would be the most.
    DefaultBodyLimit::disable().apply(&mut request);
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
        // What browsers send for a file field that is left empty.
        let is_blank = part.file_name() == Some("");
        let bytes = part.bytes().await.map_err(ApiError::Multipart)?;
        let value = if is_file && !(is_blank && bytes.is_empty()) {
            FieldValue::File(bytes)
        } else {
            FieldValue::Text(utf8(bytes, format!("the field {name}").into())?)
        };
        fields.push(Field { name, value });
    }
    Ok(fields)
}

/// `bytes` as text.
///
/// # Errors
/// [`ApiError::NotUtf8`] says that `what` is not UTF-8.
pub(super) fn utf8(bytes: Bytes, what: Cow<'static, str>) -> Result<String, ApiError> {
    String::from_utf8(bytes.into()).map_err(|_| ApiError::NotUtf8 { what })
}

/// `text` without a byte order mark before it.
pub(super) fn without_mark(text: String) -> String {
    match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(query: &str) -> Vec<(String, String)> {
        let fields = urlencoded(query.as_bytes()).unwrap();
        let text = |value| match value {
            FieldValue::Text(text) => text,
            FieldValue::File(_) => panic!("a form without files has one"),
        };
        (fields.into_iter())
            .map(|Field { name, value }| (name, text(value)))
            .collect()
    }

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        for query in [
            "",
            "a",
            "a=",
            "=b",
            "&&a=b&",
            "a=b=c",
            "a+b=c%20d+%2B",
            "caf%C3%A9=%e2%82%ac",
            "a=100%&b=%zz&c=%4",
            "a=%26%3D&a=2",
        ] {
            let expected: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect();
            assert_eq!(fields(query), expected, "{query}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused_by_name() {
        for (query, what) in [
            ("x=1&query=SELECT%20%22%E9%22", "the parameter query"),
            ("%E9=1", "the name of a parameter"),
            ("str=%C3", "the parameter str"),
        ] {
            let error = urlencoded(query.as_bytes()).err().unwrap();
            assert!(error.to_string().starts_with(what), "{error}");
        }
    }
}

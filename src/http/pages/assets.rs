//! The files of the pages, as `web/` builds them: carried by the program, sent compressed.

use crate::http::error::ApiError;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// `web/dist`, as it was when the program was compiled. A checkout where it has not been built gives a program
/// whose pages say how to build it.
#[derive(rust_embed::Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// The files that a page begins with.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    pub(super) js: String,
    pub(super) css: Option<String>,
    /// What `js` imports, so that browsers ask for it at once.
    pub(super) chunks: Vec<String>,
    /// The messages in each language, which `js` imports when it knows the visitor's.
    #[serde(default)]
    pub(super) languages: HashMap<String, String>,
}

/// The files of a page; `None` where the pages have not been built.
pub(super) fn entry(page: &str) -> Option<&'static Entry> {
    static ENTRIES: LazyLock<HashMap<String, Entry>> = LazyLock::new(|| {
        let manifest = Dist::get("manifest.json");
        manifest
            .and_then(|file| serde_json::from_slice(&file.data).ok())
            .unwrap_or_default()
    });
    ENTRIES.get(page)
}

/// `/assets/{name}`: names hold a hash of their content, so that a file may be kept for ever.
pub(in crate::http) async fn asset(
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
    const VARIES: HeaderValue = HeaderValue::from_static("Accept-Encoding");
    let is_compressed_form = name.ends_with(".br") || name.ends_with(".gz");
    let (encoding, bytes) = (!is_compressed_form)
        .then(|| best_form(&name, &headers))
        .flatten()
        .ok_or_else(|| ApiError::NoSuchAsset { name: name.clone() })?;
    let mut response = bytes.into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, media_type(&name));
    fields.insert(header::CACHE_CONTROL, FOR_EVER);
    fields.insert(header::VARY, VARIES);
    if let Some(encoding) = encoding {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

/// The file in the smallest form that the client takes, with the name of its encoding.
fn best_form(
    name: &str,
    headers: &HeaderMap,
) -> Option<(Option<&'static str>, Cow<'static, [u8]>)> {
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if takes(headers, encoding)
            && let Some(file) = Dist::get(&format!("{name}.{ending}"))
        {
            return Some((Some(encoding), file.data));
        }
    }
    Dist::get(name).map(|file| (None, file.data))
}

/// Whether `Accept-Encoding` names `encoding`, and not with quality 0.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offer| {
            let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
            let quality = parameters.trim().strip_prefix("q=").map(str::parse::<f32>);
            name.trim().eq_ignore_ascii_case(encoding) && !matches!(quality, Some(Ok(0.0)))
        })
}

fn media_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_when_they_are_named() {
        for (value, br, gzip) in [
            ("gzip, deflate, br, zstd", true, true),
            ("gzip", false, true),
            ("br;q=0, GZIP;q=0.5", false, true),
            ("identity", false, false),
            ("brotli", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(takes(&headers, "br"), br, "{value}");
            assert_eq!(takes(&headers, "gzip"), gzip, "{value}");
        }
        assert!(!takes(&HeaderMap::new(), "gzip"));
    }
}

//! What caches may keep of an answer.
//!
//! An answer holds until the operator loads or builds anew, which nothing announces. So everything may be kept and
//! must be asked about again: `no-cache`, with an `ETag` over the bytes of answers that are sent whole. (A long
//! answer is on its way before its bytes are known.) The tag is a weak one, because the same answer may also be
//! sent compressed.

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use std::fmt::Write;

/// Longest answer that gets a tag.
const TAGGED_BYTES: u64 = 1024 * 1024;

/// Says nothing at all may be kept.
pub(super) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// Tags answers, and leaves away the body of one that the client has.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    if response.headers().contains_key(header::CACHE_CONTROL) {
        return response;
    }
    let is_kept = is_read && response.status() == StatusCode::OK;
    let control = if is_kept { "no-cache" } else { "no-store" };
    let control = HeaderValue::from_static(control);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, control);
    if is_kept {
        // Here and not where it is compressed, because a 304 must say it too (RFC 9110 section 15.4.5).
        const ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
        response.headers_mut().append(header::VARY, ENCODING);
    }
    if !is_kept || (response.body().size_hint().exact()).is_none_or(|n| n > TAGGED_BYTES) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        // A body that has its length is in memory.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = weak_tag(&parts.headers, &bytes);
    let has_it = known.is_some_and(|known| names(&known, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if has_it {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// The same for the same bytes of the same type.
fn weak_tag(headers: &HeaderMap, bytes: &Bytes) -> String {
    let kind = headers.get(header::CONTENT_TYPE);
    let mut hash = Blake2b::<U16>::new();
    hash.update(kind.map_or(&b""[..], HeaderValue::as_bytes));
    hash.update([0]);
    hash.update(bytes);
    let mut tag = "W/\"".to_owned();
    for byte in hash.finalize() {
        let _ = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

/// Whether `If-None-Match` names `tag`, by weak comparison (RFC 9110 section 8.8.3.2).
fn names(known: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(known) = known.to_str() else {
        return false;
    };
    known.trim() == "*" || known.split(',').any(|known| opaque(known) == opaque(tag))
}

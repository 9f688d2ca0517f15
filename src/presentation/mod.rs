//! What IIIF viewers open: Presentation 3 documents of images, and the answers of Content Search.
//!
//! An image has one canvas, at `{base}/iiif/canvas/{image id}`, whatever it was found by. Viewers know a hit of a
//! search by the canvas that it is on.

pub mod asked;
pub mod canvas;
pub mod collection;
pub mod manifest;
pub mod reader;
mod rights;
pub mod search;
mod search_services;
mod service;
mod text;
mod words;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The context of Presentation 3 documents.
pub const CONTEXT: &str = "http://iiif.io/api/presentation/3/context.json";

/// The parameters of the manifest in the address of its search service; none if it is no such address.
#[must_use]
pub fn searched_manifest(in_address: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(in_address).ok()?).ok()
}

/// Where this service is, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    base: String,
}

impl Links {
    /// Below `base`, an absolute URL without a slash at its end.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into() }
    }

    /// The canvas of the image with this id.
    #[must_use]
    pub fn canvas(&self, image_id: &str) -> String {
        format!("{}/iiif/canvas/{image_id}", self.base)
    }

    /// The manifest for these parameters of a URL.
    #[must_use]
    pub fn manifest(&self, parameters: &str) -> String {
        format!("{}/iiif/manifest?{parameters}", self.base)
    }

    /// The collection for these parameters of a URL.
    #[must_use]
    pub fn collection(&self, parameters: &str) -> String {
        format!("{}/iiif/collection?{parameters}", self.base)
    }

    /// The service of this version of Content Search: over the whole collection, or over the manifest for these
    /// parameters of a URL.
    ///
    /// Viewers put `?q=` after it, so that the parameters must be in the path, and servers in between may decode
    /// what is escaped there: they are written as Base64 for URLs.
    #[must_use]
    pub fn search(&self, version: search::Version, manifest: Option<&str>) -> String {
        let service = format!("{}/iiif/search/{}", self.base, version.number());
        match manifest {
            Some(parameters) => format!("{service}/{}", URL_SAFE_NO_PAD.encode(parameters)),
            None => service,
        }
    }
}

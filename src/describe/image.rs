//! An image of the collection with all that is told about it.

use super::fields::Fields;
use crate::collection::Collection;
use crate::collection::sizes::ImageSize;

/// An image, what is known about it, and why it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedImage {
    /// 40 hex digits.
    pub id: String,
    /// Its IIIF URL.
    pub url: String,
    /// How large it is, where that is known.
    pub size: Option<ImageSize>,
    /// What the page query tells.
    pub fields: Fields,
    /// Its score, if it was searched for.
    pub score: Option<f32>,
}

impl DescribedImage {
    /// The image in `row`, about which nothing is told yet.
    ///
    /// # Panics
    /// If `row >= collection.len()`.
    #[must_use]
    pub fn new(collection: &Collection, row: usize) -> Self {
        Self {
            id: collection.id(row),
            url: collection.url(row),
            size: collection.size(row),
            fields: Fields::default(),
            score: None,
        }
    }
}

//! IIIF Image API: request URLs, and what the small IIIF server makes of them.

pub mod render;
pub mod request;

/// `<url>/full/<width>,/0/default.jpg`: the whole image, scaled to `width_px` (Image API 2 and 3).
///
/// A trailing slash of `iiif_url` is not doubled.
#[must_use]
pub fn full_image_url(iiif_url: &str, width_px: u32) -> String {
    format!(
        "{}/full/{width_px},/0/default.jpg",
        iiif_url.trim_end_matches('/')
    )
}

/// `<url>/full/max/0/default.jpg`: the whole image in the largest size that the server gives.
#[must_use]
pub fn whole_image_url(iiif_url: &str) -> String {
    format!("{}/full/max/0/default.jpg", iiif_url.trim_end_matches('/'))
}

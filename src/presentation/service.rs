//! The image service of an image, as documents of Presentation 3 name it.

use crate::collection::sizes::{ApiVersion, ImageSize, Profile};
use crate::iiif::reference::Reference;
use serde_json::{Value, json};

/// The service that scales the image at `iiif_url`; none if none is known.
pub(super) fn image_service(iiif_url: &str, size: ImageSize) -> Option<Value> {
    let service = size.service?;
    let url = Reference::parse(iiif_url).service()?;
    // Who names no level promises no more than the lowest.
    let level = service.profile.unwrap_or(Profile::Level0);
    Some(match service.version {
        ApiVersion::V3 => json!({
            "id": url,
            "type": "ImageService3",
            "profile": level.as_str(),
        }),
        // The older ones have the names of their own versions.
        ApiVersion::V2 => json!({
            "@id": url,
            "@type": "ImageService2",
            "profile": format!("http://iiif.io/api/image/2/{}.json", level.as_str()),
        }),
        ApiVersion::V1 => json!({
            "@id": url,
            "@type": "ImageService1",
            "profile": format!("http://library.stanford.edu/iiif/image-api/1.1/compliance.html#{}", level.as_str()),
        }),
    })
}

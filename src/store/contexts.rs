//! JSON-LD contexts that the program carries, since nothing is fetched while a file is loaded.
//!
//! They are written for this program: the terms that data of museums uses, with the IRIs of their vocabularies. A
//! term that is missing gets an IRI in the namespace of its vocabulary and is not lost.

use oxigraph::io::{JsonLdProfile, LoadedDocument, RdfFormat};

const LINKED_ART: &str = include_str!("contexts/linked-art.json");
const PRESENTATION_3: &str = include_str!("contexts/iiif-presentation-3.json");
const PRESENTATION_2: &str = include_str!("contexts/iiif-presentation-2.json");
const IMAGE_3: &str = include_str!("contexts/iiif-image-3.json");
const IMAGE_2: &str = include_str!("contexts/iiif-image-2.json");
const WEB_ANNOTATION: &str = include_str!("contexts/web-annotation.json");

/// Addresses without their scheme, and what stands for them. The terms of Image API 1 are among those of 2.
const CARRIED: [(&str, &str); 10] = [
    ("linked.art/ns/v1/linked-art.json", LINKED_ART),
    ("linked.art/ns/v1.1/linked-art.json", LINKED_ART),
    ("iiif.io/api/presentation/3/context.json", PRESENTATION_3),
    ("iiif.io/api/presentation/2/context.json", PRESENTATION_2),
    ("iiif.io/api/image/3/context.json", IMAGE_3),
    ("iiif.io/api/image/2/context.json", IMAGE_2),
    ("iiif.io/api/image/1/context.json", IMAGE_2),
    (
        "library.stanford.edu/iiif/image-api/1.1/context.json",
        IMAGE_2,
    ),
    ("www.w3.org/ns/anno.jsonld", WEB_ANNOTATION),
    ("www.w3.org/ns/anno", WEB_ANNOTATION),
];

/// A context that is not among them.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is not fetched; carried are those of Linked Art, IIIF Presentation and Image, and Web Annotation: put this one into the file instead"
)]
pub(super) struct NotCarried;

/// The context behind `url`.
///
/// # Errors
/// [`NotCarried`] tells what to do.
pub(super) fn carried(url: &str) -> Result<LoadedDocument, NotCarried> {
    let address = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .and_then(|address| address.split('#').next());
    let context = CARRIED
        .iter()
        .find(|(known, _)| address == Some(known))
        .map(|(_, context)| (*context).to_owned())
        .or_else(|| of_service(address?))
        .ok_or(NotCarried)?;
    Ok(LoadedDocument {
        url: url.to_owned(),
        content: context.into_bytes(),
        format: RdfFormat::JsonLd {
            profile: JsonLdProfile::Context.into(),
        },
    })
}

/// The other IIIF APIs whose services stand inside manifests: their terms are those of their namespace, which is
/// named as the address is.
const SERVICES: [&str; 3] = [
    "iiif.io/api/search/",
    "iiif.io/api/auth/",
    "iiif.io/api/annex/services/",
];

/// A context for a service inside a manifest.
fn of_service(address: &str) -> Option<String> {
    let folder = address.strip_suffix("/context.json")?;
    SERVICES
        .iter()
        .any(|known| address.starts_with(known))
        .then(|| {
            format!(
                r##"{{"@context": {{"@version": 1.1, "@vocab": "http://{folder}#", "id": "@id", "type": "@type"}}}}"##
            )
        })
}

//! JSON-LD contexts that the program carries, since nothing is fetched while a file is loaded.
//!
//! They are written for this program: the terms that data of museums uses, with the IRIs that the published
//! contexts give them. A term that is missing gets an IRI in the namespace of its vocabulary and is not lost.

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
    "its context {0} is not fetched; carried are those of Linked Art, IIIF Presentation and Image, and Web Annotation: put this one into the file instead"
)]
pub(super) struct NotCarried(String);

/// The context behind `url`.
///
/// # Errors
/// [`NotCarried`] tells what to do.
pub(super) fn carried(url: &str) -> Result<LoadedDocument, NotCarried> {
    let address = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .and_then(|address| address.split('#').next());
    let (_, context) = CARRIED
        .iter()
        .find(|(known, _)| address == Some(known))
        .ok_or_else(|| NotCarried(url.to_owned()))?;
    Ok(LoadedDocument {
        url: url.to_owned(),
        content: context.as_bytes().to_vec(),
        format: RdfFormat::JsonLd {
            profile: JsonLdProfile::Context.into(),
        },
    })
}

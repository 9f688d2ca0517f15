//! A service that knows sizes and metadata, for tests of what it tells about images.

use super::Fixture;
use crate::colours::{self, iiif_url};
use axum::Router;
use clip_search::collection::sizes::{ApiVersion, ImageService, ImageSize, Measured, Profile};
use clip_search::describe::PageQuery;
use clip_search::http::HttpSettings;
use oxigraph::io::RdfFormat;
use oxigraph::store::Store;

const PREFIXES: &str = "
    @prefix dct: <http://purl.org/dc/terms/> .
    @prefix foaf: <http://xmlns.com/foaf/0.1/> .
    @prefix work: <https://example.org/work/> .
";

/// What is known.
pub(super) struct Shown {
    pub(super) turtle: String,
    pub(super) page_query: PageQuery,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            turtle: metadata(),
            page_query: PageQuery::default(),
        }
    }
}

impl Shown {
    pub(super) fn fixture(self) -> Fixture {
        let store = Store::new().unwrap();
        let turtle = format!("{PREFIXES}{}", self.turtle);
        store
            .load_from_slice(RdfFormat::Turtle, turtle.as_bytes())
            .unwrap();
        Fixture {
            collection: colours::collection().with_sizes(sizes()),
            store,
            settings: HttpSettings {
                page_query: self.page_query,
                ..HttpSettings::default()
            },
            ..Fixture::default()
        }
    }
}

pub(super) fn fixture() -> Fixture {
    Shown::default().fixture()
}

pub(super) fn world() -> Router {
    fixture().router()
}

/// Of red, green, blue, yellow and black: by every kind of service, and none of the last.
fn sizes() -> Vec<Option<ImageSize>> {
    use ApiVersion::{V1, V2, V3};
    let service = |version, profile| Some(ImageService { version, profile });
    vec![
        ImageSize::new(
            4000,
            3000,
            Measured::Info,
            service(V3, Some(Profile::Level2)),
        ),
        ImageSize::new(300, 400, Measured::Info, service(V2, Some(Profile::Level0))),
        ImageSize::new(640, 427, Measured::Delivered, None),
        ImageSize::new(5000, 100, Measured::Info, service(V1, None)),
        None,
    ]
}

fn metadata() -> String {
    let [red, green, yellow] = ["red", "green", "yellow"].map(iiif_url);
    format!(
        "work:red dct:hasFormat <{red}> ; dct:title \"Rot\"@de, \"Red\"@en, \"Rosso\" ; dct:creator \"Carlo Riva\" ;
           dct:created \"1850\" ; dct:spatial [ foaf:name \"Lugano\" ] ; dct:publisher work:museum ;
           dct:license <https://creativecommons.org/licenses/by/4.0/deed.de> ; dct:rights \"© Museum\" ;
           dct:description \"All red.\"@en ; dct:isReferencedBy <https://example.org/manifest> .
         work:museum foaf:name \"Musée\"@fr .
         <{yellow}> dct:title \"Yellow\" ; dct:isReferencedBy <https://example.org/manifest>, <https://example.org/other-manifest> .
         <{green}> dct:title \"Green\" ; dct:isReferencedBy <urn:manifest> ."
    )
}

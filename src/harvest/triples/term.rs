//! The terms, by the names that they have in the contexts.

use oxrdf::NamedNodeRef;

macro_rules! terms {
    ($($name:ident = $iri:literal),* $(,)?) => {
        $(pub(super) const $name: NamedNodeRef<'static> = NamedNodeRef::new_unchecked($iri);)*
    };
}

terms! {
    MANIFEST = "http://iiif.io/api/presentation/3#Manifest",
    COLLECTION = "http://iiif.io/api/presentation/3#Collection",
    CANVAS = "http://iiif.io/api/presentation/3#Canvas",
    PAINTING = "http://iiif.io/api/presentation/3#painting",
    METADATA = "http://iiif.io/api/presentation/3#metadataEntries",
    REQUIRED_STATEMENT = "http://iiif.io/api/presentation/3#requiredStatement",
    THUMBNAIL = "http://iiif.io/api/presentation/3#thumbnail",
    NAV_DATE = "http://iiif.io/api/presentation/3#navigationDate",
    ITEMS = "http://www.w3.org/ns/activitystreams#items",
    SUMMARY = "http://www.w3.org/ns/activitystreams#summary",
    AS_PART_OF = "http://www.w3.org/ns/activitystreams#partOf",
    ANNOTATION = "http://www.w3.org/ns/oa#Annotation",
    HAS_BODY = "http://www.w3.org/ns/oa#hasBody",
    HAS_TARGET = "http://www.w3.org/ns/oa#hasTarget",
    MOTIVATED_BY = "http://www.w3.org/ns/oa#motivatedBy",
    STILL_IMAGE = "http://purl.org/dc/dcmitype/StillImage",
    SERVICE = "https://schema.org/potentialAction",
    PROVIDER = "https://schema.org/provider",
    HOMEPAGE = "http://xmlns.com/foaf/0.1/homepage",
    WIDTH = "http://www.w3.org/2003/12/exif/ns#width",
    HEIGHT = "http://www.w3.org/2003/12/exif/ns#height",
    FORMAT = "http://purl.org/dc/elements/1.1/format",
    TITLE = "http://purl.org/dc/terms/title",
    RIGHTS = "http://purl.org/dc/terms/rights",
    IS_PART_OF = "http://purl.org/dc/terms/isPartOf",
    HAS_FORMAT = "http://purl.org/dc/terms/hasFormat",
    CONFORMS_TO = "http://purl.org/dc/terms/conformsTo",
}

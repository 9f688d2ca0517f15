//! Documents as RDF, in N-Triples.
//!
//! Both versions of the Presentation API get the terms of version 3's JSON-LD context, so that one query serves
//! both. Beside these stand Dublin Core terms, which lead from an image to its page, its book and its collections
//! (`dcterms:isPartOf`) and from a book to its images (`dcterms:hasFormat`).
//!
//! What has no name of its own is named `urn:uuid:…`, made of its document and its place there: the same document
//! gives the same triples, so that loading them again changes nothing.

use super::model::{
    About, Canvas, Collection, Document, Image, Kind, Link, Manifest, Pair, Service, Text,
};
use crate::iiif::image_iri;
use crate::image_id;
use oxrdf::vocab::{rdf, rdfs, xsd};
use oxrdf::{Literal, NamedNode, NamedNodeRef, Term};
use std::collections::HashMap;
use std::fmt::{Display, Write};
use url::Url;

/// Terms, by the names that they have in the contexts.
mod term {
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
}

/// The triples of `document`, which is at `place`; `parent` is the collection that led to it.
#[must_use]
pub fn of(document: &Document, place: &str, parent: Option<&str>) -> String {
    let mut writer = Writer::new(document, place);
    if let Some(parent) = parent.and_then(|parent| writer.iri(parent)) {
        let this = writer.this.clone();
        writer.add(&this, term::IS_PART_OF, &parent);
    }
    match document {
        Document::Manifest(manifest) => writer.manifest(manifest),
        Document::Collection(collection) => writer.collection(collection),
    }
    writer.out
}

/// The name of `document`, which is at `place`: its own, or else that of its place.
#[must_use]
pub fn name(document: &Document, place: &str) -> String {
    let id = match document {
        Document::Manifest(manifest) => &manifest.id,
        Document::Collection(collection) => &collection.id,
    };
    id.as_deref()
        .and_then(|id| absolute(id, place))
        .or_else(|| absolute(place, place))
        .unwrap_or_else(|| skolem(&[place]))
        .into_string()
}

/// The name of `canvas`, the one with this number of the manifest `manifest`, which is at `place`.
#[must_use]
pub fn canvas_name(canvas: &Canvas, number: usize, manifest: &str, place: &str) -> String {
    let own = (canvas.id.as_deref()).and_then(|id| absolute(id, place));
    own.unwrap_or_else(|| skolem(&[manifest, "canvas", &number.to_string()]))
        .into_string()
}

/// `id` as an absolute IRI, relative to `base`.
pub(crate) fn absolute(id: &str, base: &str) -> Option<NamedNode> {
    let iri = image_iri(id.trim());
    if let Ok(node) = NamedNode::new(iri.as_ref()) {
        return Some(node);
    }
    let joined = Url::parse(base).ok()?.join(id.trim()).ok()?;
    NamedNode::new(image_iri(joined.as_str())).ok()
}

/// A name for what has none: a UUID of version 8, which is that of hashes of one's own choice (RFC 9562, 5.8).
fn skolem(path: &[&str]) -> NamedNode {
    let mut hex: Vec<u8> = image_id::image_id(&path.join("\n")).into_bytes();
    hex[12] = b'8';
    hex[16] = b'8';
    let hex = String::from_utf8_lossy(&hex);
    let uuid = format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32]
    );
    NamedNode::new_unchecked(uuid)
}

struct Writer<'a> {
    out: String,
    place: &'a str,
    /// The document.
    this: NamedNode,
    /// What the names of pictures and annotations stand for in this document: of two things with one name, the
    /// second gets another, or each image would be on both pages.
    taken: HashMap<String, String>,
}

impl<'a> Writer<'a> {
    fn new(document: &Document, place: &'a str) -> Self {
        Self {
            out: String::new(),
            place,
            this: NamedNode::new_unchecked(name(document, place)),
            taken: HashMap::new(),
        }
    }

    fn add(&mut self, subject: &NamedNode, predicate: NamedNodeRef<'_>, object: &impl Display) {
        writeln!(self.out, "{subject} {predicate} {object} .").expect("a string can be written");
    }

    fn iri(&self, id: &str) -> Option<NamedNode> {
        absolute(id, self.place)
    }

    /// A name for the part of the document at `path`.
    fn node(&self, path: &[&str]) -> NamedNode {
        skolem(&[&[self.this.as_str()], path].concat())
    }

    /// The name `id`, if it stands for `meaning` alone, or else that of the part at `path`.
    fn named(&mut self, id: Option<&str>, meaning: &str, path: &[&str]) -> NamedNode {
        let own = id.and_then(|id| self.iri(id)).filter(|iri| {
            let taken = self.taken.entry(iri.as_str().to_owned());
            taken.or_insert_with(|| meaning.to_owned()) == meaning
        });
        own.unwrap_or_else(|| self.node(path))
    }

    fn manifest(&mut self, manifest: &Manifest) {
        let this = self.this.clone();
        self.add(&this, rdf::TYPE, &term::MANIFEST);
        self.about(&this, &manifest.about, "manifest");
        let mut canvases = Vec::with_capacity(manifest.canvases.len());
        for (number, canvas) in manifest.canvases.iter().enumerate() {
            let name = canvas_name(canvas, number, this.as_str(), self.place);
            let node = NamedNode::new_unchecked(name);
            self.canvas(&node, number, canvas);
            canvases.push(node);
        }
        self.list(&this, term::ITEMS, &canvases, "items");
    }

    fn canvas(&mut self, node: &NamedNode, number: usize, canvas: &Canvas) {
        let this = self.this.clone();
        let number = number.to_string();
        self.add(node, rdf::TYPE, &term::CANVAS);
        self.add(node, term::IS_PART_OF, &this);
        self.about(node, &canvas.about, &format!("canvas\n{number}"));
        self.size(node, canvas.width, canvas.height);
        for (at, image) in canvas.images.iter().enumerate() {
            self.image(node, image, &[&number, &at.to_string()]);
        }
    }

    fn image(&mut self, canvas: &NamedNode, image: &Image, path: &[&str]) {
        let place = path.join("/");
        // The alternatives of a choice have one annotation, and each is a body of it.
        let meaning = format!("on {canvas}");
        let path_of = |kind| [&[kind], path].concat();
        let annotation = self.named(
            image.annotation.as_deref(),
            &meaning,
            &path_of("annotation"),
        );
        let service = image.service.as_ref().map(|service| &service.id);
        let meaning = match (service, &image.id) {
            (Some(service), _) => format!("of {service}"),
            (None, Some(id)) => format!("at {id}"),
            (None, None) => place,
        };
        let picture = self.named(image.id.as_deref(), &meaning, &path_of("picture"));
        self.add(&annotation, rdf::TYPE, &term::ANNOTATION);
        self.add(&annotation, term::MOTIVATED_BY, &term::PAINTING);
        self.add(&annotation, term::HAS_BODY, &picture);
        self.add(&annotation, term::HAS_TARGET, canvas);
        self.add(&picture, rdf::TYPE, &term::STILL_IMAGE);
        self.texts(&picture, rdfs::LABEL, &image.label);
        self.size(&picture, image.width, image.height);
        if let Some(format) = &image.format {
            self.add(&picture, term::FORMAT, &Literal::from(format.as_str()));
        }
        if let Some(service) = &image.service {
            self.service(canvas, &picture, service);
        }
    }

    fn service(&mut self, canvas: &NamedNode, picture: &NamedNode, service: &Service) {
        let Some(image) = self.iri(&service.id) else {
            return;
        };
        let this = self.this.clone();
        self.add(picture, term::SERVICE, &image);
        self.add(&image, term::IS_PART_OF, canvas);
        self.add(&this, term::HAS_FORMAT, &image);
        if let Some(version) = service.version {
            let api = format!("http://iiif.io/api/image/{version}");
            let kind = NamedNode::new_unchecked(format!("{api}#ImageService"));
            self.add(&image, rdf::TYPE, &kind);
            if let Some(level) = service.level {
                let level = NamedNode::new_unchecked(format!("{api}/level{level}.json"));
                self.add(&image, term::CONFORMS_TO, &level);
            }
        }
    }

    fn collection(&mut self, collection: &Collection) {
        let this = self.this.clone();
        self.add(&this, rdf::TYPE, &term::COLLECTION);
        self.about(&this, &collection.about, "collection");
        let mut members = Vec::with_capacity(collection.members.len());
        for member in &collection.members {
            let Some(node) = member.id.as_deref().and_then(|id| self.iri(id)) else {
                continue;
            };
            match member.kind {
                Some(Kind::Manifest) => self.add(&node, rdf::TYPE, &term::MANIFEST),
                Some(Kind::Collection) => self.add(&node, rdf::TYPE, &term::COLLECTION),
                None => {}
            }
            self.titles(&node, &member.label);
            self.add(&node, term::IS_PART_OF, &this);
            members.push(node);
        }
        self.list(&this, term::ITEMS, &members, "items");
    }

    fn about(&mut self, node: &NamedNode, about: &About, path: &str) {
        self.titles(node, &about.label);
        self.texts(node, term::SUMMARY, &about.summary);
        let pairs = self.pairs(&about.metadata, &format!("{path}\nmetadata"));
        self.list(node, term::METADATA, &pairs, &format!("{path}\nmetadata"));
        for statement in self.pairs(&about.required_statement, &format!("{path}\nstatement")) {
            self.add(node, term::REQUIRED_STATEMENT, &statement);
        }
        for rights in &about.rights {
            // Relative to nothing: what is no IRI is words.
            let rights = match NamedNode::new(rights.trim()) {
                Ok(iri) => Term::from(iri),
                Err(_) => Term::from(Literal::from(rights.as_str())),
            };
            self.add(node, term::RIGHTS, &rights);
        }
        self.links(
            node,
            term::PROVIDER,
            &about.providers,
            &format!("{path}\nprovider"),
        );
        self.links(
            node,
            term::THUMBNAIL,
            &about.thumbnails,
            &format!("{path}\nthumbnail"),
        );
        self.links(
            node,
            term::HOMEPAGE,
            &about.homepages,
            &format!("{path}\nhomepage"),
        );
        self.links(
            node,
            rdfs::SEE_ALSO,
            &about.see_also,
            &format!("{path}\nseeAlso"),
        );
        for link in &about.part_of {
            if let Some(whole) = link.id.as_deref().and_then(|id| self.iri(id)) {
                self.add(node, term::AS_PART_OF, &whole);
                self.add(node, term::IS_PART_OF, &whole);
                self.titles(&whole, &link.label);
            }
        }
        if let Some(date) = &about.nav_date {
            let date = Literal::new_typed_literal(date.as_str(), xsd::DATE_TIME);
            self.add(node, term::NAV_DATE, &date);
        }
    }

    fn pairs(&mut self, pairs: &[Pair], path: &str) -> Vec<NamedNode> {
        let mut nodes = Vec::with_capacity(pairs.len());
        for (number, pair) in pairs.iter().enumerate() {
            let node = self.node(&[path, &number.to_string()]);
            self.texts(&node, rdfs::LABEL, &pair.label);
            self.texts(&node, rdf::VALUE, &pair.value);
            for link in &pair.links {
                if let Some(link) = self.iri(link) {
                    self.add(&node, rdfs::SEE_ALSO, &link);
                }
            }
            nodes.push(node);
        }
        nodes
    }

    fn links(&mut self, node: &NamedNode, to: NamedNodeRef<'_>, links: &[Link], path: &str) {
        for (number, link) in links.iter().enumerate() {
            let own = link.id.as_deref().and_then(|id| self.iri(id));
            let target = own.unwrap_or_else(|| self.node(&[path, &number.to_string()]));
            self.add(node, to, &target);
            self.texts(&target, rdfs::LABEL, &link.label);
            if let Some(format) = &link.format {
                self.add(&target, term::FORMAT, &Literal::from(format.as_str()));
            }
            for homepage in &link.homepages {
                if let Some(homepage) = self.iri(homepage) {
                    self.add(&target, term::HOMEPAGE, &homepage);
                }
            }
        }
    }

    fn titles(&mut self, node: &NamedNode, label: &Text) {
        self.texts(node, rdfs::LABEL, label);
        self.texts(node, term::TITLE, label);
    }

    fn texts(&mut self, node: &NamedNode, says: NamedNodeRef<'_>, text: &Text) {
        for phrase in &text.phrases {
            let tagged = phrase.language.as_ref().and_then(|tag| {
                Literal::new_language_tagged_literal(phrase.text.as_str(), tag.as_str()).ok()
            });
            let literal = tagged.unwrap_or_else(|| Literal::from(phrase.text.as_str()));
            self.add(node, says, &literal);
        }
    }

    fn size(&mut self, node: &NamedNode, width: Option<u32>, height: Option<u32>) {
        for (says, pixels) in [(term::WIDTH, width), (term::HEIGHT, height)] {
            if let Some(pixels) = pixels {
                self.add(node, says, &Literal::from(pixels));
            }
        }
    }

    /// An RDF list; none for nothing.
    fn list(&mut self, node: &NamedNode, has: NamedNodeRef<'_>, nodes: &[NamedNode], path: &str) {
        // The cells are named by what is in the list, too: that of a document which has changed is another list.
        let names: Vec<&str> = nodes.iter().map(NamedNode::as_str).collect();
        let content = image_id::image_id(&names.join("\n"));
        let cell = |writer: &Self, number: usize| match number < nodes.len() {
            true => writer.node(&[node.as_str(), path, &content, &number.to_string()]),
            false => rdf::NIL.into_owned(),
        };
        for (number, member) in nodes.iter().enumerate() {
            let this = cell(self, number);
            if number == 0 {
                self.add(node, has, &this);
            }
            let next = cell(self, number + 1);
            self.add(&this, rdf::FIRST, member);
            self.add(&this, rdf::REST, &next);
        }
    }
}

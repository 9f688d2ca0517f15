//! Documents as RDF, in N-Triples.
//!
//! Both versions of the Presentation API get the terms of version 3's JSON-LD context, so that one query serves
//! both. Beside these stand Dublin Core terms, which lead from an image to its page, its book and its collections
//! (`dcterms:isPartOf`) and from a book to its images (`dcterms:hasFormat`).
//!
//! What has no name of its own is named `urn:uuid:…`, made of its document and its place there: the same document
//! gives the same triples, so that loading them again changes nothing.

mod about;
pub mod names;
mod term;

use super::model::{Canvas, Collection, Document, Image, Kind, Manifest, Service};
use super::text::Text;
use crate::image_id;
use names::{absolute, canvas_name, name, skolem};
use oxrdf::vocab::{rdf, rdfs};
use oxrdf::{Literal, NamedNode, NamedNodeRef};
use std::collections::HashMap;
use std::fmt::{Display, Write};

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

struct Writer<'a> {
    out: String,
    place: &'a str,
    /// The document.
    this: NamedNode,
    /// What the names of pictures stand for in this document: of two things with one name, the second gets another,
    /// or each image would be on both pages.
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
        let path_of = |kind| [&[kind], path].concat();
        // Not by its own name, which careless programs give to the annotations of all their manifests: each image
        // would be on all pages.
        let annotation = self.node(&path_of("annotation"));
        let service = image.service.as_ref().map(|service| &service.id);
        let meaning = match (service, &image.id) {
            (Some(service), _) => format!("of {service}"),
            (None, Some(id)) => format!("at {id}"),
            (None, None) => String::new(),
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
        } else if let Some(file) = image.id.as_deref().and_then(|id| self.iri(id)) {
            self.part(canvas, &file);
        }
    }

    /// An image, by the IRI that a collection has for it, as part of its canvas and its manifest.
    fn part(&mut self, canvas: &NamedNode, image: &NamedNode) {
        let this = self.this.clone();
        self.add(image, term::IS_PART_OF, canvas);
        self.add(&this, term::HAS_FORMAT, image);
    }

    fn service(&mut self, canvas: &NamedNode, picture: &NamedNode, service: &Service) {
        let Some(image) = self.iri(&service.id) else {
            return;
        };
        self.add(picture, term::SERVICE, &image);
        self.part(canvas, &image);
        if let Some(version) = service.version {
            let api = format!("http://iiif.io/api/image/{}", version.as_str());
            let kind = NamedNode::new_unchecked(format!("{api}#ImageService"));
            self.add(&image, rdf::TYPE, &kind);
            if let Some(level) = service.level {
                let level = NamedNode::new_unchecked(format!("{api}/{}.json", level.as_str()));
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
        let content = image_id::text_digest(&names.join("\n"));
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

//! What documents give a build: a row for each image, triples, and further documents.

use super::super::discovery::Outdated;
use super::super::failures::Stage;
use super::super::table::{self, LostRow, Table};
use super::places::Place;
use crate::harvest;
use crate::harvest::model::{Collection, Document, Image, Manifest};
use crate::harvest::triples;
use crate::harvest::triples::names::{self, absolute};
use csv::ByteRecord;
use std::sync::Arc;

/// A row of the input.
#[derive(Debug, Clone)]
pub(super) enum Row {
    Image(ImageRow),
    Lost(LostRow),
}

/// An image on a canvas.
#[derive(Debug, Clone)]
pub(super) struct ImageRow {
    iiif_url: String,
    /// Of the canvas.
    label: String,
    /// Of the manifest.
    title: Arc<str>,
    canvas: String,
    manifest: Arc<str>,
}

/// The columns after that with the IIIF URL.
const COLUMNS: [&str; 4] = ["label", "title", "canvas", "manifest"];

/// What a document came to.
#[derive(Debug, Default)]
pub(super) struct Harvested {
    pub(super) rows: Vec<Row>,
    pub(super) triples: String,
    /// The names of the document and of those that it holds.
    pub(super) names: Vec<String>,
    pub(super) found: Vec<Found>,
    /// Canvases without an image.
    pub(super) n_bare: usize,
    /// The version of the document that was read, if it has one.
    pub(super) version: Option<Arc<str>>,
}

/// A document that another one names.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    /// The collection that it is in.
    pub(super) parent: String,
    /// Whether it is a page of that collection and not a member.
    pub(super) is_page: bool,
}

impl Harvested {
    /// Adds `document`, which is at the URL `place` and in the collection `parent`.
    pub(super) fn add(&mut self, document: &Document, place: &str, parent: Option<&str>) {
        let name = names::name(document, place);
        self.triples.push_str(&triples::of(document, place, parent));
        match document {
            Document::Manifest(manifest) => self.add_manifest(manifest, &name, place),
            Document::Collection(collection) => {
                self.add_collection(collection, &name, place, parent);
            }
        }
        self.names.push(name);
    }

    fn add_manifest(&mut self, manifest: &Manifest, name: &str, place: &str) {
        let title: Arc<str> = manifest.about.label.one().unwrap_or_default().into();
        let manifest_name: Arc<str> = name.into();
        for (number, canvas) in manifest.canvases.iter().enumerate() {
            self.n_bare += usize::from(canvas.images.is_empty());
            let canvas_name = names::canvas_name(canvas, number, name, place);
            for image in &canvas.images {
                self.rows.push(match iiif_url(image, place) {
                    Some(iiif_url) => Row::Image(ImageRow {
                        iiif_url,
                        label: canvas.about.label.one().unwrap_or_default().to_owned(),
                        title: title.clone(),
                        canvas: canvas_name.clone(),
                        manifest: manifest_name.clone(),
                    }),
                    None => Row::Lost(without_url(image, &canvas_name, name)),
                });
            }
        }
    }

    fn add_collection(
        &mut self,
        collection: &Collection,
        name: &str,
        place: &str,
        parent: Option<&str>,
    ) {
        for member in &collection.members {
            if let Some(document) = &member.document {
                self.add(document, place, Some(name));
            } else if let Some(id) = &member.id {
                self.find(id, place, name, false);
            }
        }
        if let Some(first) = &collection.first {
            self.find(first, place, name, true);
        }
        if let Some(next) = &collection.next {
            self.find(next, place, parent.unwrap_or(name), true);
        }
    }

    fn find(&mut self, id: &str, place: &str, parent: &str, is_page: bool) {
        let Some(url) = absolute(id, place) else {
            self.rows.push(Row::Lost(LostRow {
                url: id.to_owned(),
                stage: Stage::Manifest,
                reason: format!("not a URL, in the collection {parent}"),
            }));
            return;
        };
        self.found.push(Found {
            place: Place::Url(url.into_string()),
            parent: parent.to_owned(),
            is_page,
        });
    }
}

/// What a document said, as N-Triples.
pub(super) fn triples(document: &Outdated) -> String {
    let mut harvested = Harvested::default();
    if let Ok(parsed) = harvest::parse(&document.bytes) {
        harvested.add(&parsed, &document.url, document.parent.as_deref());
    }
    harvested.triples
}

/// The service as it names itself, or the picture where there is none; what is relative gets its place.
fn iiif_url(image: &Image, place: &str) -> Option<String> {
    let service = image.service.as_ref().map(|service| &service.id);
    let id = service.or(image.id.as_ref())?;
    if id.contains("://") {
        return Some(id.clone());
    }
    absolute(id, place).map(oxrdf::NamedNode::into_string)
}

fn without_url(image: &Image, canvas: &str, manifest: &str) -> LostRow {
    LostRow {
        url: image.id.clone().unwrap_or_default(),
        stage: Stage::Manifest,
        reason: format!(
            "the image has neither an image service nor a URL (canvas {canvas}, manifest {manifest})"
        ),
    }
}

/// `rows` as the table of a build called `name`, with the IIIF URLs under the name `url_column`.
pub(super) fn table(rows: &Arc<Vec<Row>>, url_column: &str, name: &str) -> Table {
    let url_column = table::bare(url_column).to_owned();
    let columns = std::iter::once(url_column).chain(COLUMNS.map(str::to_owned));
    let rows = rows.clone();
    Table {
        name: name.to_owned(),
        columns: columns.collect(),
        rows: Box::new((0..rows.len()).map(move |at| match &rows[at] {
            Row::Image(row) => Ok(ByteRecord::from(vec![
                row.iiif_url.as_str(),
                &row.label,
                &row.title,
                &row.canvas,
                &row.manifest,
            ])),
            Row::Lost(lost) => Err(lost.clone().into()),
        })),
        may_be_cut: false,
        remedy_if_empty: "no manifest in it has a canvas with an image",
    }
}

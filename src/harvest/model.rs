//! What a manifest or a collection says, whatever version it is written in.
//!
//! Ids are as written: they may be relative, and no IRIs.

use super::text::Text;
use crate::collection::sizes::{ApiVersion, Profile};

/// A document of the Presentation API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A book, a painting, a letter.
    Manifest(Box<Manifest>),
    /// A list of manifests and collections.
    Collection(Box<Collection>),
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its own name.
    pub id: Option<String>,
    /// Version of the Presentation API, 2 or 3.
    pub presentation: u8,
    /// What is said of it.
    pub about: About,
    /// Its pages in their order, each once.
    pub canvases: Vec<Canvas>,
}

/// A collection, or a page of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its own name.
    pub id: Option<String>,
    /// Version of the Presentation API, 2 or 3.
    pub presentation: u8,
    /// What is said of it.
    pub about: About,
    /// What is in it, in its order.
    pub members: Vec<Member>,
    /// Its first page, if it has pages.
    pub first: Option<String>,
    /// The page after this one.
    pub next: Option<String>,
}

/// What a collection has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where it is to be had.
    pub id: Option<String>,
    /// What it is, where that is said.
    pub kind: Option<Kind>,
    /// What it is called.
    pub label: Text,
    /// The member itself, where the collection holds it whole.
    pub document: Option<Document>,
}

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A manifest.
    Manifest,
    /// A collection.
    Collection,
}

/// A page, a side, a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    /// Its own name.
    pub id: Option<String>,
    /// What is said of it.
    pub about: About,
    /// Width of its coordinates.
    pub width: Option<u32>,
    /// Height of its coordinates.
    pub height: Option<u32>,
    /// The images painted on it, alternatives too.
    pub images: Vec<Image>,
}

/// An image on a canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// URL of one file of it.
    pub id: Option<String>,
    /// The service that gives it in all sizes.
    pub service: Option<Service>,
    /// Which alternative of a choice it is, counted from 0.
    pub choice: Option<usize>,
    /// What it is called.
    pub label: Text,
    /// Media type of the file.
    pub format: Option<String>,
    /// Width in pixels.
    pub width: Option<u32>,
    /// Height in pixels.
    pub height: Option<u32>,
}

/// A IIIF Image API service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The IIIF URL of the image, as the service names itself.
    pub id: String,
    /// Version of the Image API.
    pub version: Option<ApiVersion>,
    /// Level of compliance.
    pub level: Option<Profile>,
}

/// What is said of a collection, a manifest or a canvas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// What it is called.
    pub label: Text,
    /// What it is about.
    pub summary: Text,
    /// Labels and values in the words of the institution.
    pub metadata: Vec<Pair>,
    /// What must be shown with it: an attribution.
    pub required_statement: Vec<Pair>,
    /// Licences, as URLs or as words.
    pub rights: Vec<String>,
    /// Who gives it.
    pub providers: Vec<Link>,
    /// Small pictures of it.
    pub thumbnails: Vec<Link>,
    /// Web pages about it.
    pub homepages: Vec<Link>,
    /// Further data about it.
    pub see_also: Vec<Link>,
    /// What it belongs to.
    pub part_of: Vec<Link>,
    /// A date for finding it.
    pub nav_date: Option<String>,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// "Date", "Datierung".
    pub label: Text,
    /// Without markup.
    pub value: Text,
    /// The targets of links in the value.
    pub links: Vec<String>,
}

/// Something elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it is.
    pub id: Option<String>,
    /// What it is called.
    pub label: Text,
    /// Its media type.
    pub format: Option<String>,
    /// Web pages of a provider.
    pub homepages: Vec<String>,
}

//! IIIF Change Discovery 1.0: what an institution says of its manifests and collections, activity by activity.
//!
//! A stream is an ordered collection of pages, the newest activities on the last one. [`Reading`](reading::Reading)
//! takes its pages from the end and says what is to be read and what is gone; nothing here fetches.

pub mod known;
pub mod moment;
pub mod reading;

use super::HarvestError;
use super::json::{self, Object};
use moment::Moment;
use serde_json::Value;

/// A stream, without its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its own name, which `Add` and `Remove` name.
    pub id: Option<String>,
    /// Where its newest activities are.
    pub last: Option<Part>,
    /// How many activities it has, as it says.
    pub total: Option<u64>,
}

/// A page of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// To be had at this address, which may be relative.
    At(String),
    /// It stands in what names it.
    Here(Box<Page>),
}

/// Activities in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its own name.
    pub id: Option<String>,
    /// Where older activities are.
    pub prev: Option<String>,
    /// The oldest first.
    pub activities: Vec<Activity>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// What.
    pub kind: Option<Kind>,
    /// Its own name.
    pub id: Option<String>,
    /// When it was done.
    pub ended: Option<Moment>,
    /// With what.
    pub object: Option<Resource>,
    /// Where to.
    pub target: Option<Resource>,
    /// Where from.
    pub origin: Option<Resource>,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The object is new.
    Create,
    /// The object is another than before.
    Update,
    /// The object is no longer.
    Delete,
    /// What was the object is now the target.
    Move,
    /// The object is now in the stream that is the target.
    Add,
    /// The object is no longer in the stream that is the origin.
    Remove,
    /// All that there is will be named again after this.
    Refresh,
}

/// What an activity is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub id: String,
    /// Whether it is a manifest or a collection, or may be one.
    pub is_document: bool,
}

/// Longest name of a resource: addresses are shorter, and all of them are kept in memory.
pub const MAX_ID_BYTES: usize = 4096;

/// The stream in `bytes`.
///
/// # Errors
/// [`HarvestError`] says what the document is instead.
pub fn stream(bytes: &[u8]) -> Result<Stream, HarvestError> {
    let object = super::object(bytes)?;
    if !json::is_a(&object, "orderedcollection") {
        return Err(HarvestError::NoStream(json::kind_in_words(&object)));
    }
    // Small streams have their activities in them.
    let whole = || object.contains_key(ITEMS).then(|| page_of(&object));
    let last = object.get("last").and_then(part);
    let last = last.or_else(|| whole().map(|page| Part::Here(Box::new(page))));
    Ok(Stream {
        id: json::own_id(&object),
        last,
        total: object.get("totalItems").and_then(Value::as_u64),
    })
}

/// The page in `bytes`.
///
/// # Errors
/// [`HarvestError`] says what the document is instead.
pub fn page(bytes: &[u8]) -> Result<Page, HarvestError> {
    let object = super::object(bytes)?;
    if json::is_a(&object, "orderedcollectionpage") || object.contains_key(ITEMS) {
        Ok(page_of(&object))
    } else {
        Err(HarvestError::NoPage(json::kind_in_words(&object)))
    }
}

const ITEMS: &str = "orderedItems";

fn part(value: &Value) -> Option<Part> {
    match value.as_object() {
        Some(object) if object.contains_key(ITEMS) => Some(Part::Here(Box::new(page_of(object)))),
        _ => json::id(value).map(Part::At),
    }
}

fn page_of(object: &Object) -> Page {
    Page {
        id: json::own_id(object),
        prev: object.get("prev").and_then(json::id),
        activities: json::objects(object.get(ITEMS)).map(activity).collect(),
    }
}

fn activity(object: &Object) -> Activity {
    let resource = |key| json::list(object.get(key)).first().and_then(resource);
    Activity {
        kind: json::types(object).find_map(kind),
        id: json::own_id(object).filter(|id| id.len() <= MAX_ID_BYTES),
        ended: json::string(object, "endTime").and_then(|time| Moment::parse(&time)),
        object: resource("object"),
        target: resource("target"),
        origin: resource("origin"),
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match json::local_name(name) {
        "Create" => Kind::Create,
        "Update" => Kind::Update,
        "Delete" => Kind::Delete,
        "Move" => Kind::Move,
        "Add" => Kind::Add,
        "Remove" => Kind::Remove,
        "Refresh" => Kind::Refresh,
        _ => return None,
    })
}

fn resource(value: &Value) -> Option<Resource> {
    let id = json::id(value).filter(|id| id.len() <= MAX_ID_BYTES)?;
    let is_document = value.as_object().is_none_or(|object| {
        !json::has_type(object)
            || json::is_a(object, "manifest")
            || json::is_a(object, "collection")
    });
    Some(Resource { id, is_document })
}

//! From the pages of a stream, the newest first, to what is to be read and what is gone.
//!
//! The algorithm is that of section 3.5.2 of the specification, which goes wrong twice when it is taken by its
//! words: where X was moved to Y and Y deleted, X comes back, and a `Move` before a `Refresh` is passed over. So a
//! `Move` counts as two things, the object that is gone and the target that is new, each for itself.

use super::moment::Moment;
use super::{Activity, Kind, Page, Resource};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A stream that is being read.
#[derive(Debug)]
pub struct Reading {
    /// What the stream is called.
    names: Vec<String>,
    since: Option<Moment>,
    /// Whether a `Refresh` was passed: what is older tells only of what is gone.
    only_removes: bool,
    /// The resources of which the newest activity is known.
    settled: HashSet<String>,
    /// Length of their names.
    n_bytes: usize,
    changes: Changes,
}

/// What activities come to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// From when on all activities were looked at; from the beginning without.
    pub since: Option<Moment>,
    /// Manifests and collections to read, and the activity that says so, where it has a time.
    pub included: BTreeMap<String, Option<String>>,
    /// Those that are no longer.
    pub removed: BTreeSet<String>,
    /// The time of the newest activity.
    pub latest: Option<Moment>,
    /// Activities that were looked at.
    pub n_activities: usize,
    /// Those of them that have a time.
    pub n_timed: usize,
    /// Those of them that are about something else than manifests and collections.
    pub n_other: usize,
    /// Whether something was named twice, or otherwise than as new or changed. A stream that does neither may be a
    /// plain list of what there is (levels 0 and 1), which does not tell what is gone.
    pub has_events: bool,
}

/// Whether there is more to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// What is older counts, too.
    Older,
    /// What is older changes nothing.
    Nothing,
}

impl Reading {
    /// A reading of the stream that is called `names`, back to `since`, or to its beginning.
    #[must_use]
    pub fn new(names: Vec<String>, since: Option<Moment>) -> Self {
        Self {
            names,
            since,
            only_removes: false,
            settled: HashSet::new(),
            n_bytes: 0,
            changes: Changes {
                since,
                ..Changes::default()
            },
        }
    }

    /// Takes the next older page.
    pub fn add(&mut self, page: &Page) -> Next {
        for activity in page.activities.iter().rev() {
            if self.take(activity) == Next::Nothing {
                return Next::Nothing;
            }
        }
        Next::Older
    }

    /// Length of all names so far, in bytes.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// What all pages came to.
    #[must_use]
    pub fn end(self) -> Changes {
        self.changes
    }

    fn take(&mut self, activity: &Activity) -> Next {
        if let Some(ended) = activity.ended {
            // Also what is too old shows that the stream tells times.
            self.changes.n_timed += 1;
            if self.since.is_some_and(|since| ended.is_before(since)) {
                return Next::Nothing;
            }
            let latest = self.changes.latest;
            if latest.is_none_or(|latest| latest.is_before(ended)) {
                self.changes.latest = Some(ended);
            }
        }
        self.changes.n_activities += 1;
        if activity.kind == Some(Kind::Refresh) {
            self.changes.has_events = true;
            self.only_removes = true;
            return match self.since {
                None => Next::Nothing,
                Some(_) => Next::Older,
            };
        }
        let (Some(kind), Some(object)) = (activity.kind, document(activity.object.as_ref())) else {
            self.changes.n_other += 1;
            return Next::Older;
        };
        match kind {
            Kind::Create | Kind::Update => self.include(object, activity),
            Kind::Add if self.is_this(activity.target.as_ref()) => self.include(object, activity),
            Kind::Delete => self.remove(object),
            Kind::Remove if self.is_this(activity.origin.as_ref()) => self.remove(object),
            Kind::Move => {
                self.remove(object);
                match document(activity.target.as_ref()) {
                    Some(target) => self.include(target, activity),
                    None => self.changes.n_other += 1,
                }
            }
            // About other streams; a refresh was taken note of above.
            Kind::Add | Kind::Remove | Kind::Refresh => {}
        }
        Next::Older
    }

    fn include(&mut self, id: &str, activity: &Activity) {
        if !self.settle(id) {
            self.changes.has_events = true;
        } else if !self.only_removes {
            let version = activity.ended.map(|ended| {
                let name = activity.id.as_deref().unwrap_or_default();
                format!("{ended} {name}").trim_end().to_owned()
            });
            self.changes.included.insert(id.to_owned(), version);
        }
    }

    fn remove(&mut self, id: &str) {
        self.changes.has_events = true;
        if self.settle(id) {
            self.changes.removed.insert(id.to_owned());
        }
    }

    /// Whether nothing is known of the resource yet.
    fn settle(&mut self, id: &str) -> bool {
        let is_new = self.settled.insert(id.to_owned());
        self.n_bytes += if is_new { id.len() } else { 0 };
        is_new
    }

    /// Whether `Add` and `Remove` are about this stream: they are where they do not say which.
    fn is_this(&self, stream: Option<&Resource>) -> bool {
        stream.is_none_or(|stream| self.names.contains(&stream.id))
    }
}

/// The address of a manifest or collection.
fn document(resource: Option<&Resource>) -> Option<&str> {
    let resource = resource.filter(|resource| resource.is_document)?;
    let (scheme, _) = resource.id.split_once("://")?;
    let is_web = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    is_web.then_some(&resource.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harvest::discovery::page;
    use serde_json::{Value, json};

    /// Activities as `Kind object [target]`, a minute each; `!` before the kind for one without a time.
    fn activities(lines: &[&str]) -> Page {
        let items: Vec<Value> = (0..)
            .zip(lines)
            .map(|(minute, line)| {
                let words: Vec<&str> = line.split(' ').collect();
                let kind = words[0].trim_start_matches('!');
                let mut item = json!({"type": kind, "endTime": format!("2026-01-01T00:{minute:02}:00Z")});
                if words[0].starts_with('!') {
                    item.as_object_mut().unwrap().remove("endTime");
                }
                let url = |name: &str| json!({"id": format!("https://example.org/{name}"), "type": "Manifest"});
                if let Some(object) = words.get(1) {
                    item["object"] = url(object);
                }
                if let Some(other) = words.get(2) {
                    item[if kind == "Remove" { "origin" } else { "target" }] = url(other);
                }
                item
            })
            .collect();
        page(json!({"orderedItems": items}).to_string().as_bytes()).unwrap()
    }

    fn read(lines: &[&str], since: Option<&str>) -> (Changes, Next) {
        let names = vec!["https://example.org/stream".to_owned()];
        let mut reading = Reading::new(names, since.map(|text| Moment::parse(text).unwrap()));
        let next = reading.add(&activities(lines));
        (reading.end(), next)
    }

    fn names<'a>(ids: impl Iterator<Item = &'a String>) -> String {
        let names: Vec<_> = ids.map(|id| id.rsplit('/').next().unwrap()).collect();
        names.join(" ")
    }

    #[test]
    fn each_kind_of_activity_has_its_effect() {
        let since = Some("2026-01-01T00:00:00Z");
        for (lines, since, included, removed) in [
            (&["Create a", "Update b"][..], None, "a b", ""),
            (&["Create a", "Update a", "Delete a"], None, "", "a"),
            (&["Delete a", "Create a"], None, "a", ""),
            (&["Move a b"], None, "b", "a"),
            // Where section 3.5.2, taken by its words, brings b and a back.
            (&["Move a b", "Delete b"], None, "", "a b"),
            (&["Move a b", "Create a"], None, "a b", ""),
            (&["Move a b", "Move b c"], None, "c", "a b"),
            (&["Add a stream", "Add b other"], None, "a", ""),
            (&["Remove a stream", "Remove b other"], None, "", "a"),
            (
                &["Create b", "Add a", "Remove b other", "Remove c"],
                None,
                "a b",
                "c",
            ),
            // A first reading ends at a refresh, another one looks for what is gone.
            (&["Create a", "Refresh", "Update b"], None, "b", ""),
            (
                &["Create a", "Delete c", "Refresh", "Update b"],
                since,
                "b",
                "c",
            ),
            (&["Move a b", "Refresh", "Update b"], since, "b", "a"),
            (&["Delete a", "Create a", "Refresh"], since, "", ""),
            (&["Announce a", "Create b", "Create"], None, "b", ""),
        ] {
            let (changes, _) = read(lines, since);
            assert_eq!(names(changes.included.keys()), included, "{lines:?}");
            assert_eq!(names(changes.removed.iter()), removed, "{lines:?}");
        }
    }

    #[test]
    fn what_is_older_than_the_last_crawl_is_left() {
        let lines = ["Create a", "Delete b", "!Create c", "Update d"];
        for (since, included, removed, next) in [
            (None, "a c d", "b", Next::Older),
            (Some("2026-01-01T00:01:00Z"), "c d", "b", Next::Nothing),
            (Some("2026-01-01T00:01:01Z"), "c d", "", Next::Nothing),
            (Some("2026-01-01T00:04:00Z"), "", "", Next::Nothing),
        ] {
            let (changes, found) = read(&lines, since);
            assert_eq!(names(changes.included.keys()), included, "{since:?}");
            assert_eq!(names(changes.removed.iter()), removed, "{since:?}");
            assert_eq!(found, next, "{since:?}");
        }
        let (changes, _) = read(&lines, None);
        assert_eq!(changes.latest, Moment::parse("2026-01-01T00:03:00Z"));
        let version = |name: &str| &changes.included[&format!("https://example.org/{name}")];
        assert_eq!(version("a").as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(version("c"), &None);
    }

    #[test]
    fn plain_lists_are_told_from_events() {
        for (lines, has_events) in [
            (&["Update a", "Create b"][..], false),
            (&["!Update a", "!Update b"], false),
            (&["Create a", "Update a"], true),
            (&["Create a", "Delete b"], true),
            (&["Move a b"], true),
            (&["Refresh", "Update a"], true),
        ] {
            assert_eq!(read(lines, None).0.has_events, has_events, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_document_is_counted() {
        let items = json!({"orderedItems": [
            {"type": "Create", "object": {"id": "https://example.org/c", "type": "Canvas"}},
            {"type": "Create", "object": {"id": "urn:x", "type": "Manifest"}},
            {"type": "Create", "object": {"id": format!("https://example.org/{}", "x".repeat(5000)), "type": "Manifest"}},
            {"type": "Create"}, {"type": "Like", "object": "https://example.org/l"}, "text",
            {"type": "as:Create", "object": {"@id": "https://example.org/m", "@type": "sc:Manifest"}},
            {"type": "Create", "object": "HTTPS://example.org/n"}]});
        let mut reading = Reading::new(Vec::new(), None);
        reading.add(&page(items.to_string().as_bytes()).unwrap());
        let changes = reading.end();
        assert_eq!(names(changes.included.keys()), "n m");
        assert_eq!((changes.n_activities, changes.n_other), (7, 5));
    }
}

//! Change Discovery streams, where `../shared/iiif/discovery` is: what they leave is what must result.

use crate::support;
use clip_search::harvest::discovery::known::Known;
use clip_search::harvest::discovery::moment::Moment;
use clip_search::harvest::discovery::reading::{Changes, Next, Reading};
use clip_search::harvest::discovery::{Part, page, stream};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is read of the stream in `folder`, and the pages that it took.
fn read(folder: &Path, since: Option<Moment>) -> (Changes, usize) {
    let file = |name: &str| fs::read(folder.join(format!("{name}.json"))).unwrap();
    let stream = stream(&file("collection")).unwrap();
    let mut reading = Reading::new(stream.id.into_iter().collect(), since);
    let Some(Part::At(mut next)) = stream.last else {
        panic!("{} names its last page", folder.display());
    };
    let mut n_pages = 0;
    loop {
        let page = page(&file(next.rsplit('/').next().unwrap())).unwrap();
        n_pages += 1;
        match (reading.add(&page), page.prev) {
            (Next::Older, Some(prev)) => next = prev,
            _ => return (reading.end(), n_pages),
        }
    }
}

fn set(value: &Value) -> BTreeSet<String> {
    let names = value.as_array().unwrap().iter();
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

fn documents(known: &Known) -> BTreeSet<String> {
    known.documents.keys().cloned().collect()
}

#[test]
fn streams_of_all_levels_leave_what_must_result() {
    let Some(folder) = support::shared("iiif/discovery") else {
        return;
    };
    let expected: Value =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let states = expected["states"].as_object().unwrap();
    assert_eq!(states.len(), 4);
    for (since, state) in states {
        let (changes, n_pages) = read(&folder.join("level2"), Moment::parse(since));
        let included: BTreeSet<String> = changes.included.keys().cloned().collect();
        assert_eq!(included, set(&state["included"]), "{since}");
        assert_eq!(changes.removed, set(&state["removed"]), "{since}");
        assert_eq!(
            n_pages as u64,
            state["pages_read"].as_u64().unwrap(),
            "{since}"
        );
        let before = set(&state["before"]).into_iter();
        let mut known = Known {
            documents: before.map(|id| (id, "before".to_owned())).collect(),
            ..Known::default()
        };
        known.apply(changes, true, "run");
        assert_eq!(documents(&known), set(&state["after"]), "{since}");
    }
    let first = &expected["first harvest (lastCrawl null)"];
    for level in ["level0", "level1", "level2"] {
        let (changes, n_pages) = read(&folder.join(level), None);
        assert_eq!(
            n_pages as u64,
            first["pages_read"].as_u64().unwrap(),
            "{level}"
        );
        assert_eq!(changes.has_events, level == "level2");
        assert_eq!(changes.n_timed > 0, level != "level0");
        let mut known = Known::default();
        known.apply(changes.clone(), true, "run");
        assert_eq!(documents(&known), set(&first["included"]), "{level}");
        assert_eq!(documents(&known), set(&expected["final"]), "{level}");
        // What is known besides is gone, since all there is was read.
        known.documents.insert("more".into(), String::new());
        known.apply(changes, true, "run");
        assert_eq!(documents(&known), set(&expected["final"]), "{level}");
    }
}

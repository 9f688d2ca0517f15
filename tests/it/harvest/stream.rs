//! A IIIF Change Discovery stream on a [`Site`].

use super::site::Site;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How much a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// What there is.
    List,
    /// What there is and when it last changed.
    TimedList,
    /// What happened.
    Events,
}

/// The stream `stream` of a site, an activity a minute.
pub(crate) struct Stream {
    level: Level,
    pub(crate) activities: Vec<Value>,
    n_told: usize,
}

const PER_PAGE: usize = 3;

impl Stream {
    pub(crate) fn new(level: Level) -> Self {
        Self {
            level,
            activities: Vec::new(),
            n_told: 0,
        }
    }

    /// One with full events that tells of `n_books` new books, `book-0` and so on, with one image each.
    pub(crate) fn of_books(site: &Site, n_books: usize) -> Self {
        let mut stream = Self::new(Level::Events);
        for n in 0..n_books {
            site.put_book(&format!("book-{n}"), &[n]);
            stream.tell(site, &format!("Create book-{n}"));
        }
        stream
    }

    /// An activity, as `Kind object [target]`; `Add` and `Remove` are about this stream unless they name another.
    pub(crate) fn tell(&mut self, site: &Site, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let minute = self.n_told;
        self.n_told += 1;
        let time = format!("2026-01-01T{:02}:{:02}:00Z", minute / 60, minute % 60);
        let mut activity = json!({"type": words[0], "endTime": time});
        let thing = |name: &str| {
            let kind = if name.starts_with("set") {
                "Collection"
            } else {
                "Manifest"
            };
            json!({"id": site.url(name), "type": kind})
        };
        if let Some(object) = words.get(1) {
            activity["object"] = thing(object);
        }
        let other = words.get(2).map(|name| thing(name));
        let this = json!({"id": site.url("stream"), "type": "OrderedCollection"});
        match words[0] {
            "Move" => activity["target"] = other.unwrap(),
            "Add" => activity["target"] = other.unwrap_or(this),
            "Remove" => activity["origin"] = other.unwrap_or(this),
            "Refresh" => {
                let time = activity.as_object_mut().unwrap().remove("endTime");
                activity["startTime"] = time.unwrap();
            }
            _ => {}
        }
        self.activities.push(activity);
    }

    /// What is told at this level.
    fn told(&self) -> Vec<Value> {
        if self.level == Level::Events {
            return self.activities.clone();
        }
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        for activity in &self.activities {
            let id = |key: &str| activity[key]["id"].as_str().map(str::to_owned);
            let object = id("object").unwrap();
            last.remove(&object);
            let now = match activity["type"].as_str().unwrap() {
                "Delete" | "Remove" => continue,
                "Move" => "target",
                _ => "object",
            };
            let mut entry = json!({"type": "Update", "object": activity[now]});
            if self.level == Level::TimedList {
                entry["endTime"] = activity["endTime"].clone();
            }
            last.insert(id(now).unwrap(), entry);
        }
        let mut list: Vec<Value> = last.into_values().collect();
        list.sort_by_key(|entry| entry["endTime"].as_str().unwrap_or_default().to_owned());
        list
    }

    /// Puts the stream on the site and gives its address.
    pub(crate) fn publish(&self, site: &Site) -> String {
        let told = self.told();
        let page = |n: usize| site.url(&format!("stream/{n}"));
        let pages: Vec<&[Value]> = told.chunks(PER_PAGE).collect();
        for (n, items) in pages.iter().enumerate() {
            let mut body =
                json!({"id": page(n), "type": "OrderedCollectionPage", "orderedItems": items});
            if n > 0 {
                body["prev"] = json!({"id": page(n - 1), "type": "OrderedCollectionPage"});
            }
            site.put(&format!("stream/{n}"), body);
        }
        let url = site.url("stream");
        let mut stream = json!({"@context": "http://iiif.io/api/discovery/1/context.json", "id": url,
            "type": "OrderedCollection", "totalItems": told.len()});
        if !pages.is_empty() {
            stream["last"] = json!({"id": page(pages.len() - 1), "type": "OrderedCollectionPage"});
        }
        site.put("stream", stream);
        url
    }
}

//! Reading documents and those that they name, each once, host by host.
//!
//! Documents are read in waves, those that a wave names being the next one, and taken in the order in which they
//! are named: the same documents give the same rows however long each one takes.

use super::super::discovery::{Kept, Shelf};
use super::super::failures::Stage;
use super::super::options::Crawl;
use super::super::table::LostRow;
use super::documents::{Documents, read_file, url_of};
use super::places::Place;
use super::rows::{Found, Harvested, Row};
use crate::blocking::blocking;
use crate::harvest;
use anyhow::bail;
use futures_util::{StreamExt, stream};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use url::Url;

/// Documents that are parsed at the same time: JSON takes ten times its length in memory.
const MAX_PARSED: usize = 2;

/// Reads documents.
pub(super) struct Crawler {
    documents: Documents,
    shelf: Option<Arc<Shelf>>,
    limits: Crawl,
    parsers: Semaphore,
    triples: mpsc::Sender<String>,
}

/// What all documents came to.
#[derive(Debug, Default)]
pub(super) struct Crawled {
    pub(super) rows: Vec<Row>,
    pub(super) remarks: Vec<String>,
}

/// A document that is to be read.
#[derive(Debug)]
struct Task {
    place: Place,
    parent: Option<String>,
    depth: usize,
    /// The word that is another when the document has changed, where there is one: that of its stream, or of the
    /// collection that it is in.
    version: Option<Arc<str>>,
}

/// What has been seen of the documents so far.
#[derive(Default)]
struct Seen {
    /// URLs that were or will be read, and names of documents that were.
    urls: HashSet<String>,
    n_documents: usize,
    n_bare: usize,
    n_over: usize,
    n_too_deep: usize,
}

impl Crawler {
    pub(super) fn new(
        documents: Documents,
        shelf: Option<Arc<Shelf>>,
        limits: Crawl,
        triples: mpsc::Sender<String>,
    ) -> Self {
        Self {
            documents,
            shelf,
            limits,
            parsers: Semaphore::new(MAX_PARSED),
            triples,
        }
    }

    /// Reads the documents at `places` and all that they lead to.
    pub(super) async fn crawl(self, places: Vec<Place>) -> Crawled {
        let mut crawled = Crawled::default();
        let mut seen = Seen::default();
        let roots = places.into_iter().map(|place| self.root(place));
        let mut wave: Vec<Task> = roots
            .filter(|task| seen.is_wanted(task, &self.limits))
            .collect();
        while !wave.is_empty() {
            tracing::info!(
                documents = wave.len(),
                images = crawled.rows.len(),
                "reading manifests"
            );
            let mut next = Vec::new();
            let mut reading = stream::iter(wave)
                .map(|task| self.read(task))
                .buffered(self.documents.n_at_once());
            while let Some((task, result)) = reading.next().await {
                let mut harvested = match result {
                    Ok(harvested) => harvested,
                    Err(error) => {
                        crawled.rows.push(Row::Lost(lost(&task, &error)));
                        continue;
                    }
                };
                crawled.rows.append(&mut harvested.rows);
                seen.n_bare += harvested.n_bare;
                let names = harvested.names.into_iter();
                seen.urls
                    .extend(names.filter(|name| may_be_called(&task.place, name)));
                let version = harvested.version;
                let tasks = (harvested.found.into_iter())
                    .map(|found| task.follow(found, version.clone()))
                    .filter(|task| !self.is_gone(task));
                next.extend(tasks);
                // Whoever writes them has failed and says so.
                if self.triples.send(harvested.triples).await.is_err() {
                    return crawled;
                }
            }
            // Only now are all names of the wave known: what lies in a folder is not fetched.
            next.retain(|task| seen.is_wanted(task, &self.limits));
            wave = next;
        }
        crawled.remarks = seen.remarks(&self.limits);
        crawled
    }

    fn root(&self, place: Place) -> Task {
        let version = match (&place, &self.shelf) {
            (Place::Url(url), Some(shelf)) => shelf.version(url).map(Arc::from),
            _ => None,
        };
        Task {
            place,
            parent: None,
            depth: 0,
            version,
        }
    }

    /// Whether the document is said to be no more, although a collection names it.
    fn is_gone(&self, task: &Task) -> bool {
        match (&task.place, &self.shelf) {
            (Place::Url(url), Some(shelf)) => shelf.is_gone(url),
            _ => false,
        }
    }

    async fn read(&self, task: Task) -> (Task, anyhow::Result<Harvested>) {
        let result = match (&task.place, &task.version, &self.shelf) {
            (Place::Url(url), Some(version), Some(shelf)) => {
                self.harvest_news(&task, url, version, shelf).await
            }
            _ => self.harvest(&task).await,
        };
        (task, result)
    }

    async fn harvest(&self, task: &Task) -> anyhow::Result<Harvested> {
        let fetched = match &task.place {
            Place::Url(url) => Some(self.documents.fetch(url).await?),
            Place::File(_) => None,
        };
        let (place, limit_bytes) = (task.place.clone(), self.documents.limit_bytes());
        let load = move || match (fetched, place) {
            (Some(bytes), _) => Ok(bytes),
            (None, Place::File(path)) => read_file(&path, limit_bytes),
            (None, Place::Url(url)) => bail!("{url} was not fetched"),
        };
        Ok(self.parse(task, load).await?.0)
    }

    /// Reads a document from the shelf if it has not changed, otherwise from its server. What cannot be had is what
    /// it was before, as far as that is known.
    async fn harvest_news(
        &self,
        task: &Task,
        url: &str,
        version: &Arc<str>,
        shelf: &Arc<Shelf>,
    ) -> anyhow::Result<Harvested> {
        if let Some(kept) = self.kept(task, url, Some(version), shelf).await {
            return Ok(kept);
        }
        let fetch = async {
            let bytes = self.documents.fetch(url).await?;
            self.parse(task, || Ok(bytes)).await
        };
        match fetch.await {
            Ok((mut harvested, bytes)) => {
                harvested.version = Some(version.clone());
                let kept = Kept {
                    version: version.to_string(),
                    bytes,
                };
                let (url, shelf, parent) = (url.to_owned(), shelf.clone(), task.parent.clone());
                let put = move || shelf.put(&url, parent.as_deref(), &kept);
                if let Err(error) = blocking(put).await {
                    // It is fetched again by the next build.
                    tracing::warn!("{error:#}");
                }
                Ok(harvested)
            }
            Err(error) => match self.kept(task, url, None, shelf).await {
                Some(mut harvested) => {
                    let mut lost = lost(task, &error);
                    lost.reason.push_str("; what it said before is kept");
                    harvested.rows.insert(0, Row::Lost(lost));
                    Ok(harvested)
                }
                None => Err(error),
            },
        }
    }

    /// What the shelf has of a document.
    async fn kept(
        &self,
        task: &Task,
        url: &str,
        version: Option<&Arc<str>>,
        shelf: &Arc<Shelf>,
    ) -> Option<Harvested> {
        let (url, version, shelf) = (url.to_owned(), version.cloned(), shelf.clone());
        let limit_bytes = self.documents.limit_bytes();
        let get = move || Ok(shelf.get(&url, version.as_deref(), limit_bytes));
        let kept = blocking(get).await.ok()??;
        let (mut harvested, _) = self.parse(task, || Ok(kept.bytes)).await.ok()?;
        harvested.version = Some(kept.version.into());
        Some(harvested)
    }

    /// What the document that `load` gives says, and its bytes.
    async fn parse(
        &self,
        task: &Task,
        load: impl FnOnce() -> anyhow::Result<Vec<u8>> + Send + 'static,
    ) -> anyhow::Result<(Harvested, Vec<u8>)> {
        let (place, parent) = (url_of(&task.place), task.parent.clone());
        let _parser = self.parsers.acquire().await?;
        blocking(move || {
            let bytes = load()?;
            let document = harvest::parse(&bytes)?;
            let mut harvested = Harvested::default();
            harvested.add(&document, &place, parent.as_deref());
            Ok((harvested, bytes))
        })
        .await
    }
}

impl Task {
    fn follow(&self, found: Found, version: Option<Arc<str>>) -> Self {
        Self {
            place: found.place,
            parent: Some(found.parent),
            depth: self.depth + usize::from(!found.is_page),
            version,
        }
    }
}

impl Seen {
    /// Whether a document is to be read: for the first time, and within the limits.
    fn is_wanted(&mut self, task: &Task, limits: &Crawl) -> bool {
        let name = task.place.to_string();
        let key = name.split('#').next().unwrap_or_default().to_owned();
        if self.urls.contains(&key) {
            return false;
        }
        if task.depth > limits.max_depth {
            self.n_too_deep += 1;
            return false;
        }
        if self.n_documents >= limits.max_documents.get() {
            self.n_over += 1;
            return false;
        }
        self.n_documents += 1;
        self.urls.insert(key)
    }

    fn remarks(&self, limits: &Crawl) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.n_over > 0 {
            remarks.push(format!(
                "{} documents were read and {} more that they name were not; read more with --max-manifests",
                limits.max_documents, self.n_over
            ));
        }
        if self.n_too_deep > 0 {
            remarks.push(format!(
                "{} documents were not read, because they are in more than {} collections within each other; name them with --manifest",
                self.n_too_deep, limits.max_depth
            ));
        }
        if self.n_bare > 0 {
            remarks.push(format!("{} canvases have no image", self.n_bare));
        }
        remarks
    }
}

/// Whether the document at `place` is believed to be `name`, so that nothing else is fetched under that: the
/// operator's files are, and of other documents those that have their names from their own hosts.
fn may_be_called(place: &Place, name: &str) -> bool {
    let host = |url: &str| Url::parse(url).ok()?.host_str().map(str::to_owned);
    match place {
        Place::File(_) => true,
        Place::Url(url) => host(url) == host(name),
    }
}

fn lost(task: &Task, error: &anyhow::Error) -> LostRow {
    let context = match &task.parent {
        Some(parent) => format!(" (in the collection {parent})"),
        None => String::new(),
    };
    LostRow {
        url: task.place.to_string(),
        stage: Stage::Manifest,
        reason: format!("{error}{context}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_hides_the_documents_of_others() {
        let place = Place::Url("https://a.example.org/m".to_owned());
        for (name, expected) in [
            ("http://a.example.org/other", true),
            ("https://b.example.org/m", false),
            ("urn:uuid:1", false),
        ] {
            assert_eq!(may_be_called(&place, name), expected, "{name}");
        }
        assert!(may_be_called(&Place::File("m.json".into()), "urn:uuid:1"));
    }
}

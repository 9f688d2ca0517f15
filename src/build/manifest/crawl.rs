//! Reading documents and those that they name, each once, host by host.
//!
//! Documents are read in waves, those that a wave names being the next one, and taken in the order in which they
//! are named: the same documents give the same rows however long each one takes.

use super::super::blocking;
use super::super::download::{Downloader, Source};
use super::super::failures::Stage;
use super::super::options::{BuildOptions, Crawl};
use super::super::table::LostRow;
use super::places::Place;
use super::rows::{Found, Harvested, Row};
use crate::collection::requested::{PLAIN_WIDTH_PX, Requested};
use crate::harvest;
use anyhow::{Context, anyhow, bail};
use futures_util::{StreamExt, stream};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, mpsc};
use url::Url;

/// Documents that are read at the same time: each may be large.
const MAX_AT_ONCE: usize = 8;
/// Of these, at one host.
const MAX_AT_HOST: usize = 4;
/// Documents that are parsed at the same time: JSON takes ten times its length in memory.
const MAX_PARSED: usize = 2;

/// Reads documents.
pub(super) struct Crawler {
    downloader: Downloader,
    hosts: Mutex<HashMap<String, Arc<Source>>>,
    limits: Crawl,
    n_at_once: usize,
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
        options: &BuildOptions,
        triples: mpsc::Sender<String>,
    ) -> anyhow::Result<Self> {
        let n_at_once = options.threads.get().min(MAX_AT_ONCE);
        // No pictures are asked for here.
        let requested = Requested::Width(PLAIN_WIDTH_PX);
        let downloader = Downloader::new(options.network.clone(), requested, n_at_once)
            .context("no HTTP client can be made")?;
        Ok(Self {
            downloader,
            hosts: Mutex::default(),
            limits: options.crawl.clone(),
            n_at_once,
            parsers: Semaphore::new(MAX_PARSED),
            triples,
        })
    }

    /// Reads the documents at `places` and all that they lead to.
    pub(super) async fn crawl(self, places: Vec<Place>) -> Crawled {
        let mut crawled = Crawled::default();
        let mut seen = Seen::default();
        let roots = places.into_iter().map(|place| Task {
            place,
            parent: None,
            depth: 0,
        });
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
                .buffered(self.n_at_once);
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
                let tasks = harvested.found.into_iter().map(|found| task.follow(found));
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

    async fn read(&self, task: Task) -> (Task, anyhow::Result<Harvested>) {
        let result = self.harvest(&task).await;
        (task, result)
    }

    async fn harvest(&self, task: &Task) -> anyhow::Result<Harvested> {
        let limit_bytes = self.limits.max_document_bytes;
        let parent = task.parent.clone();
        let (url, bytes) = match &task.place {
            Place::Url(url) => {
                let origin = Url::parse(url)
                    .map_err(|error| anyhow!("not a URL: {error}"))?
                    .origin();
                let host = self.host(origin.ascii_serialization());
                let document = self.downloader.document(&host, url, limit_bytes).await;
                (url.clone(), Some(document?))
            }
            Place::File(path) => {
                let absolute = std::path::absolute(path).ok();
                let url = absolute.and_then(|path| Url::from_file_path(path).ok());
                (url.map(String::from).unwrap_or_default(), None)
            }
        };
        let place = task.place.clone();
        let _parser = self.parsers.acquire().await?;
        blocking(move || {
            let bytes = match (bytes, place) {
                (Some(bytes), _) => bytes,
                (None, Place::File(path)) => read_file(&path, limit_bytes)?,
                (None, Place::Url(url)) => bail!("{url} was not fetched"),
            };
            let document = harvest::parse(&bytes)?;
            let mut harvested = Harvested::default();
            harvested.add(&document, &url, parent.as_deref());
            Ok(harvested)
        })
        .await
    }

    fn host(&self, origin: String) -> Arc<Source> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry(origin.clone())
            .or_insert_with(|| self.downloader.source(origin, MAX_AT_HOST));
        host.clone()
    }
}

impl Task {
    fn follow(&self, found: Found) -> Self {
        Self {
            place: found.place,
            parent: Some(found.parent),
            depth: self.depth + usize::from(!found.is_page),
        }
    }

    fn name(&self) -> String {
        match &self.place {
            Place::Url(url) => url.clone(),
            Place::File(path) => path.display().to_string(),
        }
    }
}

impl Seen {
    /// Whether a document is to be read: for the first time, and within the limits.
    fn is_wanted(&mut self, task: &Task, limits: &Crawl) -> bool {
        let name = task.name();
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
        url: task.name(),
        stage: Stage::Manifest,
        reason: format!("{error}{context}"),
    }
}

fn read_file(path: &Path, limit_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?.take(limit_bytes as u64 + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() > limit_bytes {
        bail!("longer than {limit_bytes} bytes");
    }
    Ok(bytes)
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

//! Fetching documents: host by host, bounded in bytes.

use super::super::download::{Downloader, Source};
use super::super::options::BuildOptions;
use super::places::Place;
use crate::collection::requested::{PLAIN_WIDTH_PX, Requested};
use anyhow::{Context, anyhow, bail};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// Documents that are read at the same time: each may be large.
const MAX_AT_ONCE: usize = 8;
/// Of these, at one host.
const MAX_AT_HOST: usize = 4;

/// Gets documents from servers and from the disk.
pub(in crate::build) struct Documents {
    downloader: Downloader,
    hosts: Mutex<HashMap<String, Arc<Source>>>,
    limit_bytes: usize,
    n_at_once: usize,
}

impl Documents {
    pub(in crate::build) fn new(options: &BuildOptions) -> anyhow::Result<Self> {
        let n_at_once = options.threads.get().min(MAX_AT_ONCE);
        // No pictures are asked for here.
        let requested = Requested::Width(PLAIN_WIDTH_PX);
        let downloader = Downloader::new(options.network.clone(), requested, n_at_once)
            .context("no HTTP client can be made")?;
        Ok(Self {
            downloader,
            hosts: Mutex::default(),
            limit_bytes: options.crawl.max_document_bytes,
            n_at_once,
        })
    }

    /// Documents that may be read at the same time.
    pub(super) fn n_at_once(&self) -> usize {
        self.n_at_once
    }

    /// Longest document.
    pub(in crate::build) fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// The document at `url`.
    pub(in crate::build) async fn fetch(&self, url: &str) -> anyhow::Result<Vec<u8>> {
        let origin = Url::parse(url)
            .map_err(|error| anyhow!("not a URL: {error}"))?
            .origin();
        let host = self.host(origin.ascii_serialization());
        let document = self.downloader.document(&host, url, self.limit_bytes);
        Ok(document.await?)
    }

    fn host(&self, origin: String) -> Arc<Source> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry(origin.clone())
            .or_insert_with(|| self.downloader.source(origin, MAX_AT_HOST));
        host.clone()
    }
}

/// The URL of a place, by which relative names in it are read.
pub(in crate::build) fn url_of(place: &Place) -> String {
    match place {
        Place::Url(url) => url.clone(),
        Place::File(path) => {
            let absolute = std::path::absolute(path).ok();
            let url = absolute.and_then(|path| Url::from_file_path(path).ok());
            url.map(String::from).unwrap_or_default()
        }
    }
}

/// The file at `path`, if it is not too long.
pub(in crate::build) fn read_file(path: &Path, limit_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?.take(limit_bytes as u64 + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() > limit_bytes {
        bail!("longer than {limit_bytes} bytes");
    }
    Ok(bytes)
}

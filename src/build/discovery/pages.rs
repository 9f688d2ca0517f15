//! The pages of a stream, one after the other from its end, within bounds.

use super::super::failures::Stage;
use super::super::manifest::documents::{Documents, read_file, url_of};
use super::super::manifest::places::Place;
use super::super::table::{LostRow, shorten};
use crate::blocking::blocking;
use crate::harvest::discovery::moment::Moment;
use crate::harvest::discovery::reading::{Changes, Next, Reading};
use crate::harvest::discovery::{self, Page, Part};
use anyhow::{Context, anyhow, bail, ensure};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use url::Url;

/// What was read of a stream.
pub(super) struct Read {
    pub(super) changes: Changes,
    /// The activities that the stream says it has.
    pub(super) total: Option<u64>,
    /// The page that could not be had: what stands before it is not known.
    pub(super) lost: Option<LostRow>,
}

/// Bounds of what a stream may say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Of all pages together.
    pub(super) pages_bytes: u64,
    /// Of the names of all that it tells of, which lie in memory.
    pub(super) names_bytes: usize,
}

impl Limits {
    /// # Errors
    /// If so many bytes of names are too many.
    pub(super) fn check_names(self, n_bytes: usize, place: &Place) -> anyhow::Result<()> {
        ensure!(
            n_bytes <= self.names_bytes,
            "the stream {place} (--discovery) names more documents than can be kept: their addresses are longer than {} bytes together; nothing is changed; ask those who publish it, or build from a part of it with --mode MANIFEST",
            self.names_bytes
        );
        Ok(())
    }
}

/// Most pages of a stream: a million activities stand on 50,000 pages of 20.
const MAX_PAGES: usize = 100_000;

/// Reads the stream at `place` back to `since`, or to its beginning.
///
/// # Errors
/// If nothing of the stream can be read, or it names more than may be.
pub(super) async fn read(
    documents: &Documents,
    place: &Place,
    since: Option<Moment>,
    limits: Limits,
) -> anyhow::Result<Read> {
    let url = url_of(place);
    let bytes = get(documents, place).await;
    let stream = bytes.and_then(|bytes| Ok(discovery::stream(&bytes)?));
    let stream =
        stream.with_context(|| format!("the stream {} (--discovery) cannot be read", place))?;
    let names = stream.id.into_iter().chain([url.clone()]).collect();
    let mut reading = Reading::new(names, since);
    let mut walk = Walk {
        documents,
        folder: folder(place),
        seen: HashSet::new(),
        left_bytes: limits.pages_bytes,
    };
    let mut next = stream.last.map(|part| (part, url));
    if next.is_none() && stream.total != Some(0) {
        bail!(
            "the stream {} (--discovery) does not name its last page, where reading begins",
            place
        );
    }
    let mut lost = None;
    while let Some((part, base)) = next {
        let is_first = walk.seen.is_empty();
        let (page, base) = match walk.page(part, &base).await {
            Ok(found) => found,
            Err((page, error)) if is_first => {
                return Err(error.context(format!(
                    "the last page {page} of the stream {} cannot be read, so nothing is changed",
                    place
                )));
            }
            Err((page, error)) => {
                lost = Some(LostRow {
                    url: page,
                    stage: Stage::Manifest,
                    reason: format!(
                        "{error:#}; what the stream says before this page is not known and is asked for again by the next run"
                    ),
                });
                break;
            }
        };
        next = match (reading.add(&page), page.prev) {
            (Next::Older, Some(prev)) => Some((Part::At(prev), base)),
            (Next::Older, None) | (Next::Nothing, _) => None,
        };
        limits.check_names(reading.n_bytes(), place)?;
    }
    let changes = reading.end();
    tracing::info!(
        pages = walk.seen.len(),
        activities = changes.n_activities,
        changed = changes.included.len(),
        gone = changes.removed.len(),
        "the stream is read"
    );
    Ok(Read {
        changes,
        total: stream.total,
        lost,
    })
}

struct Walk<'a> {
    documents: &'a Documents,
    /// The folder from which pages may be read, if the stream is a file.
    folder: Option<Url>,
    /// The URLs of the pages so far.
    seen: HashSet<String>,
    left_bytes: u64,
}

impl Walk<'_> {
    /// The page that is or is at `part`, named at `base`, and its own URL; or the URL and what is wrong.
    async fn page(
        &mut self,
        part: Part,
        base: &str,
    ) -> Result<(Page, String), (String, anyhow::Error)> {
        match part {
            Part::Here(page) => {
                self.seen.insert(base.to_owned());
                Ok((*page, base.to_owned()))
            }
            Part::At(id) if id.len() > discovery::MAX_ID_BYTES => {
                let long = anyhow!(
                    "its address is longer than {} bytes",
                    discovery::MAX_ID_BYTES
                );
                Err((shorten(&id, 100), long))
            }
            Part::At(id) => {
                let url = match Url::parse(base).and_then(|base| base.join(&id)) {
                    Ok(url) => String::from(url),
                    Err(error) => return Err((id, anyhow!("not a URL: {error}"))),
                };
                match self.fetch(&url).await {
                    Ok(page) => Ok((page, url)),
                    Err(error) => Err((url, error)),
                }
            }
        }
    }

    async fn fetch(&mut self, url: &str) -> anyhow::Result<Page> {
        ensure!(
            !self.seen.contains(url),
            "it was read already, the pages lead in a circle"
        );
        ensure!(
            self.seen.len() < MAX_PAGES,
            "the stream has more than {MAX_PAGES} pages"
        );
        let bytes = get(self.documents, &self.place(url)?).await?;
        let n_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let left_bytes = self.left_bytes.checked_sub(n_bytes);
        self.left_bytes = left_bytes.context("the pages of the stream are too long together")?;
        let page = blocking(move || Ok(discovery::page(&bytes)?)).await?;
        self.seen.insert(url.to_owned());
        Ok(page)
    }

    /// Where the page at `url` is: a stream in a file may have pages beside it.
    fn place(&self, url: &str) -> anyhow::Result<Place> {
        let parsed = Url::parse(url)?;
        if parsed.scheme() != "file" {
            return Ok(Place::Url(url.to_owned()));
        }
        // Compared as paths: a name may have a slash that is percent-encoded.
        let folder = (self.folder.as_ref()).and_then(|folder| folder.to_file_path().ok());
        let is_beside = |path: &PathBuf| {
            let below = folder
                .as_ref()
                .and_then(|folder| path.strip_prefix(folder).ok());
            below.is_some_and(|below| {
                (below.components()).all(|part| matches!(part, Component::Normal(_)))
            })
        };
        let path = parsed.to_file_path().ok().filter(is_beside);
        path.map(Place::File)
            .context("it is no file beside that of the stream")
    }
}

async fn get(documents: &Documents, place: &Place) -> anyhow::Result<Vec<u8>> {
    match place {
        Place::Url(url) => documents.fetch(url).await,
        Place::File(path) => {
            let (path, limit_bytes) = (path.clone(), documents.limit_bytes());
            blocking(move || read_file(&path, limit_bytes)).await
        }
    }
}

fn folder(place: &Place) -> Option<Url> {
    match place {
        Place::Url(_) => None,
        Place::File(path) => {
            let absolute = std::path::absolute(path).ok()?;
            Url::from_directory_path(absolute.parent().unwrap_or(Path::new("/"))).ok()
        }
    }
}

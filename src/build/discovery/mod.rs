//! A IIIF Change Discovery stream as the input of a build: what it says has changed is read, and the rest is known.
//!
//! `harvest/` in the data directory keeps how far the stream was read (`stream.json`) and every document as it was
//! read. Documents are written as they come, how far the stream was read when the collection is: a build that is
//! cut off reads the same activities again, finds the documents of those that it had reached, and goes on.
//! Documents are taken in the order of their addresses, so that the collection does not depend on how the stream
//! came to what it says now.

mod pages;
mod shelf;
mod state;

use super::files::DataDir;
use super::manifest::documents::Documents;
use super::manifest::places::{Place, is_url};
use super::manifest::{self, Named};
use super::options::BuildOptions;
use crate::harvest::discovery::known::Known;
use crate::harvest::discovery::moment::Moment;
use crate::unreadable::unreadable;
use anyhow::Context;
use pages::Limits;
pub(super) use shelf::{Kept, Outdated, Shelf};
pub(super) use state::FILE as STATE;
use state::State;
use std::path::PathBuf;
use std::sync::Arc;

/// Where all this lies in the data directory.
pub(super) const FOLDER: &str = "harvest";

/// What is to be written when the collection is.
pub(super) struct Ending {
    folder: PathBuf,
    stream: String,
    since: Option<Moment>,
    shelf: Arc<Shelf>,
}

/// Reads the stream at `source`, a URL or a file, and what it says has changed.
///
/// # Errors
/// If nothing of the stream can be read, or the data directory cannot be written.
pub(super) async fn read(
    source: &str,
    options: &BuildOptions,
    dir: &DataDir,
) -> anyhow::Result<(manifest::Read, Ending)> {
    let folder = dir.path(FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be created", folder.display()))?;
    let place = place(source)?;
    let documents = Documents::new(options)?;
    let stream = place.to_string();
    let state = State::open(&folder, &stream)?;
    let limits = Limits {
        pages_bytes: options.network.max_answer_bytes,
        names_bytes: options.crawl.max_names_bytes,
    };
    let started = Moment::now();
    let mut read = pages::read(&documents, &place, state.since, limits).await?;
    let mut known = state.known;
    if state.since.is_some() && read.lost.is_none() && !known.has_events {
        let mut tried = known.clone();
        tried.apply(read.changes.clone(), true, &state.run);
        if tried.may_have_lost(read.total) {
            tracing::info!(
                "the stream is a list, and not as long as what is known of it: it is read whole"
            );
            read = pages::read(&documents, &place, None, limits).await?;
        }
    }
    let is_complete = read.lost.is_none();
    // A clock that is wrong at the museum must not hide what comes until then.
    let latest = read.changes.latest.map(|latest| latest.earlier(started));
    let since = if is_complete {
        latest.or(state.since)
    } else {
        state.since
    };
    let mut remarks = Vec::new();
    if read.changes.n_other > 0 {
        remarks.push(format!(
            "{} activities of the stream are about something else than manifests and collections on the web, and were passed over",
            read.changes.n_other
        ));
    }
    known.apply(read.changes, is_complete, &state.run);
    // Of many runs together.
    limits.check_names(known.n_bytes(), &place)?;
    let places = (known.documents.keys().cloned()).map(Place::Url).collect();
    let shelf = Arc::new(Shelf::new(folder.clone(), known));
    let named = Named {
        places,
        shelf: Some(shelf.clone()),
        lost: read.lost.into_iter().collect(),
        remarks,
        by: "what --discovery names",
    };
    let ending = Ending {
        folder,
        stream,
        since,
        shelf,
    };
    Ok((
        manifest::read(named, documents, options, dir).await?,
        ending,
    ))
}

impl Ending {
    /// Documents that are no longer, or say something else now.
    pub(super) fn outdated(
        &self,
        limit_bytes: usize,
    ) -> anyhow::Result<impl Iterator<Item = Outdated>> {
        self.shelf.outdated(limit_bytes)
    }

    /// Writes down how far the stream was read, and clears away what is not needed any more.
    /// What images that are kept rest on is needed until they go.
    pub(super) fn keep(&self, prunes: bool) -> anyhow::Result<()> {
        let state = State::<&Known> {
            stream: self.stream.clone(),
            since: self.since,
            run: state::new_run(),
            known: self.shelf.known(),
        };
        state.save(&self.folder)?;
        match prunes {
            true => self.shelf.clear(),
            false => Ok(()),
        }
    }
}

/// # Errors
/// If it is a file that is not there.
fn place(source: &str) -> anyhow::Result<Place> {
    if is_url(source) {
        return Ok(Place::Url(source.to_owned()));
    }
    let failed = |error| unreadable(source, &error, "--discovery");
    std::fs::File::open(source).map_err(failed)?;
    std::path::absolute(source).map(Place::File).map_err(failed)
}

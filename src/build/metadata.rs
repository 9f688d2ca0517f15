//! What an endpoint was asked for besides the images, in the metadata store: that of the last build, and no more.

use super::files::{self, DataDir, Draft};
use crate::image_id;
use crate::store::{self, LoadTarget};
use anyhow::{Context, anyhow, ensure};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

/// The RDF of the last build.
pub(super) const METADATA: &str = "metadata.nt";

/// All that may be in the store from earlier builds, so that it can be taken out again.
const LOADED: &str = "metadata.loaded.nt";

/// Makes the triples in `metadata.nt` those of the store, if there is one, in place of what earlier builds of this data
/// directory loaded.
///
/// # Errors
/// If the store cannot be opened or written; the collection is whole all the same.
pub(super) fn load(dir: &DataDir, store: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = store else {
        return Ok(());
    };
    let path = dir.path(METADATA);
    replace(dir, folder).map_err(|error| {
        error.context(format!(
            "the collection is written, but its metadata are not in the store; load them with `clip-search load --store {} {}`",
            folder.display(),
            path.display()
        ))
    })
}

/// An endpoint that is being filled anew answers with nothing, which must not empty a store.
///
/// # Errors
/// If `draft` has no triples where the earlier file has some.
pub(super) fn check(dir: &DataDir, draft: Option<&Draft>) -> anyhow::Result<()> {
    let has_some = |path: &Path| std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let path = dir.path(METADATA);
    if let Some(draft) = draft {
        ensure!(
            has_some(draft.part()) || !has_some(&path),
            "the endpoint has no triples for --metadata-query any more, and {} has some; nothing is changed; run the same command again later, or delete that file if they are gone for good",
            path.display()
        );
    }
    Ok(())
}

fn replace(dir: &DataDir, folder: &Path) -> anyhow::Result<()> {
    let (new, loaded) = (dir.path(METADATA), dir.path(LOADED));
    // Whoever is killed in between leaves a list that is too long, and never one that is too short.
    Draft::write(&loaded, |file| {
        append(&loaded, file)?;
        append(&new, file)
    })?
    .publish()?;
    let store = store::open_for_writing(folder)?;
    let target = LoadTarget {
        keeps_blank_nodes: true,
        ..LoadTarget::default()
    };
    let n_loaded = store::load_file(&store, &new, target)?.n_triples;
    let lines = lines(&new)?;
    let stays = |line: &str| lines.contains(&key(line));
    let n_removed = store::remove_file(&store, &loaded, stays)?;
    files::replace(&loaded, |file| append(&new, file))?;
    tracing::info!(
        triples = n_loaded,
        removed = n_removed,
        store = %folder.display(),
        "the metadata are in the metadata store; a service that is running sees them in a few seconds"
    );
    Ok(())
}

/// Appends the file at `path`, if there is one.
fn append(path: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    match File::open(path) {
        Ok(mut file) => {
            io::copy(&mut file, out)?;
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(anyhow!(error).context(format!("{} cannot be read", path.display()))),
    }
}

/// Digests of the lines: of the lines themselves memory would be full.
fn lines(path: &Path) -> anyhow::Result<HashSet<[u8; 20]>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(unreadable)?;
    let lines = BufReader::new(file).lines();
    lines
        .map(|line| Ok(key(&line.with_context(unreadable)?)))
        .collect()
}

fn key(line: &str) -> [u8; 20] {
    image_id::digest(line)
}

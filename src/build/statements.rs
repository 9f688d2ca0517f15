//! RDF of a build in the metadata store: what the last build says, and no more.
//!
//! Beside each file of triples lies a list of all that may be in the store from earlier builds of the data directory, so
//! that it can be taken out again. The list can be deleted; then what is outdated stays in the store.

use super::files::{self, DataDir, Draft};
use crate::image_id;
use crate::store::{self, LoadTarget};
use anyhow::{Context, anyhow};
use oxigraph::store::Store;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

/// A file of triples and its list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statements {
    /// The N-Triples of the last build.
    pub(super) file: &'static str,
    /// All that may be in the store.
    pub(super) loaded: &'static str,
    /// What the triples are, for people.
    pub(super) what: &'static str,
}

impl Statements {
    /// Loads the file into the store in `folder`, after `before` has taken out what is known to be outdated. What else
    /// earlier builds loaded and the file does not say `goes` from it, or stays.
    ///
    /// # Errors
    /// If the store cannot be opened or written, or the list not written.
    pub(super) fn load(
        &self,
        dir: &DataDir,
        folder: &Path,
        goes: bool,
        before: impl FnOnce(&Store) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (new, loaded) = (dir.path(self.file), dir.path(self.loaded));
        // Whoever is killed in between leaves a list that is too long, and never one that is too short.
        add(&loaded, &new)?;
        let store = store::open_for_writing(folder)?;
        before(&store)?;
        let target = LoadTarget {
            keeps_blank_nodes: true,
            ..LoadTarget::default()
        };
        let n_loaded = store::load_file(&store, &new, target)?.n_triples;
        let mut n_removed = 0;
        if goes {
            let lines = lines(&new)?;
            n_removed = store::remove_file(&store, &loaded, |line| lines.contains(&key(line)))?;
            files::replace(&loaded, |file| append(&new, file))?;
        }
        tracing::info!(
            triples = n_loaded,
            removed = n_removed,
            store = %folder.display(),
            "{} are in the metadata store; a service that is running sees them in a few seconds",
            self.what
        );
        Ok(())
    }

    /// Lists what the file says, which is about to be replaced, if there is no list: a version of the program that
    /// made none, or a user, may have loaded it.
    ///
    /// # Errors
    /// If the file cannot be read or the list not written.
    pub(super) fn remember(&self, dir: &DataDir) -> anyhow::Result<()> {
        let (old, loaded) = (dir.path(self.file), dir.path(self.loaded));
        match old.exists() && !loaded.exists() {
            true => files::replace(&loaded, |file| append(&old, file)),
            false => Ok(()),
        }
    }
}

/// Adds the lines of the file at `new` that the list at `loaded` does not have.
fn add(loaded: &Path, new: &Path) -> anyhow::Result<()> {
    let mut known = match loaded.exists() {
        true => lines(loaded)?,
        false => HashSet::new(),
    };
    Draft::write(loaded, |file| {
        append(loaded, file)?;
        each_line(new, |line| {
            if known.insert(key(line)) {
                writeln!(file, "{line}")?;
            }
            Ok(())
        })
    })?
    .publish()
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
    let mut keys = HashSet::new();
    each_line(path, |line| {
        keys.insert(key(line));
        Ok(())
    })?;
    Ok(keys)
}

fn each_line(path: &Path, mut each: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let unreadable = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(unreadable)?;
    for line in BufReader::new(file).lines() {
        each(&line.with_context(unreadable)?)?;
    }
    Ok(())
}

fn key(line: &str) -> [u8; 20] {
    image_id::digest(line)
}

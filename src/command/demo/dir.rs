//! The demo directory: the demo's files, and what is made of them.
//!
//! ```text
//! DIR/model/ pictures/ queries/ metadata.ttl   the demo's files
//! DIR/images.csv                               what the collection is built from
//! DIR/data/                                    the collection
//! DIR/store/                                   the metadata
//! DIR/.clip-demo                               says that the directory is a demo's; lists its files
//! DIR/.ready                                   what data/ and store/ were made of, once they are whole
//! DIR/.lock                                    locked by the demo at work
//! ```

use super::files::{DemoFiles, PICTURES};
use crate::lock::{self, Lock};
use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

const MARKER: &str = ".clip-demo";
const READY: &str = ".ready";
const LOCK: &str = ".lock";
/// First line of the marker, for who finds the directory.
const MARKER_LINE: &str = "# Made by `clip-search demo`, which writes these files again when they are missing or changed.";

/// A directory that is a demo's.
#[derive(Debug, Clone)]
pub(super) struct DemoDir {
    root: PathBuf,
}

impl DemoDir {
    /// The demo directory at `root`: made if need be, refused if it has something else in it.
    pub(super) fn claim(root: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(root)
            .with_context(|| format!("{} cannot be created", root.display()))?;
        let dir = Self {
            root: root.to_owned(),
        };
        if !dir.path(MARKER).is_file() {
            let mut entries =
                fs::read_dir(root).with_context(|| format!("{} cannot be read", root.display()))?;
            ensure!(
                entries.next().is_none(),
                "{} is not empty and not the folder of a demo; name another with --dir",
                root.display()
            );
            dir.write_file(MARKER, format!("{MARKER_LINE}\n").as_bytes())?;
        }
        Ok(dir)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Keeps other demos out of the directory until dropped.
    pub(super) fn lock(&self) -> anyhow::Result<Lock> {
        lock::exclusive(&self.path(LOCK), |owner| {
            format!(
                "another demo is at work in {}{owner}; end it or name another folder with --dir",
                self.root.display()
            )
        })
    }

    /// Writes the files that are missing or different, and takes away those that an older demo had and
    /// this one has not: an old model file could be preferred to a new one. Files of somebody else stay.
    pub(super) fn write(&self, files: &DemoFiles) -> anyhow::Result<()> {
        let changed: Vec<_> = files
            .iter()
            .filter(|(path, bytes)| !self.has(path, bytes))
            .collect();
        // The build knows a picture by its URL and would not notice that it is another one.
        let is_replaced = |path: &str| path.starts_with(PICTURES) && self.path(path).exists();
        if changed.iter().any(|(path, _)| is_replaced(path)) {
            self.remove_folder("data")?;
        }
        for path in self.files_of_old()? {
            if !files.contains(&path) {
                self.remove(&path)?;
            }
        }
        let list: String = files.iter().map(|(path, _)| format!("{path}\n")).collect();
        self.write_file(MARKER, format!("{MARKER_LINE}\n{list}").as_bytes())?;
        for (path, bytes) in changed {
            self.write_file(path, bytes)?;
        }
        Ok(())
    }

    /// Whether the collection and the metadata are whole and made of what `stamp` says.
    pub(super) fn is_ready(&self, stamp: &str) -> bool {
        self.has(READY, stamp.as_bytes())
    }

    /// The IIIF service of the whole collection and metadata that were made of the demo's files with this `digest`.
    pub(super) fn ready_at(&self, digest: &str) -> Option<String> {
        let stamp = fs::read_to_string(self.path(READY)).ok()?;
        let (found, iiif) = stamp.trim_end().split_once('\n')?;
        (found == digest).then(|| iiif.to_owned())
    }

    /// The collection and the metadata are about to change.
    pub(super) fn set_unready(&self) -> anyhow::Result<()> {
        self.remove(READY)
    }

    /// The collection and the metadata are whole and made of what `stamp` says.
    pub(super) fn set_ready(&self, stamp: &str) -> anyhow::Result<()> {
        self.write_file(READY, stamp.as_bytes())
    }

    /// Whether all files are there as they should be.
    pub(super) fn has_all(&self, files: &DemoFiles) -> bool {
        files.iter().all(|(path, bytes)| self.has(path, bytes))
    }

    fn has(&self, path: &str, bytes: &[u8]) -> bool {
        fs::read(self.path(path)).is_ok_and(|found| found == bytes)
    }

    /// The files that the demo which was here last wrote.
    fn files_of_old(&self) -> anyhow::Result<BTreeSet<String>> {
        let marker = self.path(MARKER);
        let list = fs::read_to_string(&marker)
            .with_context(|| format!("{} cannot be read", marker.display()))?;
        // The list may have been tampered with: nothing outside the directory is touched.
        let is_inside = |path: &str| {
            let mut parts = Path::new(path).components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        };
        Ok(list
            .lines()
            .filter(|line| !line.starts_with('#') && is_inside(line))
            .map(str::to_owned)
            .collect())
    }

    /// Writes a file in one go. It is not synced, since it is compared at each start.
    pub(super) fn write_file(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(path);
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&part, bytes)?;
            fs::rename(&part, &path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }

    fn remove(&self, path: &str) -> anyhow::Result<()> {
        absent(fs::remove_file(self.path(path)))
            .with_context(|| format!("{} cannot be removed", self.path(path).display()))
    }

    pub(super) fn remove_folder(&self, name: &str) -> anyhow::Result<()> {
        absent(fs::remove_dir_all(self.path(name)))
            .with_context(|| format!("{} cannot be removed", self.path(name).display()))
    }
}

/// What was not there need not be removed.
fn absent(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

//! A store as it is now, for a process that reads it for long while others write to it.
//!
//! RocksDB never changes a table that it has written, but it deletes those that it has merged, and a reader opens them
//! when it needs them. So whoever reads for long gets names of its own for the same files, in a folder of its own, which
//! costs no room on the disk until the others are gone.

use super::{StoreError, is_store, open_for_reading, read_only};
use crate::iiif::stamp::Stamp;
use crate::lock;
use oxigraph::store::Store;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Folder of all views, below that of the store.
const VIEWS: &str = ".views";

/// Held by whoever writes to the store.
const WRITER: &str = ".writer";

/// A reader that looks whether somebody writes has the lock for a moment, too.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Views of this process so far.
static VIEWS_MADE: AtomicU64 = AtomicU64::new(0);

/// A store as it was when it was opened.
pub struct View {
    /// The store; closed before its files go.
    store: Store,
    files: Option<ViewFiles>,
}

/// What keeps the files of a view; they go when it is dropped, which must be after the store is.
#[derive(Debug)]
pub struct ViewFiles {
    folder: PathBuf,
    /// Locked: a folder that nobody holds was left by a process that was killed.
    _held: File,
}

impl Drop for ViewFiles {
    fn drop(&mut self) {
        // What stays is removed by the next one who looks.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl View {
    /// The store at `path`, or an empty one in memory. Where no folder can be made in it, and while somebody writes to
    /// it, the store is read in place, as [`open_for_reading`] does.
    ///
    /// # Errors
    /// As [`open_for_reading`].
    pub fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        if let Some(path) = path
            && is_store(path)
            && !is_written(path)
        {
            match Self::make(path) {
                Ok(files) => {
                    return Ok(Self {
                        store: read_only(&files.folder, path)?,
                        files: Some(files),
                    });
                }
                Err(error) => tracing::debug!(
                    "the metadata store {} is read in place: {error}",
                    path.display()
                ),
            }
        }
        Ok(Self {
            store: open_for_reading(path)?,
            files: None,
        })
    }

    /// The store, and what has to be kept for as long as it is used.
    #[must_use]
    pub fn into_parts(self) -> (Store, Option<ViewFiles>) {
        (self.store, self.files)
    }

    fn make(path: &Path) -> io::Result<ViewFiles> {
        let views = path.join(VIEWS);
        fs::create_dir_all(&views)?;
        remove_abandoned(&views)?;
        let number = VIEWS_MADE.fetch_add(1, Ordering::Relaxed);
        let folder = views.join(format!("{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        let held = File::open(&folder)?;
        held.lock_shared()?;
        let files = ViewFiles {
            folder,
            _held: held,
        };
        let mut names = names(path)?;
        // What is not merged yet before the list of tables, and the tables last: whatever is written meanwhile by a
        // program that does not know the lock makes a table go missing, which is told, and never a statement.
        names.sort_by_key(|name| (is_table(name), !is_log(name)));
        for name in names {
            let (from, to) = (path.join(&name), files.folder.join(&name));
            let linked = is_table(&name) && fs::hard_link(&from, &to).is_ok();
            if !linked {
                fs::copy(from, to)?;
            }
        }
        Ok(files)
    }
}

/// What tells that a store has changed: its files, by name, and what each is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStamp(BTreeMap<String, Stamp>);

impl StoreStamp {
    /// That of the store at `path`; `None` while there is none, and while somebody writes to it.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        if !is_store(path) || is_written(path) {
            return None;
        }
        let stamped = names(path).ok()?.into_iter().map(|name| {
            let stamp = Stamp::of(&fs::metadata(path.join(&name)).ok()?);
            Some((name, stamp))
        });
        stamped.collect::<Option<_>>().map(Self)
    }
}

/// Keeps views from being made while the store is written to; others who write are told.
pub(super) fn write(path: &Path) -> Result<lock::Lock, StoreError> {
    fs::create_dir_all(path).map_err(StoreError::open(path))?;
    let mut looks = 0;
    loop {
        let locked = lock::exclusive(&path.join(WRITER), |owner| {
            format!("another process{owner} writes to it")
        });
        looks += 1;
        match locked {
            Ok(lock) => return Ok(lock),
            Err(error) if looks == LOOKS => {
                return Err(StoreError::open(path)(format_args!("{error:#}")));
            }
            Err(_) => std::thread::sleep(BETWEEN_LOOKS),
        }
    }
}

fn is_written(path: &Path) -> bool {
    File::open(path.join(WRITER))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The files that RocksDB needs to open the store.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_needed = is_table(&name)
            || is_log(&name)
            || ["CURRENT", "IDENTITY"].contains(&name.as_str())
            || ["MANIFEST-", "OPTIONS-"]
                .iter()
                .any(|of| name.starts_with(of));
        if is_needed && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    Ok(names)
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(number, ending)| {
        endings.contains(&ending) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_table(name: &str) -> bool {
    has_ending(name, &["sst", "blob"])
}

/// Writes that are in no table yet.
fn is_log(name: &str) -> bool {
    has_ending(name, &["log"])
}

/// Removes the views of processes that were killed.
fn remove_abandoned(views: &Path) -> io::Result<()> {
    for entry in fs::read_dir(views)? {
        let folder = entry?.path();
        if File::open(&folder).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(folder);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{n_triples, open_for_writing};
    use oxigraph::model::{GraphName, NamedNode, Quad};

    fn add(store: &Store, n: u32) {
        let node = NamedNode::new(format!("http://example.org/{n}")).unwrap();
        let quad = Quad::new(node.clone(), node.clone(), node, GraphName::DefaultGraph);
        store.insert(&quad).unwrap();
    }

    fn n_views(path: &Path) -> usize {
        fs::read_dir(path.join(VIEWS)).unwrap().count()
    }

    #[test]
    fn a_view_stays_as_it_was_while_the_store_is_written_and_merged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let written = open_for_writing(&path).unwrap();
        (0..2000).for_each(|n| add(&written, n));
        drop(written);
        let stamp = StoreStamp::of(&path).unwrap();
        let (view, files) = View::open(Some(&path)).unwrap().into_parts();
        assert_eq!(n_triples(&view).unwrap(), 2000);

        let written = open_for_writing(&path).unwrap();
        assert_eq!(StoreStamp::of(&path), None, "somebody writes");
        (2000..5000).for_each(|n| add(&written, n));
        written.flush().unwrap();
        written.optimize().unwrap();
        drop(written);
        assert_ne!(StoreStamp::of(&path).unwrap(), stamp);
        assert_eq!(view.iter().count(), 2000);

        let (later, later_files) = View::open(Some(&path)).unwrap().into_parts();
        assert_eq!(later.iter().count(), 5000);
        assert_eq!(n_views(&path), 2);
        drop((view, files));
        assert_eq!(n_views(&path), 1);
        drop((later, later_files));
        assert_eq!(n_views(&path), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(open_for_writing(&path).unwrap());
        let left = path.join(VIEWS).join("1-0");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("CURRENT"), "x").unwrap();
        let _view = View::open(Some(&path)).unwrap();
        assert!(!left.exists());
        assert_eq!(n_views(&path), 1);
    }

    #[test]
    fn two_writers_are_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let _first = open_for_writing(dir.path()).unwrap();
        let error = open_for_writing(dir.path()).err().unwrap().to_string();
        assert!(error.contains("writes to it"), "{error}");
    }
}

//! Files of a data directory: its lock, and files that are complete or not there.

use crate::lock;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A data directory that no other build works on while this value lives.
#[derive(Debug)]
pub(super) struct DataDir {
    root: PathBuf,
    /// The system releases the lock when the file is closed, also when the process is killed.
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing is not enough while a process that is just being started has a copy of the file.
        let _ = self.lock.unlock();
    }
}

/// Names the width of the downloads, so that two widths are never mixed.
const WIDTH_FILE: &str = "images/.width_px";

impl DataDir {
    /// Creates the directory if need be and locks it.
    pub(super) fn lock(root: &Path) -> anyhow::Result<Self> {
        for dir in [root.join("images"), root.join("features")] {
            fs::create_dir_all(&dir)
                .with_context(|| format!("{} cannot be created", dir.display()))?;
        }
        let lock = lock::exclusive(&root.join("build.lock"), || {
            format!(
                "another build works on {}; wait for its end or give another data directory",
                root.display()
            )
        })?;
        Ok(Self {
            root: root.to_owned(),
            lock,
        })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where the download of the image with this id lies.
    pub(super) fn image(&self, id: &str) -> PathBuf {
        self.root.join("images").join(format!("{id}.jpg"))
    }

    /// Makes sure that the downloads are all of this width, and clears away halves of downloads.
    pub(super) fn claim_images(&self, width_px: u32) -> anyhow::Result<()> {
        let images = self.path("images");
        let unreadable = || format!("{} cannot be read", images.display());
        for entry in fs::read_dir(&images).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == PART) {
                fs::remove_file(&path)
                    .with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
        let path = self.path(WIDTH_FILE);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim() == width_px.to_string() => Ok(()),
            Ok(text) => bail!(
                "{} holds downloads that are {} pixels wide, not {width_px}; delete that folder or ask for the same width",
                images.display(),
                text.trim()
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                replace(&path, |file| writeln!(file, "{width_px}"))
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
}

/// Ending of files that are being written.
const PART: &str = "part";

/// A file under a temporary name, to be put in its place when everything else is ready.
#[derive(Debug)]
pub(super) struct Draft {
    part: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// Writes and syncs the content of `path` under a temporary name beside it.
    pub(super) fn write<E: Into<anyhow::Error>>(
        path: &Path,
        content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> anyhow::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{PART}"));
        let draft = Self {
            part: PathBuf::from(name),
            path: path.to_owned(),
        };
        draft
            .fill(content)
            .with_context(|| format!("{} cannot be written", draft.part.display()))?;
        Ok(draft)
    }

    fn fill<E: Into<anyhow::Error>>(
        &self,
        content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> anyhow::Result<()> {
        let mut file = BufWriter::new(File::create(&self.part)?);
        content(&mut file).map_err(Into::into)?;
        file.into_inner()
            .map_err(std::io::IntoInnerError::into_error)?
            .sync_all()?;
        Ok(())
    }

    /// Gives the file its name, replacing what had it.
    pub(super) fn publish(self) -> anyhow::Result<()> {
        fs::rename(&self.part, &self.path)
            .with_context(|| format!("{} cannot be replaced", self.path.display()))?;
        sync_parent(&self.path)
    }
}

impl Drop for Draft {
    /// Clears away a draft that was not published; after publishing there is nothing of that name.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part);
    }
}

/// Writes `path` in one go: it has the old content or the new one, whatever happens.
pub(super) fn replace<E: Into<anyhow::Error>>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> anyhow::Result<()> {
    Draft::write(path, content)?.publish()
}

/// Removes `path` if it is there.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be removed", path.display())),
    }
}

/// Makes the names in the folder of `path` durable: renames are not until their folder is synced.
fn sync_parent(path: &Path) -> anyhow::Result<()> {
    // Other systems have no way to open a folder as a file, and order renames themselves.
    if cfg!(unix)
        && let Some(parent) = path.parent()
    {
        File::open(parent)
            .and_then(|dir| dir.sync_all())
            .with_context(|| format!("{} cannot be synced", parent.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_build_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::lock(dir.path()).unwrap();
        let error = DataDir::lock(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another build works on"), "{error}");
        drop(first);
        DataDir::lock(dir.path()).unwrap();
    }

    #[test]
    fn widths_are_not_mixed_and_halves_are_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(root.path()).unwrap();
        let half = root.path().join("images/x.jpg.part");
        fs::write(&half, "").unwrap();
        dir.claim_images(640).unwrap();
        assert!(!half.exists());
        dir.claim_images(640).unwrap();
        let error = dir.claim_images(320).unwrap_err().to_string();
        assert!(error.contains("640 pixels wide, not 320"), "{error}");
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        replace(&path, |file| {
            file.write_all(b"ne")?;
            Err(std::io::Error::other("disk full"))
        })
        .unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "the draft is gone"
        );
    }
}

//! Files of a data directory: its lock, and files that are complete or not there.

use crate::collection::identity::Identity;
use crate::collection::requested::{PLAIN_WIDTH_PX, Requested};
use crate::lock::{self, Lock};
use anyhow::{Context, anyhow, ensure};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A data directory that no other build works on while this value lives.
#[derive(Debug)]
pub(super) struct DataDir {
    root: PathBuf,
    _lock: Lock,
}

/// What a build locks.
pub(super) const LOCK: &str = "build.lock";

/// Names what was asked for, so that pictures of several sizes are never mixed.
const REQUESTED_FILE: &str = "images/.width_px";

impl DataDir {
    /// Creates the directory if need be and locks it.
    pub(super) fn lock(root: &Path) -> anyhow::Result<Self> {
        for dir in [root.join("images"), root.join("features")] {
            fs::create_dir_all(&dir)
                .with_context(|| format!("{} cannot be created", dir.display()))?;
        }
        let lock = lock::exclusive(&root.join(LOCK), |owner| {
            format!(
                "another build works on {}{owner}; wait for its end or give another data directory",
                root.display()
            )
        })?;
        Ok(Self {
            root: root.to_owned(),
            _lock: lock,
        })
    }

    /// The directory itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where the download of the image with this id lies.
    pub(super) fn image(&self, id: &str) -> PathBuf {
        self.root.join("images").join(format!("{id}.jpg"))
    }

    /// What is written down beside the downloads; `None` if nothing is.
    fn written(&self) -> anyhow::Result<Option<Requested>> {
        let path = self.path(REQUESTED_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => text.parse().map(Some).map_err(|_| {
                anyhow!(
                    "{} is damaged: it says {:?} where a width in pixels stands; write 640 there if the collection was begun without --image-width, or delete the folder images/",
                    path.display(),
                    text.trim()
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// What was asked for in this directory so far; `None` if nothing was.
    pub(super) fn requested(&self) -> anyhow::Result<Option<Requested>> {
        if let Some(written) = self.written()? {
            return Ok(Some(written));
        }
        // The downloads may be deleted, and the original service wrote nothing down.
        let identity = Identity::read(&self.root).ok().flatten();
        if let Some(identity) = identity {
            return Ok(Some(identity.requested));
        }
        let has_downloads = (fs::read_dir(self.path("images")))
            .is_ok_and(|entries| entries.flatten().any(|entry| is_download(&entry.path())));
        Ok(has_downloads.then_some(Requested::Width(PLAIN_WIDTH_PX)))
    }

    /// Makes sure that the downloads, if there are any, are of this size.
    pub(super) fn check_images(&self, requested: Requested) -> anyhow::Result<()> {
        if let Some(written) = self.written()? {
            ensure!(
                written == requested,
                "{} holds downloads that are {}, not {}; delete that folder or ask for the same with --image-width",
                self.path("images").display(),
                written.described(),
                requested.described()
            );
        }
        Ok(())
    }

    /// Writes down that the downloads are all of this size, and clears away halves of downloads.
    pub(super) fn claim_images(&self, requested: Requested) -> anyhow::Result<()> {
        self.check_images(requested)?;
        let images = self.path("images");
        let unreadable = || format!("{} cannot be read", images.display());
        for entry in fs::read_dir(&images).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == PART) {
                fs::remove_file(&path)
                    .with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
        let path = self.path(REQUESTED_FILE);
        if path.exists() {
            return Ok(());
        }
        replace(&path, |file| writeln!(file, "{requested}"))
    }
}

fn is_download(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jpg")
}

/// Ending of files that are being written.
const PART: &str = "part";

/// The temporary name of the file at `path` while it is written.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{PART}"));
    PathBuf::from(name)
}

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
        let draft = Self {
            part: part_of(path),
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
        finish(BufWriter::new(File::create(&self.part)?), content)
    }

    /// Where it lies until then.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Writes and syncs more at its end.
    pub(super) fn append<E: Into<anyhow::Error>>(
        &mut self,
        content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> anyhow::Result<()> {
        let file = File::options().append(true).open(&self.part);
        file.map_err(Into::into)
            .and_then(|file| finish(BufWriter::new(file), content))
            .with_context(|| format!("{} cannot be written", self.part.display()))
    }

    /// Opens what is written, to be read.
    pub(super) fn open(&self) -> anyhow::Result<File> {
        File::open(&self.part).with_context(|| format!("{} cannot be read", self.part.display()))
    }

    /// Writes it anew; `content` gets what is there to read from.
    pub(super) fn rewrite(
        &self,
        content: impl FnOnce(File, &mut BufWriter<File>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let old = self.open()?;
        replace(&self.part, |file| content(old, file))
    }

    /// Gives the file its name, replacing what had it.
    pub(super) fn publish(self) -> anyhow::Result<()> {
        fs::rename(&self.part, &self.path)
            .with_context(|| format!("{} cannot be replaced", self.path.display()))?;
        sync_parent(&self.path)
    }
}

/// Writes the content and makes it survive a power failure.
fn finish<E: Into<anyhow::Error>>(
    mut file: BufWriter<File>,
    content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> anyhow::Result<()> {
    content(&mut file).map_err(Into::into)?;
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(())
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
        // That of a bare name.
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
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
        let owner = format!("(process {} on ", std::process::id());
        assert!(error.contains(&owner), "{error}");
        drop(first);
        DataDir::lock(dir.path()).unwrap();
    }

    #[test]
    fn sizes_are_not_mixed_and_halves_are_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(root.path()).unwrap();
        let half = root.path().join("images/x.jpg.part");
        fs::write(&half, "").unwrap();
        assert_eq!(dir.requested().unwrap(), None);
        dir.claim_images(Requested::Width(640)).unwrap();
        assert!(!half.exists());
        dir.claim_images(Requested::Width(640)).unwrap();
        assert_eq!(dir.requested().unwrap(), Some(Requested::Width(640)));
        let claimed = dir.claim_images(Requested::ShortEdge(224));
        let error = claimed.unwrap_err().to_string();
        assert!(
            error.contains("640 pixels wide, not the smallest whose shorter side has 224 pixels"),
            "{error}"
        );
        fs::write(dir.path(REQUESTED_FILE), "wide").unwrap();
        let error = dir.requested().unwrap_err().to_string();
        assert!(error.contains(r#"it says "wide""#), "{error}");
        // As the original service leaves it.
        fs::remove_file(dir.path(REQUESTED_FILE)).unwrap();
        fs::write(dir.image("a"), "").unwrap();
        assert_eq!(dir.requested().unwrap(), Some(Requested::Width(640)));
    }

    #[test]
    fn a_bare_name_is_in_the_folder_of_the_process() {
        sync_parent(Path::new("report.html")).unwrap();
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

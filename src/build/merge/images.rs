//! The downloads of shards: links to the same files where the file system has them, else copies.

use super::super::files::{DataDir, part_of, remove};
use super::member::Member;
use crate::image_id;
use anyhow::Context;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Gives `dir` the downloads of all `members`.
pub(super) fn take(dir: &DataDir, members: &[Member]) -> anyhow::Result<()> {
    for member in members {
        let images = member.path.join("images");
        let unreadable = || format!("{} cannot be read", images.display());
        let entries = match fs::read_dir(&images) {
            Ok(entries) => entries,
            // Downloads may be deleted after a build.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(unreadable),
        };
        for entry in entries {
            let path = entry.with_context(unreadable)?.path();
            if let Some(id) = id_of(&path) {
                link(&path, &dir.image(id))
                    .with_context(|| format!("{} cannot be copied", path.display()))?;
            }
        }
    }
    Ok(())
}

/// The id of the image that the file at `path` is of, if it is a download.
fn id_of(path: &Path) -> Option<&str> {
    let id = path.file_stem().and_then(OsStr::to_str)?;
    let is_download =
        image_id::from_hex(id).is_some() && path.extension() == Some(OsStr::new("jpg"));
    is_download.then_some(id)
}

/// Makes `to` the same file as `from`, or one of the same content.
pub(super) fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    // A build clears away files with this ending, should this be the last thing that is done.
    let part = part_of(to);
    remove(&part)?;
    if fs::hard_link(from, &part).is_err() {
        fs::copy(from, &part)?;
    }
    fs::rename(&part, to)?;
    // Renaming a link to the file that has the name already leaves both.
    remove(&part)
}

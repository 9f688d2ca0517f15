//! What shards keep of a Change Discovery stream: all have read all of it, so that what one has is what all have.

use super::super::discovery::{FOLDER, STATE};
use super::super::files::{self, DataDir};
use super::images::link;
use super::member::Member;
use anyhow::Context;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Gives `dir` what `member` keeps of a stream, in place of what an earlier merge left there.
pub(super) fn take(dir: &DataDir, member: &Member) -> anyhow::Result<()> {
    let (from, to) = (member.path.join(FOLDER), dir.path(FOLDER));
    // Without it the stream is read from its beginning, so that a merge that is cut off costs time alone.
    files::remove(&to.join(STATE))?;
    for name in names(&to)? {
        files::remove(&to.join(name))?;
    }
    let mut names = names(&from)?;
    if names.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&to).with_context(|| format!("{} cannot be created", to.display()))?;
    // How far the stream was read comes after what was read.
    names.sort_by_key(|name| name == STATE);
    for name in names {
        let path = from.join(&name);
        link(&path, &to.join(&name))
            .with_context(|| format!("{} cannot be copied", path.display()))?;
    }
    Ok(())
}

/// The files in a folder; none if it is not there.
fn names(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(unreadable),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(unreadable)?;
        let is_file = entry.file_type().with_context(unreadable)?.is_file();
        names.extend(is_file.then(|| entry.file_name()));
    }
    Ok(names)
}

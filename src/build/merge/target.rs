//! Where a merge may write: a folder that is new or empty, or that an earlier merge has made.

use super::super::files::{self, DataDir, LOCK};
use super::super::part::SHARD;
use anyhow::{Context, bail};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Says that all there is in a data directory is taken from shards. A build takes it away before it adds what the
/// shards do not have.
pub(in super::super) const MERGE: &str = "merge.json";

/// Its name while it is written.
const MERGE_DRAFT: &str = "merge.json.part";

/// Refuses a folder with anything in it that a merge would destroy.
pub(super) fn check(dir: &Path) -> anyhow::Result<()> {
    let unreadable = || format!("{} cannot be read", dir.display());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(unreadable),
    };
    if dir.join(SHARD).exists() {
        bail!(
            "{} holds a shard, and the merged collection needs a folder of its own; name a new or empty one with --data-dir",
            dir.display()
        );
    }
    if dir.join(MERGE).exists() {
        return Ok(());
    }
    for entry in entries {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name();
        let is_harmless = match name.to_str() {
            // The first is at the root of many a volume, the second is what a killed merge may leave.
            Some("lost+found" | MERGE_DRAFT | LOCK) => true,
            Some("images" | "features") => is_empty(&entry.path()),
            _ => false,
        };
        if !is_harmless {
            bail!(
                "{} holds something that no merge has made ({}) and that stays as it is; name a new or empty folder with --data-dir",
                dir.display(),
                name.display()
            );
        }
    }
    Ok(())
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// Says in the folder that a merge writes there.
pub(super) fn claim(dir: &DataDir, n_shards: usize) -> anyhow::Result<()> {
    files::replace(&dir.path(MERGE), |file| {
        writeln!(file, "{{\"format\": 1, \"shards\": {n_shards}}}")
    })
}

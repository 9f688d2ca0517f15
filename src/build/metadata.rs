//! What an endpoint was asked for besides the images, in the metadata store: that of the last build, and no more.

use super::files::{DataDir, Draft};
use super::statements::Statements;
use anyhow::ensure;
use std::path::Path;

/// The RDF of the last build.
pub(super) const METADATA: &str = "metadata.nt";

const STATEMENTS: Statements = Statements {
    file: METADATA,
    loaded: "metadata.loaded.nt",
    what: "the metadata",
};

/// Makes the triples in `metadata.nt` those of the store, if there is one, in place of what earlier builds of this data
/// directory loaded.
///
/// # Errors
/// If the store cannot be opened or written; the collection is whole all the same.
pub(super) fn load(dir: &DataDir, store: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = store else {
        return Ok(());
    };
    let loaded = STATEMENTS.load(dir, folder, true, |_| Ok(()));
    loaded.map_err(|error| {
        error.context(format!(
            "the collection is written, but its metadata are not in the store; load them with `clip-search load --store {} {}`",
            folder.display(),
            dir.path(METADATA).display()
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

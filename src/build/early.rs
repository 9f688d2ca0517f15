//! What can be said of the input before there is a model, which may have to be fetched first.

use super::manifest;
use super::options::{BuildOptions, Source};
use super::{report, source, table};
use crate::blocking::blocking;
use crate::unreadable::unreadable;
use std::path::Path;

/// Looks whether the files that `options` name are there and can be what they are said to be; no server is asked, and
/// nothing is written.
///
/// # Errors
/// Those of the build itself.
pub async fn check(options: &BuildOptions) -> anyhow::Result<()> {
    report::check(&options.reports)?;
    match &options.source {
        // What comes through a pipe can be read once.
        Source::Csv(path) if is_pipe(path) => Ok(()),
        Source::Csv(path) => {
            let (path, column) = (path.clone(), options.iiif_column.clone());
            blocking(move || source::check(&table::from_file(&path, &column)?, &column)).await
        }
        Source::Folder { dir, .. } => {
            let name = format!("the folder {}", dir.display());
            let listed = dir.read_dir().map(drop);
            listed.map_err(|error| unreadable(&name, &error, "--folder"))
        }
        Source::Manifests(roots) => manifest::named(roots).await.map(drop),
        Source::Sparql { .. } | Source::Discovery(_) => Ok(()),
    }
}

fn is_pipe(path: &Path) -> bool {
    path.exists() && !path.is_file() && !path.is_dir()
}

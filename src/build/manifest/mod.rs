//! Manifests and collections as the input of a build: their images as rows, what they say as RDF.

mod crawl;
mod places;
mod rows;

use super::blocking;
use super::files::Draft;
use super::options::BuildOptions;
use super::source::{self, Input};
use crate::store::{self, LoadTarget};
use anyhow::{Context, anyhow};
use crawl::Crawler;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Documents whose triples wait to be written.
const N_WAITING: usize = 8;

/// The images of `roots` and of all that they lead to, `images_csv` as a draft, and what the documents say as a
/// draft of `triples`.
///
/// # Errors
/// If a root is not there, no document has an image, or a file cannot be written.
pub(super) async fn read(
    roots: &[String],
    options: &BuildOptions,
    triples: PathBuf,
    images_csv: PathBuf,
) -> anyhow::Result<(Input, Draft, Draft)> {
    let roots = roots.to_vec();
    let places = blocking(move || places::all(&roots)).await?;
    let (sender, mut receiver) = mpsc::channel::<String>(N_WAITING);
    let writing = tokio::spawn(blocking(move || {
        Draft::write(&triples, |file| {
            while let Some(text) = receiver.blocking_recv() {
                file.write_all(text.as_bytes())?;
            }
            anyhow::Ok(())
        })
    }));
    let crawler = Crawler::new(options, sender)?;
    let crawled = crawler.crawl(places).await;
    // The end of the crawl has closed the channel, so the file is whole.
    let triples = writing.await.context("the writer of triples panicked")??;
    let column = options.iiif_column.clone();
    let rows = Arc::new(crawled.rows);
    let (mut input, images_csv) = blocking(move || {
        let open = || Ok(rows::table(&rows, &column));
        source::read(open, &column, &images_csv)
    })
    .await?;
    input.remarks.extend(crawled.remarks);
    Ok((input, images_csv, triples))
}

/// Loads the triples at `path` into the store, if there is one.
///
/// # Errors
/// If the store cannot be opened or written; the collection is whole all the same.
pub(super) fn load(path: &Path, store: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = store else {
        return Ok(());
    };
    let load = || {
        let store = store::open_for_writing(folder)?;
        store::load_file(&store, path, LoadTarget::default())
    };
    let loaded = load().map_err(|error| {
        anyhow!(error).context(format!(
            "the collection is written, but not what its manifests say; load it with `clip-search load --store {} {}`",
            folder.display(),
            path.display()
        ))
    })?;
    tracing::info!(
        triples = loaded.n_triples,
        store = %folder.display(),
        "what the manifests say is in the metadata store; a service that is running sees it when it is started again"
    );
    Ok(())
}

//! Manifests and collections as the input of a build: their images as rows, what they say as RDF.

mod crawl;
pub(super) mod documents;
pub(super) mod places;
mod rows;

use super::MANIFESTS;
use super::blocking;
use super::discovery::{Outdated, Shelf};
use super::files::{DataDir, Draft};
use super::options::BuildOptions;
use super::source::{self, Input};
use super::table::LostRow;
use crate::collection::open::IMAGES;
use crate::store::{self, LoadTarget};
use anyhow::{Context, anyhow};
use crawl::Crawler;
use documents::Documents;
use places::Place;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Documents whose triples wait to be written.
const N_WAITING: usize = 8;

/// The documents that a build begins with.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) places: Vec<Place>,
    /// What is known of them from earlier builds, if that is kept.
    pub(super) shelf: Option<Arc<Shelf>>,
    /// What could not be had besides.
    pub(super) lost: Vec<LostRow>,
    pub(super) remarks: Vec<String>,
    /// Where they are named, for messages.
    pub(super) by: &'static str,
}

/// What documents came to.
pub(super) struct Read {
    pub(super) input: Input,
    /// A draft of `images.csv`.
    pub(super) images_csv: Draft,
    /// A draft of `manifests.nt`.
    pub(super) triples: Draft,
}

/// The documents at `roots`.
///
/// # Errors
/// If a root is not there.
pub(super) async fn named(roots: &[String]) -> anyhow::Result<Named> {
    let roots = roots.to_vec();
    Ok(Named {
        places: blocking(move || places::all(&roots)).await?,
        shelf: None,
        lost: Vec::new(),
        remarks: Vec::new(),
        by: "what --manifest names",
    })
}

/// The images of the documents that are `named` and of all that they lead to, and what the documents say.
///
/// # Errors
/// If no document has an image, or a file cannot be written.
pub(super) async fn read(
    named: Named,
    documents: Documents,
    options: &BuildOptions,
    dir: &DataDir,
) -> anyhow::Result<Read> {
    let (images_csv, triples) = (dir.path(IMAGES), dir.path(MANIFESTS));
    let (sender, mut receiver) = mpsc::channel::<String>(N_WAITING);
    let writing = tokio::spawn(blocking(move || {
        Draft::write(&triples, |file| {
            while let Some(text) = receiver.blocking_recv() {
                file.write_all(text.as_bytes())?;
            }
            anyhow::Ok(())
        })
    }));
    let crawler = Crawler::new(documents, named.shelf, options.crawl.clone(), sender);
    let mut crawled = crawler.crawl(named.places).await;
    // The end of the crawl has closed the channel, so the file is whole.
    let triples = writing.await.context("the writer of triples panicked")??;
    let column = options.iiif_column.clone();
    (crawled.rows).extend(named.lost.into_iter().map(rows::Row::Lost));
    let rows = Arc::new(crawled.rows);
    let (mut input, images_csv) = blocking(move || {
        let open = || Ok(rows::table(&rows, &column, named.by));
        source::read(open, &column, &images_csv)
    })
    .await?;
    input.remarks.extend(named.remarks);
    input.remarks.extend(crawled.remarks);
    Ok(Read {
        input,
        images_csv,
        triples,
    })
}

/// Loads the triples at `path` into the store, if there is one, and takes out what `outdated` documents said: what
/// others say, too, is in `path`.
///
/// # Errors
/// If the store cannot be opened or written; the collection is whole all the same.
pub(super) fn load(
    path: &Path,
    store: Option<&Path>,
    outdated: impl Iterator<Item = Outdated>,
) -> anyhow::Result<()> {
    let Some(folder) = store else {
        return Ok(());
    };
    let load = || {
        let store = store::open_for_writing(folder)?;
        for document in outdated {
            store::remove_triples(&store, &rows::triples(&document))?;
        }
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
        "what the manifests say is in the metadata store; a service that is running sees it in a few seconds"
    );
    Ok(())
}

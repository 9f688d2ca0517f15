//! Manifests and collections as the input of a build: their images as rows, what they say as RDF.

mod crawl;
pub(super) mod documents;
pub(super) mod places;
mod rows;

use super::MANIFESTS;
use super::discovery::{Outdated, Shelf};
use super::files::{DataDir, Draft};
use super::options::BuildOptions;
use super::source::{self, Input};
use super::statements::Statements;
use super::table::LostRow;
use crate::blocking::blocking;
use crate::data_dir::IMAGES;
use crate::store;
use anyhow::Context;
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

/// What manifests say.
const STATEMENTS: Statements = Statements {
    file: MANIFESTS,
    loaded: "manifests.loaded.nt",
    what: "the statements of the manifests",
};

/// To be called before `manifests.nt` is replaced, if it is loaded into a store then.
///
/// # Errors
/// If the data directory cannot be read or written.
pub(super) fn remember(dir: &DataDir) -> anyhow::Result<()> {
    STATEMENTS.remember(dir)
}

/// Loads the triples of the build into the store, if there is one, and takes out what `outdated` documents said: what
/// others say, too, is among these triples. All else that earlier builds loaded and no document says now `goes` as well.
///
/// # Errors
/// If the store cannot be opened or written; the collection is whole all the same.
pub(super) fn load(
    dir: &DataDir,
    store: Option<&Path>,
    outdated: impl Iterator<Item = Outdated>,
    goes: bool,
) -> anyhow::Result<()> {
    let Some(folder) = store else {
        return Ok(());
    };
    let loaded = STATEMENTS.load(dir, folder, goes, |store| {
        for document in outdated {
            store::remove_triples(store, &rows::triples(&document))?;
        }
        Ok(())
    });
    loaded.map_err(|error| {
        error.context(format!(
            "the collection is written, but not what its manifests say; load it with `clip-search load --store {} {}`",
            folder.display(),
            dir.path(MANIFESTS).display()
        ))
    })
}

//! What each subcommand does: [`run`].

mod build;
mod demo;
mod follow;
mod iiif_serve;
mod index;
mod inspect;
mod load;
mod merge;
mod query;
mod runs;
mod serve;
mod table;

use crate::blocking::blocking;
use crate::build::asked::allow_list;
use crate::cli::{Command, DataArgs, ModelArgs, SparqlArgs, TextCache};
use crate::collection::Collection;
use crate::collection::kinship::{self, Kinship, kinship};
use crate::data_dir::FEATURES_IN_LISTS;
use crate::encoder::Encoder;
use crate::encoder::onnx::threads::Aim;
use crate::encoder::onnx::{ClipEncoder, EncoderOptions};
use crate::engine::Engine;
use crate::fetch::Fetcher;
use crate::search::Method;
use crate::sparql::Sparql;
use crate::store::StoreError;
use crate::text_vectors::{self, TextVectors};
use crate::unreadable::unreadable;
use anyhow::{Context, bail, ensure};
use oxigraph::store::Store;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Runs a command to its end and gives the process's exit code.
///
/// # Errors
/// Whatever keeps the command from its work, with the remedy.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Build(args) => build::run(args).await,
        Command::Update(args) => build::update(args).await,
        Command::Merge(args) => blocking(move || merge::run(args)).await,
        Command::Index(args) => blocking(move || index::run(&args)).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Load(args) => blocking(move || load::run(&args)).await,
        Command::Query(args) => {
            let runtime = Handle::current();
            blocking(move || query::run(&args, runtime)).await
        }
        Command::Inspect(args) => blocking(move || inspect::run(&args)).await,
        Command::IiifServe(args) => iiif_serve::run(args).await,
    }
}

/// Opens everything that answers queries; the store by `open_store`. Blocks.
fn open(
    data: &DataArgs,
    model: &ModelArgs,
    sparql: &SparqlArgs,
    runtime: Handle,
    open_store: impl FnOnce(Option<&Path>) -> Result<Store, StoreError>,
) -> anyhow::Result<Sparql> {
    let options = sparql.options()?;
    let allow = allow_list(&sparql.allow_fetch)?;
    let fetcher = Fetcher::new(runtime.clone(), allow, sparql.fetch_limits())?;
    let collection = Collection::open_in(&data.data_dir, data.iiif_column(), data.features_in)?;
    let method = sparql.method();
    ensure!(
        method == Method::Exact || collection.ivf().is_some(),
        "{} is not there or cannot be used, and --search approximate (CLIP_SEARCH) reads it; make it with `clip-search index --approximate --data-dir {}`, or search exactly",
        data.data_dir.join(FEATURES_IN_LISTS).display(),
        data.data_dir.display(),
    );
    let encoder = open_encoder(model, Aim::Soon)?;
    check_model(data, &collection, model, &*encoder)?;
    let store = open_store(data.store.as_deref())?;
    tracing::info!(
        images = collection.len(),
        width = collection.features().width(),
        "the collection is open"
    );
    let texts = text_vectors(&sparql.text_cache, &data.data_dir, &*encoder)?;
    let mut engine = Engine::new(Arc::new(collection), encoder, fetcher).with_method(method);
    if let Some(texts) = texts {
        engine = engine.with_text_vectors(texts);
    }
    Ok(Sparql::new(store, Arc::new(engine), options, runtime))
}

/// The texts that were searched for before, if they are kept.
fn text_vectors(
    kept: &TextCache,
    data_dir: &Path,
    encoder: &dyn Encoder,
) -> anyhow::Result<Option<TextVectors>> {
    let in_data = data_dir.join("text-vectors");
    let folder = match kept {
        TextCache::Off => return Ok(None),
        TextCache::Auto => &in_data,
        TextCache::Folder(folder) => folder,
    };
    let fingerprint = text_vectors::fingerprint(encoder)?;
    match (
        TextVectors::open(folder, fingerprint, encoder.width()),
        kept,
    ) {
        (Ok(texts), _) => Ok(Some(texts)),
        // A data directory may well be one that cannot be written.
        (Err(error), TextCache::Auto) => {
            tracing::debug!("texts are not kept in {}: {error}", folder.display());
            Ok(None)
        }
        (Err(error), TextCache::Folder(_) | TextCache::Off) => {
            Err(unreadable(folder.display(), &error, "--text-cache"))
        }
    }
}

/// Scores of vectors of two models mean nothing, whatever their width.
fn check_model(
    data: &DataArgs,
    collection: &Collection,
    model: &ModelArgs,
    encoder: &dyn Encoder,
) -> anyhow::Result<()> {
    let dir = &data.data_dir;
    ensure!(
        encoder.width() == collection.features().width(),
        "the collection in {} has vectors of width {}, the model {} gives {}; use the model that the collection was built with (--model, CLIP_MODEL) or build it again",
        dir.display(),
        collection.features().width(),
        model.model,
        encoder.width(),
    );
    match kinship(dir, collection, encoder)? {
        Kinship::Same => {}
        Kinship::Near(likeness) => tracing::warn!(
            "the collection in {} was made by another version of the model {}, perhaps in another precision{}: {likeness}",
            dir.display(),
            model.model,
            likeness.maker(),
        ),
        Kinship::Unknown => tracing::warn!("{}", kinship::unknown(dir)),
        Kinship::Other(likeness) => bail!(
            "the collection in {} was made by another model than {}{}: {likeness}; use the model that the collection was built with (--model, CLIP_MODEL) or build it again",
            dir.display(),
            model.model,
            likeness.maker(),
        ),
    }
    Ok(())
}

fn open_encoder(model: &ModelArgs, aim: Aim) -> anyhow::Result<Arc<dyn Encoder>> {
    let folder = model.folder()?;
    let options = EncoderOptions {
        aim,
        ..model.encoder_options()
    };
    let encoder = ClipEncoder::open(&folder, &options)?;
    Ok(Arc::new(encoder))
}

/// Completes on Ctrl-C or when the system asks the process to stop.
async fn stop_signal() {
    let terminate = async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            if let Ok(mut stream) = signal(SignalKind::terminate()) {
                stream.recv().await;
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                // Without a handler the system ends the process itself.
                std::future::pending::<()>().await;
            }
        }
        () = terminate => {}
    }
}

/// Binds a listener, with a message that says what to do when the port is taken: `flag` sets it.
async fn listen(
    host: std::net::IpAddr,
    port: u16,
    flag: &str,
) -> anyhow::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind((host, port))
        .await
        .with_context(|| format!("{host}:{port} cannot be listened on; choose another with {flag}"))
}

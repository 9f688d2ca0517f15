//! `clip-search demo`: a collection that the program carries, set up the real way and searched.
//!
//! The pictures are served by IIIF, their features built over IIIF, their metadata loaded into a store;
//! only the folders and addresses are chosen for the user.

mod ask;
mod dir;
mod files;
mod guide;
mod setup;
mod stop;

use super::listen;
use super::query::print;
use crate::blocking::blocking;
use crate::build::Outcome;
use crate::cli::DemoArgs;
use crate::encoder::Encoder;
use crate::http::pages::operator::PageSettings;
use crate::http::{self, AppState, HttpSettings};
use crate::lock::Lock;
use crate::print::{Output, note};
use crate::sparql::{QueryRequest, Sparql, SparqlOptions};
use dir::DemoDir;
use files::{DemoFiles, PICTURES};
use setup::SetUp;
use std::process::ExitCode;
use std::sync::Arc;
use stop::Stop;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let (folder, root) = (args.files.clone(), args.dir.clone());
    let (files, dir) = blocking(move || {
        let files = match folder {
            Some(folder) => DemoFiles::of_folder(&folder)?,
            None => DemoFiles::carried()?,
        };
        Ok((files, DemoDir::claim(&root)?))
    })
    .await?;
    match &args.query {
        Some(text) => answer(text, &args, files, dir).await,
        None => serve(&args, files, dir).await,
    }
}

async fn serve(args: &DemoArgs, files: DemoFiles, dir: DemoDir) -> anyhow::Result<ExitCode> {
    let stop = Stop::listen();
    // Before any work, so that a port that is taken is told at once.
    let listener = listen(args.host, args.port, "--port").await?;
    let iiif_listener = listen(args.host, args.iiif_port, "--iiif-port").await?;
    let _lock = dir.lock()?;
    let iiif = guide::origin(iiif_listener.local_addr()?);
    let Some(sparql) = set_up(args, &files, &dir, iiif_listener, stop.clone()).await? else {
        return Ok(ExitCode::from(Outcome::Interrupted.exit_code()));
    };
    let n_images = sparql.engine().collection().len();
    let service = guide::origin(listener.local_addr()?);
    let mut out = Output::default();
    out.bytes(guide::guide(n_images, &service, &iiif, &args.dir, &files).as_bytes());
    out.finish()?;
    let settings = HttpSettings {
        project_name: "IIIF CLIP Search: demo".to_owned(),
        pages: PageSettings {
            examples: files.examples(),
            ..PageSettings::default()
        },
        ..HttpSettings::default()
    };
    let router = http::router(Arc::new(AppState::new(sparql, settings)));
    http::serve(listener, router, stop.wait()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(
    text: &str,
    args: &DemoArgs,
    files: DemoFiles,
    dir: DemoDir,
) -> anyhow::Result<ExitCode> {
    let sparql = match ready_at(args, &files, &dir)? {
        Place::Ready(iiif) => {
            let encoder = open_model(args, &dir).await?;
            open(args, &dir, iiif, encoder).await?
        }
        Place::Unready(_lock) => {
            let listener = listen(args.host, args.iiif_port, "--iiif-port").await?;
            let Some(sparql) = set_up(args, &files, &dir, listener, Stop::listen()).await? else {
                return Ok(ExitCode::from(Outcome::Interrupted.exit_code()));
            };
            sparql
        }
    };
    let (query, format) = (ask::query(text, args.limit), args.format);
    blocking(move || {
        let answer = sparql.answer(&QueryRequest {
            query: &query,
            ..QueryRequest::default()
        })?;
        print(answer, format)
    })
    .await?;
    note("the links work while `clip-search demo` serves, without --query");
    Ok(ExitCode::SUCCESS)
}

/// What is there to answer from.
enum Place {
    /// All that an answer needs, with the IIIF service that it was set up with. Another process may serve it.
    Ready(String),
    /// Not all; no other demo is at work on it while this is held.
    Unready(Lock),
}

fn ready_at(args: &DemoArgs, files: &DemoFiles, dir: &DemoDir) -> anyhow::Result<Place> {
    let iiif = guide::origin((args.host, args.iiif_port).into());
    let has_all = dir.has_all(files);
    if has_all && dir.is_ready(&stamp(files, &iiif)) {
        return Ok(Place::Ready(iiif));
    }
    match dir.lock() {
        Ok(lock) => Ok(Place::Unready(lock)),
        // A demo that serves on other ports answers all the same.
        Err(taken) => (dir.ready_at(&files.digest()).filter(|_| has_all))
            .map(Place::Ready)
            .ok_or(taken),
    }
}

/// What a collection and a store are made of: another port gives other IIIF URLs.
fn stamp(files: &DemoFiles, iiif: &str) -> String {
    format!("{}\n{iiif}\n", files.digest())
}

/// Sets up what is not yet, with the pictures served by `listener` until the process ends. `None` if it
/// was asked to stop.
async fn set_up(
    args: &DemoArgs,
    files: &DemoFiles,
    dir: &DemoDir,
    listener: TcpListener,
    stop: Stop,
) -> anyhow::Result<Option<Sparql>> {
    let iiif = guide::origin(listener.local_addr()?);
    let stamp = stamp(files, &iiif);
    let is_ready = dir.is_ready(&stamp);
    if !is_ready {
        dir.set_unready()?;
    }
    dir.write(files)?;
    let pictures = http::iiif::iiif_router(dir.path(PICTURES), Some(iiif.clone()));
    // Ends with the process: queries that are answered last may still fetch from it.
    tokio::spawn(http::serve(listener, pictures, std::future::pending()));
    let encoder = open_model(args, dir).await?;
    if setup::build(dir, &iiif, Arc::clone(&encoder), stop.wait()).await? == SetUp::Interrupted {
        note("interrupted; run the same command again to go on");
        return Ok(None);
    }
    if !is_ready {
        let (dir, iiif) = (dir.clone(), iiif.clone());
        blocking(move || {
            setup::load(&dir, &iiif)?;
            dir.set_ready(&stamp)
        })
        .await?;
    }
    open(args, dir, iiif, encoder).await.map(Some)
}

async fn open_model(args: &DemoArgs, dir: &DemoDir) -> anyhow::Result<Arc<dyn Encoder>> {
    let (dir, runtime_library) = (dir.clone(), args.onnxruntime.clone());
    blocking(move || setup::open_model(&dir, runtime_library)).await
}

async fn open(
    args: &DemoArgs,
    dir: &DemoDir,
    iiif: String,
    encoder: Arc<dyn Encoder>,
) -> anyhow::Result<Sparql> {
    let (dir, runtime) = (dir.clone(), Handle::current());
    let mut options = SparqlOptions::default();
    if args.files.is_none() {
        options.default_min_score = CARRIED_MIN_SCORE;
    }
    blocking(move || setup::open(&dir, &iiif, encoder, options, runtime)).await
}

/// From here on, the carried model's scores mean something: it gives half of the pictures 0.2 for any words. Of the
/// demo's 306, “a ship at sea” has 171 above 0.2 and 24 above this, which are the ships.
const CARRIED_MIN_SCORE: f32 = 0.4;

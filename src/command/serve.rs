//! `clip-search serve`.

use super::follow::{Follower, Stamps};
use super::{listen, open, stop_signal};
use crate::blocking::blocking;
use crate::cli::ServeArgs;
use crate::http::{self, AppState, Live};
use crate::print::Output;
use crate::store::View;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Handle;

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let (settings, limits) = (args.http_settings()?, args.connection_limits());
    let runtime = Handle::current();
    let (host, port) = (args.host, args.port);
    let (data, model) = (args.data.clone(), args.model.clone());
    let (stamps, sparql, files) = blocking(move || {
        // Before it is read: what changes meanwhile is seen as a change.
        let stamps = Stamps::of(&args.data);
        let mut files = None;
        let sparql = open(&args.data, &args.model, &args.sparql, runtime, |path| {
            let store;
            (store, files) = View::open(path)?.into_parts();
            Ok(store)
        })?;
        Ok((stamps, sparql, files))
    })
    .await?;
    let listener = listen(host, port, "--port").await?;
    let address = listener.local_addr()?;
    let mut out = Output::default();
    out.line(format_args!(
        "serving {} images at http://{address}/sparql and http://{address}/query",
        sparql.engine().collection().len()
    ));
    out.finish()?;
    let state = AppState::new(sparql, settings).with_store_files(files);
    let live = Live::new(Arc::new(state));
    let router = http::live_router(live.clone());
    tokio::spawn(Follower { data, model, live }.follow(stamps));
    http::server::serve_within(listener, router, limits, stop_signal()).await?;
    Ok(ExitCode::SUCCESS)
}

//! `clip-search serve`.

use super::{blocking, listen, open, stop_signal};
use crate::cli::ServeArgs;
use crate::http::{self, AppState};
use crate::print::Output;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Handle;

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let (settings, limits) = (args.http_settings()?, args.connection_limits());
    let runtime = Handle::current();
    let (host, port) = (args.host, args.port);
    let sparql = blocking(move || open(&args.data, &args.model, &args.sparql, runtime)).await?;
    let listener = listen(host, port, "--port").await?;
    let address = listener.local_addr()?;
    let mut out = Output::default();
    out.line(format_args!(
        "serving {} images at http://{address}/sparql and http://{address}/query",
        sparql.engine().collection().len()
    ));
    out.finish()?;
    let router = http::router(Arc::new(AppState::new(sparql, settings)));
    http::server::serve_within(listener, router, limits, stop_signal()).await?;
    Ok(ExitCode::SUCCESS)
}

//! `clip-search iiif-serve`.

use super::{listen, stop_signal};
use crate::cli::IiifServeArgs;
use crate::http;
use crate::print::Output;
use anyhow::ensure;
use std::process::ExitCode;

pub(super) async fn run(args: IiifServeArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.dir.is_dir(),
        "there is no folder {}; name the folder that holds the images",
        args.dir.display()
    );
    let listener = listen(args.host, args.port, "--port").await?;
    let address = listener.local_addr()?;
    let mut out = Output::default();
    out.line(format_args!(
        "serving {} at http://{address}/",
        args.dir.display()
    ));
    out.finish()?;
    let base = args.public_url.map(String::from);
    let router = http::iiif::iiif_router(args.dir, base);
    http::serve(listener, router, stop_signal()).await?;
    Ok(ExitCode::SUCCESS)
}

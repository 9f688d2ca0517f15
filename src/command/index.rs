//! `clip-search index`.

use crate::build::index;
use crate::cli::IndexArgs;
use crate::data_dir::FEATURES_IN_BYTES;
use crate::print::Output;
use indicatif::DecimalBytes;
use std::process::ExitCode;

pub(super) fn run(args: &IndexArgs) -> anyhow::Result<ExitCode> {
    let made = index::run(&args.data_dir)?;
    let mut out = Output::default();
    out.line(format_args!(
        "{} holds {} vectors of width {} in bytes ({}); searches read it first, and find the same",
        args.data_dir.join(FEATURES_IN_BYTES).display(),
        made.vectors,
        made.width,
        DecimalBytes(made.size_bytes),
    ));
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

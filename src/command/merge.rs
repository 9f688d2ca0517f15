//! `clip-search merge`.

use crate::build::Outcome;
use crate::build::merge::{self, MergeOptions};
use crate::cli::MergeArgs;
use crate::print::Output;
use std::process::ExitCode;

pub(super) fn run(args: MergeArgs) -> anyhow::Result<ExitCode> {
    let summary = merge::run(&MergeOptions {
        data_dir: args.data_dir,
        shards: args.shards,
        with_images: args.with_images,
        max_failures: args.max_failures,
    })?;
    let mut out = Output::default();
    out.line(&summary);
    out.finish()?;
    Ok(match summary.is_within_limit {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(Outcome::TooManyFailures.exit_code()),
    })
}

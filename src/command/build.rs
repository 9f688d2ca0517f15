//! `clip-search build` and `clip-search update`.

use super::{blocking, open_encoder, stop_signal};
use crate::build::options::BuildOptions;
use crate::build::{self, Outcome};
use crate::cli::{BuildArgs, ModelArgs, UpdateArgs};
use crate::encoder::onnx::threads::Aim;
use crate::print::Output;
use std::process::ExitCode;

/// Exit code of a build with more failures than allowed.
///
/// Not 2, with which clap ends for a wrong command line.
pub(super) const TOO_MANY_FAILURES: u8 = 3;

/// Exit code of a build that was interrupted: that of a process ended by SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

pub(super) async fn run(args: BuildArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    build(options, args.model).await
}

pub(super) async fn update(args: UpdateArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    build(options, args.model).await
}

async fn build(options: BuildOptions, model: ModelArgs) -> anyhow::Result<ExitCode> {
    let encoder = blocking(move || open_encoder(&model, Aim::Many)).await?;
    let summary = build::run(options, encoder, stop_signal()).await?;
    let mut out = Output::default();
    out.line(&summary);
    out.finish()?;
    Ok(match summary.outcome {
        Outcome::Finished => ExitCode::SUCCESS,
        Outcome::TooManyFailures => ExitCode::from(TOO_MANY_FAILURES),
        Outcome::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

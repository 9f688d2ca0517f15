//! `clip-search build` and `clip-search update`.

use super::{open_encoder, stop_signal};
use crate::blocking::blocking;
use crate::build;
use crate::build::options::BuildOptions;
use crate::cli::{BuildArgs, ModelArgs, UpdateArgs};
use crate::encoder::onnx::threads::Aim;
use crate::print::Output;
use std::process::ExitCode;

pub(super) async fn run(args: BuildArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    build(options, args.model).await
}

pub(super) async fn update(args: UpdateArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    build(options, args.model).await
}

async fn build(options: BuildOptions, model: ModelArgs) -> anyhow::Result<ExitCode> {
    build::early::check(&options).await?;
    let encoder = blocking(move || open_encoder(&model, Aim::Many)).await?;
    let summary = build::run(options, encoder, stop_signal()).await?;
    let mut out = Output::default();
    out.line(&summary);
    out.finish()?;
    Ok(ExitCode::from(summary.outcome.exit_code()))
}

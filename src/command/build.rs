//! `clip-search build`.

use super::{blocking, open_encoder, stop_signal};
use crate::build::{self, Outcome};
use crate::cli::BuildArgs;
use std::process::ExitCode;

/// Exit code of a build with more failures than allowed.
const TOO_MANY_FAILURES: u8 = 2;

/// Exit code of a build that was interrupted: that of a process ended by SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

pub(super) async fn run(args: BuildArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    let encoder = blocking(move || open_encoder(&args.model)).await?;
    let summary = build::run(options, encoder, stop_signal()).await?;
    println!("{summary}");
    Ok(match summary.outcome {
        Outcome::Finished => ExitCode::SUCCESS,
        Outcome::TooManyFailures => ExitCode::from(TOO_MANY_FAILURES),
        Outcome::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

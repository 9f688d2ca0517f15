//! `clip-search load`.

use crate::cli::LoadArgs;
use crate::print::Output;
use crate::store::{self, LoadTarget};
use std::process::ExitCode;

pub(super) fn run(args: &LoadArgs) -> anyhow::Result<ExitCode> {
    let store = store::open_for_writing(&args.store)?;
    let target = LoadTarget {
        graph: args.graph.as_deref(),
        base: args.base.as_deref(),
    };
    let mut out = Output::default();
    for file in &args.files {
        let n_triples = store::load_file(&store, file, target)?;
        out.line(format_args!("{}: {n_triples} triples", file.display()));
    }
    out.line(format_args!(
        "{} holds {} triples",
        args.store.display(),
        store::n_triples(&store)?
    ));
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

//! `clip-search load`.

use crate::cli::LoadArgs;
use crate::store::{self, LoadTarget};
use std::process::ExitCode;

pub(super) fn run(args: &LoadArgs) -> anyhow::Result<ExitCode> {
    let store = store::open_for_writing(&args.store)?;
    let target = LoadTarget {
        graph: args.graph.as_deref(),
        base: args.base.as_deref(),
    };
    for file in &args.files {
        let n_triples = store::load_file(&store, file, target)?;
        println!("{}: {n_triples} triples", file.display());
    }
    println!(
        "{} holds {} triples",
        args.store.display(),
        store::n_triples(&store)?
    );
    Ok(ExitCode::SUCCESS)
}

//! `clip-search load`.

use crate::cli::LoadArgs;
use crate::print::{Output, note};
use crate::store::{self, LoadTarget};
use std::process::ExitCode;

pub(super) fn run(args: &LoadArgs) -> anyhow::Result<ExitCode> {
    let may_be_served = store::is_store(&args.store);
    let store = store::open_for_writing(&args.store)?;
    let target = LoadTarget {
        graph: args.graph.as_deref(),
        base: args.base.as_deref(),
        skips_errors: args.skip_errors,
        keeps_blank_nodes: false,
    };
    let mut out = Output::default();
    for file in &args.files {
        let loaded = store::load_file(&store, file, target)?;
        out.line(format_args!(
            "{}: {} triples",
            file.display(),
            loaded.n_triples
        ));
        if loaded.n_skipped > 0 {
            note(format_args!(
                "{}: {} {} left out{}:",
                file.display(),
                loaded.n_skipped,
                if loaded.n_skipped == 1 {
                    "statement was"
                } else {
                    "statements were"
                },
                loaded.reach()
            ));
            for reason in &loaded.skipped {
                note(format_args!("  {reason}"));
            }
            if loaded.n_skipped > loaded.skipped.len() as u64 {
                note("  …");
            }
        }
    }
    out.line(format_args!(
        "{} holds {} triples",
        args.store.display(),
        store::n_triples(&store)?
    ));
    out.finish()?;
    if may_be_served {
        note("a service that is running sees this in a few seconds");
    }
    Ok(ExitCode::SUCCESS)
}

//! `clip-search index`.

use crate::build::index::{self, Wanted};
use crate::cli::IndexArgs;
use crate::data_dir::{FEATURES_IN_BYTES, FEATURES_IN_LISTS};
use crate::features::ivf::DEPTHS;
use crate::print::Output;
use indicatif::DecimalBytes;
use std::num::NonZeroUsize;
use std::process::ExitCode;

/// What is told about lists: how much has to be read to find so much.
const RECALLS: [f64; 3] = [0.95, 0.98, 0.99];

pub(super) fn run(args: &IndexArgs) -> anyhow::Result<ExitCode> {
    let wanted = match (args.approximate, args.lists) {
        (false, None) => Wanted::Bytes,
        (_, n_lists) => Wanted::Lists {
            n_lists: n_lists.map(NonZeroUsize::get),
        },
    };
    let made = index::run(&args.data_dir, wanted)?;
    let mut out = Output::default();
    out.line(format_args!(
        "{} holds {} vectors of width {} in bytes ({}); searches read it first, and find the same",
        args.data_dir.join(FEATURES_IN_BYTES).display(),
        made.vectors,
        made.width,
        DecimalBytes(made.size_bytes),
    ));
    if let Some(lists) = made.lists {
        out.line(format_args!(
            "{} holds them in {} lists ({}), for `serve --search approximate`; measured on this collection, with queries like texts and by pictures:",
            args.data_dir.join(FEATURES_IN_LISTS).display(),
            lists.n_lists,
            DecimalBytes(lists.size_bytes),
        ));
        for depth in DEPTHS {
            let told: Vec<String> = (RECALLS.iter())
                .filter_map(|wanted| lists.recall.effort(depth, *wanted))
                .map(|effort| {
                    format!(
                        "{:.3} by reading {:.1} %",
                        effort.recall,
                        effort.share * 100.0
                    )
                })
                .collect();
            out.line(format_args!("  recall@{depth:<5}{}", told.join(", ")));
        }
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

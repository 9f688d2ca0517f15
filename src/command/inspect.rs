//! `clip-search inspect`.

use super::runs;
use crate::build::recorded::Recorded;
use crate::build::runs::{self as last_runs, Run};
use crate::cli::InspectArgs;
use crate::collection::Collection;
use crate::collection::kinship::{self, Kinship, kinship};
use crate::collection::report::{self, Report};
use crate::encoder::model::describe::{ModelDescription, describe};
use crate::encoder::onnx::{ClipEncoder, EncoderOptions};
use crate::print::Output;
use crate::store;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Exit code when something is found that keeps the service from starting.
const PROBLEM: u8 = 1;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let collection = report::inspect(&args.data.data_dir, args.data.iiif_column());
    let model = args
        .model
        .as_ref()
        .filter(|model| Path::new(model).is_dir())
        .map(|folder| describe(Path::new(folder), args.model_precision));
    let store = args
        .data
        .store
        .as_deref()
        .map(|path| store::open_for_reading(Some(path)).and_then(|s| store::n_triples(&s)));
    let mut problems = collection.problems.clone();
    problems.extend(model.iter().flat_map(|model| model.problems.clone()));
    let mut is_usable = collection.counts.is_some()
        && (model.as_ref()).is_none_or(|model| model.problems.is_empty() && model.facts.is_some());
    if let Some(model) = model.as_ref().filter(|_| is_usable) {
        match together(args, &collection, model) {
            Together::Fit => {}
            Together::Doubtful(problem) => problems.push(problem),
            Together::Unfit(problem) => {
                is_usable = false;
                problems.push(problem);
            }
        }
    }
    if let (Some(name), None) = (&args.model, &model) {
        problems.push(format!(
            "{name} is no folder; only models in a folder are inspected"
        ));
    }
    if let Some(Err(error)) = &store {
        problems.push(error.to_string());
    }
    let n_triples = store.and_then(Result::ok);
    let recorded = Recorded::read(&args.data.data_dir).unwrap_or_else(|error| {
        problems.push(error.to_string());
        None
    });
    let last_runs = last_runs::read(&args.data.data_dir).unwrap_or_else(|error| {
        problems.push(error.to_string());
        Vec::new()
    });
    let mut out = Output::default();
    if args.json {
        let whole = json!({
            "collection": collection.counts,
            "features": collection.identity,
            "source": recorded,
            "runs": last_runs,
            "model": model,
            "triples": n_triples,
            "problems": problems,
        });
        out.line(serde_json::to_string_pretty(&whole)?);
    } else {
        print_text(
            &mut out,
            args,
            &collection,
            (recorded.as_ref(), &last_runs),
            model.as_ref(),
            n_triples,
            &problems,
        );
    }
    out.finish()?;
    Ok(if is_usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PROBLEM)
    })
}

/// Whether the collection and the model belong together.
enum Together {
    Fit,
    /// The service starts, with a warning.
    Doubtful(String),
    /// The service does not start.
    Unfit(String),
}

/// Runs the model on a test image, or on pictures of the collection, as the service does at its start.
fn together(args: &InspectArgs, collection: &Report, model: &ModelDescription) -> Together {
    let widths = (
        collection.counts.as_ref().map(|counts| counts.width),
        model.facts.as_ref().map(|facts| facts.width),
    );
    if let (Some(ours), Some(theirs)) = widths
        && ours != theirs
    {
        return Together::Unfit(format!(
            "the vectors are {ours} wide, the model gives {theirs}; they are of different models"
        ));
    }
    match try_model(args, model) {
        Ok(Kinship::Same) => Together::Fit,
        Ok(Kinship::Near(likeness)) => Together::Doubtful(format!(
            "the vectors were made by another version of the model, perhaps in another precision{}: {likeness}",
            likeness.maker()
        )),
        Ok(Kinship::Unknown) => Together::Doubtful(kinship::unknown(&args.data.data_dir)),
        Ok(Kinship::Other(likeness)) => Together::Unfit(format!(
            "the vectors were made by another model{}: {likeness}",
            likeness.maker()
        )),
        Err(error) => Together::Unfit(format!("the model cannot be tried: {error:#}")),
    }
}

fn try_model(args: &InspectArgs, model: &ModelDescription) -> anyhow::Result<Kinship> {
    let options = EncoderOptions {
        precision: args.model_precision,
        runtime_library: args.onnxruntime.clone(),
        ..EncoderOptions::default()
    };
    let encoder = ClipEncoder::open(&model.folder, &options)?;
    let dir = &args.data.data_dir;
    let collection = Collection::open_in(dir, args.data.iiif_column(), args.data.features_in)?;
    Ok(kinship(dir, &collection, &encoder)?)
}

fn print_text(
    out: &mut Output,
    args: &InspectArgs,
    collection: &Report,
    (recorded, last_runs): (Option<&Recorded>, &[Run]),
    model: Option<&ModelDescription>,
    n_triples: Option<usize>,
    problems: &[String],
) {
    out.line(format_args!(
        "collection    {}",
        args.data.data_dir.display()
    ));
    if let Some(counts) = &collection.counts {
        out.line(format_args!("  images      {}", counts.images));
        out.line(format_args!(
            "  vectors     {} of width {} in {}{}{}",
            counts.vectors,
            counts.width,
            json_text(&counts.precision),
            if counts.has_int8 {
                ", and in bytes, which searches read first"
            } else {
                ""
            },
            if counts.has_lists {
                ", and in lists for approximate search"
            } else {
                ""
            }
        ));
        out.line(format_args!(
            "  IIIF URLs   in column {}",
            counts.iiif_column
        ));
        out.line(match &counts.sizes {
            Some(sizes) => format!(
                "  sizes       {} from info.json, {} of the picture that was delivered, {} unknown",
                sizes.info, sizes.delivered, sizes.unknown
            ),
            None => "  sizes       unknown; `clip-search build` finds them out".to_owned(),
        });
        let label =
            (collection.identity.as_ref()).and_then(|identity| identity.model.label.as_ref());
        out.line(match (&collection.identity, label) {
            (Some(_), Some(label)) => format!("  made by     {label}, checksums are right"),
            (Some(_), None) => {
                "  made by     a model without a name, checksums are right".to_owned()
            }
            (None, _) => "  made by     an unknown model: there is no features.json".to_owned(),
        });
    }
    if let Some(recorded) = recorded {
        out.line(format_args!("source        {}", recorded.source));
        out.line(format_args!(
            "  last build  {}: {}",
            recorded.last_run.ended, recorded.last_run.summary
        ));
    }
    for (nth, line) in runs::lines(last_runs).iter().enumerate() {
        let name = if nth == 0 { "  last builds" } else { "" };
        out.line(format_args!("{name:14}{line}"));
    }
    if let Some(model) = model {
        out.line(format_args!("model         {}", model.folder.display()));
        if let Some(facts) = &model.facts {
            out.line(format_args!("  embeddings  of width {}", facts.width));
            out.line(format_args!(
                "  texts       up to {} tokens",
                facts.context_length
            ));
            out.line(format_args!("  weights     {}", facts.precision));
        }
        for file in &model.files {
            out.line(format_args!(
                "  file        {} ({} bytes)",
                file.name, file.size_bytes
            ));
        }
    }
    if let (Some(n), Some(path)) = (n_triples, &args.data.store) {
        out.line(format_args!(
            "metadata      {} ({n} triples)",
            path.display()
        ));
    }
    if problems.is_empty() {
        out.line("no problems found");
    }
    for problem in problems {
        out.line(format_args!("problem: {problem}"));
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

//! `clip-search inspect`.

use crate::cli::InspectArgs;
use crate::collection::report::{self, Report};
use crate::encoder::model::describe::{ModelDescription, describe};
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
        .map(|folder| describe(Path::new(folder), None));
    let store = args
        .data
        .store
        .as_deref()
        .map(|path| store::open_for_reading(Some(path)).and_then(|s| store::n_triples(&s)));
    let mut problems = collection.problems.clone();
    if let (Some(counts), Some(facts)) = (
        &collection.counts,
        model.as_ref().and_then(|model| model.facts.as_ref()),
    ) && counts.width != facts.width
    {
        problems.push(format!(
            "the vectors are {} wide, the model gives {}; they are of different models",
            counts.width, facts.width
        ));
    }
    problems.extend(model.iter().flat_map(|model| model.problems.clone()));
    if let (Some(name), None) = (&args.model, &model) {
        problems.push(format!(
            "{name} is no folder; only models in a folder are inspected"
        ));
    }
    if let Some(Err(error)) = &store {
        problems.push(error.to_string());
    }
    let n_triples = store.and_then(Result::ok);
    if args.json {
        let whole = json!({
            "collection": collection.counts,
            "model": model,
            "triples": n_triples,
            "problems": problems,
        });
        println!("{}", serde_json::to_string_pretty(&whole)?);
    } else {
        print_text(args, &collection, model.as_ref(), n_triples, &problems);
    }
    let usable = collection.counts.is_some()
        && model.is_none_or(|model| model.problems.is_empty() && model.facts.is_some());
    Ok(if usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PROBLEM)
    })
}

fn print_text(
    args: &InspectArgs,
    collection: &Report,
    model: Option<&ModelDescription>,
    n_triples: Option<usize>,
    problems: &[String],
) {
    println!("collection    {}", args.data.data_dir.display());
    if let Some(counts) = &collection.counts {
        println!("  images      {}", counts.images);
        println!(
            "  vectors     {} of width {} in {}",
            counts.vectors,
            counts.width,
            json_text(&counts.precision)
        );
        println!("  IIIF URLs   in column {}", counts.iiif_column);
    }
    if let Some(model) = model {
        println!("model         {}", model.folder.display());
        if let Some(facts) = &model.facts {
            println!("  embeddings  of width {}", facts.width);
            println!("  texts       up to {} tokens", facts.context_length);
            println!("  weights     {}", facts.precision);
        }
        for file in &model.files {
            println!("  file        {} ({} bytes)", file.name, file.size_bytes);
        }
    }
    if let (Some(n), Some(path)) = (n_triples, &args.data.store) {
        println!("metadata      {} ({n} triples)", path.display());
    }
    if problems.is_empty() {
        println!("no problems found");
    }
    for problem in problems {
        println!("problem: {problem}");
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

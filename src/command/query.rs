//! `clip-search query`.

use super::{open, table};
use crate::build::options::image_query;
use crate::cli::{OutputFormat, QueryArgs};
use crate::print::Output;
use crate::sparql::results::{Answer, AnswerKind, GraphFormat, TableFormat};
use crate::sparql::search::{QueryImage, SearchRequest};
use crate::sparql::{Cancellation, QueryRequest, Sparql};
use crate::store;
use crate::unreadable::unreadable;
use std::process::ExitCode;
use tokio::runtime::Handle;

pub(super) fn run(args: &QueryArgs, runtime: Handle) -> anyhow::Result<ExitCode> {
    let sparql = open(
        &args.data,
        &args.model,
        &args.sparql,
        runtime,
        store::open_for_reading,
    )?;
    let answer = match &args.sparql_query {
        Some(query) => {
            let query = image_query(query)?;
            let request = QueryRequest {
                query: &query,
                ..QueryRequest::default()
            };
            if args.explain {
                print_all(sparql.explain(&request)?.to_string().as_bytes())?;
                return Ok(ExitCode::SUCCESS);
            }
            sparql.answer(&request)?
        }
        None => sparql.answer_search(&search_request(args, &sparql)?, &Cancellation::default())?,
    };
    print(answer, args.format)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints an answer in the form that was asked for.
pub(super) fn print(answer: Answer, format: OutputFormat) -> anyhow::Result<()> {
    let kind = answer.kind();
    let (rows, graph) = match format {
        OutputFormat::Json => (TableFormat::Json, GraphFormat::JsonLd),
        OutputFormat::Csv => (TableFormat::Csv, GraphFormat::NTriples),
        OutputFormat::Table => (TableFormat::Csv, GraphFormat::Turtle),
    };
    let mut out = Vec::new();
    answer.write(rows, graph, &mut out)?;
    if format == OutputFormat::Table && kind == AnswerKind::Solutions {
        out = table::align(&out)?;
    }
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    print_all(&out)
}

fn print_all(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = Output::default();
    out.bytes(bytes);
    out.finish()
}

fn search_request(args: &QueryArgs, sparql: &Sparql) -> anyhow::Result<SearchRequest> {
    let image = match args.image.as_deref() {
        None => None,
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            Some(QueryImage::Url(url.to_owned()))
        }
        Some(path) => Some(QueryImage::Bytes(std::fs::read(path).map_err(|error| {
            unreadable(format_args!("the image {path}"), &error, "--image")
        })?)),
    };
    Ok(SearchRequest {
        text: args.text.clone(),
        image: image.into_iter().collect(),
        similar_to: args.similar.clone(),
        exclude: args.exclude.clone(),
        min_score: args.min_score.unwrap_or(sparql.options().default_min_score),
        limit: args.limit,
    })
}

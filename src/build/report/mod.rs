//! `--report`: what a build came to, for people (HTML, one file that asks for nothing) and for programs (JSON).

mod duplicates;
mod html;
mod kinds;
mod sizes;
mod thumbnails;

use super::BuildSummary;
use super::failures::{Failure, Stage};
use super::files;
use super::options::BuildOptions;
use super::table;
use super::tally::HostTally;
use crate::collection::Collection;
use crate::encoder::ModelLabel;
use anyhow::{Context, bail};
use kinds::Kind;
use serde::Serialize;
use sizes::SizesReport;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a report is made of besides the collection.
pub(super) struct Run<'a> {
    pub(super) options: &'a BuildOptions,
    pub(super) summary: &'a BuildSummary,
    pub(super) failures: &'a [Failure],
    pub(super) hosts: BTreeMap<String, HostTally>,
    pub(super) model: Option<&'a ModelLabel>,
    pub(super) took: Duration,
}

/// What is told. As JSON this is the report for programs.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name and version of the program.
    pub program: &'static str,
    /// When the build ended (RFC 9110's form of dates).
    pub ended: String,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The model, if it has a name.
    pub model: Option<ModelLabel>,
    /// What the build came to.
    pub summary: BuildSummary,
    /// Why images have no vector, most frequent first.
    pub failures: Vec<Kind>,
    /// Why images that have one could not be looked at again (`--refresh`), most frequent first.
    pub not_refreshed: Vec<Kind>,
    /// What came from each host in this run.
    pub hosts: BTreeMap<String, HostTally>,
    /// How large the images are.
    pub sizes: SizesReport,
    /// Images that show the same under several URLs, in groups; the first of all there are.
    pub duplicates: Vec<Vec<Shown>>,
    /// How many groups there are.
    pub duplicate_groups: usize,
    /// Images from all over the collection.
    pub sample: Vec<Shown>,
}

/// An image in a report.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its IIIF URL.
    pub url: String,
    /// Its id.
    pub id: String,
    /// A small picture of it as a data URL, where its download is still there.
    #[serde(skip)]
    thumbnail: Option<String>,
}

/// Groups, and images of a group, that are shown.
const MAX_GROUPS: usize = 50;
const MAX_OF_GROUP: usize = 6;
const SAMPLE: usize = 24;

/// How a report is written, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Json,
}

/// # Errors
/// If the name of a report tells no form.
pub(super) fn check(paths: &[PathBuf]) -> anyhow::Result<()> {
    paths.iter().try_for_each(|path| form(path).map(|_| ()))
}

fn form(path: &Path) -> anyhow::Result<Form> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => Ok(Form::Html),
        Some("json") => Ok(Form::Json),
        _ => bail!(
            "--report {}: the name of a report ends in .html or .json",
            path.display()
        ),
    }
}

/// Writes the reports that the build is told to write.
///
/// # Errors
/// If the collection that was just written cannot be opened, or a report not written.
pub(super) fn write(run: Run<'_>) -> anyhow::Result<()> {
    let paths = &run.options.reports;
    if paths.is_empty() {
        return Ok(());
    }
    let dir = &run.options.data_dir;
    // The column has this name in images.csv, whatever it was called in the input.
    let column = table::bare(&run.options.iiif_column);
    let collection = Collection::open_with_column(dir, Some(column))
        .context("the collection is written, but not the report")?;
    let report = report(run, &collection);
    for path in paths {
        let text = match form(path)? {
            Form::Html => html::page(&report),
            Form::Json => serde_json::to_string_pretty(&report)? + "\n",
        };
        files::replace(path, |file| file.write_all(text.as_bytes()))?;
    }
    Ok(())
}

fn report(run: Run<'_>, collection: &Collection) -> Report {
    let dir = &run.options.data_dir;
    let groups = duplicates::groups(collection.len(), |row| collection.features().row(row));
    let shown = |row: &usize| Shown {
        url: collection.url(*row),
        id: collection.id(*row),
        thumbnail: thumbnails::of(dir, &collection.id(*row)),
    };
    let kinds_of = |is_of: fn(&Failure) -> bool| {
        kinds::kinds(run.failures.iter().filter(|failure| is_of(failure)))
    };
    let every = collection.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<usize> = (0..collection.len()).step_by(every).collect();
    Report {
        program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        ended: httpdate::fmt_http_date(SystemTime::now()),
        seconds: run.took.as_secs(),
        data_dir: dir.clone(),
        model: run.model.cloned(),
        summary: run.summary.clone(),
        failures: kinds_of(|failure| failure.stage != Stage::Refresh),
        not_refreshed: kinds_of(|failure| failure.stage == Stage::Refresh),
        hosts: run.hosts,
        sizes: sizes::report((0..collection.len()).map(|row| collection.size(row))),
        duplicates: (groups.iter().take(MAX_GROUPS))
            .map(|rows| rows.iter().take(MAX_OF_GROUP).map(shown).collect())
            .collect(),
        duplicate_groups: groups.len(),
        sample: sample.iter().map(shown).collect(),
    }
}

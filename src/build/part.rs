//! What a build of one shard does otherwise than one of all images, and what it leaves for `clip-search merge`.
//!
//! ```text
//! DATA/shard.json   which shard of what input the folder holds, and the checksums of its files
//! DATA/rows.csv     for each row of images.csv its row in the input, and whether it has a vector
//! ```
//!
//! The whole input is read all the same, so that rows have the numbers, and doubles the first rows, of a build of all.

use super::Drafts;
use super::failures::{FAILURES, Failure, Stage};
use super::files::{self, DataDir, Draft};
use super::journal::Journal;
use super::merge::target::MERGE;
use super::options::BuildOptions;
use super::records::Form;
use super::shard::Shard;
use super::source::{Image, Input};
use crate::data_dir::{IDENTITY, IMAGE_IDS, IMAGES};
use crate::features::sum::{Sum, Summing, SummingWriter};
use crate::image_id;
use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use csv::ByteRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Which shard of what a data directory holds.
pub(super) const SHARD: &str = "shard.json";
/// Where the rows of `images.csv` stand in the input.
pub(super) const ROWS: &str = "rows.csv";
/// The columns of [`ROWS`]: a number counted from 1, and 1 or 0.
pub(super) const ROWS_HEADER: &str = "row,vector\n";

const FORMAT: u32 = 1;

/// What `shard.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShardFile {
    format: u32,
    pub(super) shard: Shard,
    /// `None` until the shard is built for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) built: Option<Built>,
}

/// What a build of a shard came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Built {
    /// Checksum of the whole input: what `images.csv` of all images holds, the rows that name no image, and what
    /// manifests say.
    pub(super) input: Sum,
    /// Rows of the whole input.
    pub(super) rows: usize,
    /// Rows of the shard that are left out at no loss.
    pub(super) skipped: usize,
    /// Rows of the shard that failed.
    pub(super) failed: BTreeMap<Stage, usize>,
    /// What `features/build.journal` holds.
    pub(super) journal: JournalForm,
    /// Checksums by file name. Those of the other files are in `features.json`.
    pub(super) blake2b_256: BTreeMap<String, Sum>,
}

/// The form of a journal, which depends on the model: without the model nobody else knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct JournalForm {
    /// In base64, as is the salt.
    header: String,
    salt: String,
    content_bytes: usize,
}

impl JournalForm {
    fn of(form: &Form) -> Self {
        Self {
            header: STANDARD.encode(&form.header),
            salt: STANDARD.encode(&form.salt),
            content_bytes: form.content_bytes,
        }
    }

    /// `None` if it is not what a build writes.
    pub(super) fn form(&self) -> Option<Form> {
        Some(Form {
            header: STANDARD.decode(&self.header).ok()?,
            salt: STANDARD.decode(&self.salt).ok()?,
            content_bytes: self.content_bytes,
            emptied: "",
        })
    }
}

impl ShardFile {
    /// What the folder `dir` says; `None` if it has no such file.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(SHARD);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        let file: Self = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "{} is damaged; delete it and run the build of the shard again",
                path.display()
            )
        })?;
        ensure!(
            file.format == FORMAT,
            "{} has the form {}, and this version knows {FORMAT}; use the version that wrote it",
            path.display(),
            file.format
        );
        Ok(Some(file))
    }

    fn draft(&self, dir: &DataDir) -> anyhow::Result<Draft> {
        Draft::write(&dir.path(SHARD), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            file.write_all(b"\n")?;
            anyhow::Ok(())
        })
    }
}

/// Whether the data directory may be built as `shard`, or as a whole: a collection is never replaced by a part of it.
pub(super) fn check(dir: &DataDir, shard: Option<Shard>) -> anyhow::Result<()> {
    let root = dir.root();
    let is_there = [IMAGES, IMAGE_IDS]
        .iter()
        .any(|name| dir.path(name).exists());
    match (ShardFile::read(root)?.map(|file| file.shard), shard) {
        (Some(found), Some(wanted)) if found != wanted => bail!(
            "{} holds the shard {found}, not {wanted}; give each shard a data directory of its own",
            root.display()
        ),
        (Some(found), None) => bail!(
            "{} holds the shard {found} of a collection; build it with --shard {found}, put it together with the others (clip-search merge), or delete {SHARD} in it to make it a whole collection",
            root.display()
        ),
        (None, Some(wanted)) if is_there => bail!(
            "{} holds a collection that is no shard, which the shard {wanted} would replace; give the shard a data directory of its own",
            root.display()
        ),
        (Some(_), Some(_)) | (None, _) => Ok(()),
    }
}

/// Says in the data directory what is built there from now on.
pub(super) fn claim(dir: &DataDir, shard: Option<Shard>) -> anyhow::Result<()> {
    // From now on it has vectors that another merge would not have.
    files::remove(&dir.path(MERGE))?;
    match shard {
        Some(shard) if !dir.path(SHARD).exists() => ShardFile {
            format: FORMAT,
            shard,
            built: None,
        }
        .draft(dir)?
        .publish(),
        _ => Ok(()),
    }
}

/// A shard that is being built.
pub(super) struct Part {
    shard: Shard,
    input: Sum,
    n_rows: usize,
    n_skipped: usize,
    images_csv: Sum,
    /// Rows that failed, to be set before the files are written.
    pub(super) failed: BTreeMap<Stage, usize>,
}

impl Part {
    /// Leaves in `input` and in the draft of `images.csv` what belongs to the shard that `options` name, if any.
    pub(super) fn take(
        options: &BuildOptions,
        input: &mut Input,
        drafts: &Drafts,
    ) -> anyhow::Result<Option<Self>> {
        let Some(shard) = options.shard else {
            return Ok(None);
        };
        let whole = sum_of_input(input, drafts)?;
        let mut summing = Summing::default();
        drafts.images_csv.rewrite(|old, file| {
            let mut out = csv::Writer::from_writer(SummingWriter(file, &mut summing));
            keep_rows(old, &mut out, shard, &input.images)?;
            out.flush()?;
            Ok(())
        })?;
        input.images.retain(|image| shard.has(&image.id));
        input.failures.retain(|row| shard.has_cell(&row.url));
        input.skipped.retain(|row| shard.has_cell(&row.url));
        if input.images.is_empty() {
            tracing::info!(%shard, "no image of the input is in this shard");
        }
        Ok(Some(Self {
            shard,
            input: whole,
            n_rows: input.n_rows,
            n_skipped: input.skipped.len(),
            images_csv: summing.finish(),
            failed: BTreeMap::new(),
        }))
    }

    /// `rows.csv` and `shard.json`. `identity` is the text of `features.json`; `failures.csv` has been written.
    pub(super) fn drafts(
        &self,
        dir: &DataDir,
        images: &[Image],
        journal: &Journal,
        identity: &str,
        rdf: [(&str, Option<&Draft>); 2],
    ) -> anyhow::Result<[Draft; 2]> {
        let mut rows = Summing::default();
        let rows_csv = Draft::write(&dir.path(ROWS), |file| {
            let mut out = SummingWriter(file, &mut rows);
            out.write_all(ROWS_HEADER.as_bytes())?;
            for image in images {
                let vector = u8::from(journal.contains(&image.id));
                writeln!(out, "{},{vector}", image.row)?;
            }
            std::io::Result::Ok(())
        })?;
        let mut features = Summing::default();
        features.update(identity.as_bytes());
        let failures = dir.path(FAILURES);
        let failures = File::open(&failures)
            .and_then(sum_of)
            .with_context(|| format!("{} cannot be read", failures.display()))?;
        let mut sums = BTreeMap::from([
            (IMAGES.to_owned(), self.images_csv.clone()),
            (ROWS.to_owned(), rows.finish()),
            (FAILURES.to_owned(), failures),
            (IDENTITY.to_owned(), features.finish()),
        ]);
        for (name, draft) in rdf {
            if let Some(draft) = draft {
                sums.insert(name.to_owned(), sum_of(draft.open()?)?);
            }
        }
        let shard_json = ShardFile {
            format: FORMAT,
            shard: self.shard,
            built: Some(Built {
                input: self.input.clone(),
                rows: self.n_rows,
                skipped: self.n_skipped,
                failed: self.failed.clone(),
                journal: JournalForm::of(journal.form()),
                blake2b_256: sums,
            }),
        };
        Ok([rows_csv, shard_json.draft(dir)?])
    }

    pub(super) fn shard(&self) -> Shard {
        self.shard
    }
}

/// Copies the header and the rows of the images that `shard` has; `old` has a row for each of `images`.
fn keep_rows(
    old: File,
    out: &mut csv::Writer<impl Write>,
    shard: Shard,
    images: &[Image],
) -> anyhow::Result<()> {
    let mut table = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(old);
    let mut record = ByteRecord::new();
    let mut images = images.iter();
    let mut is_kept = true;
    while table.read_byte_record(&mut record)? {
        if is_kept {
            out.write_byte_record(&record)?;
        }
        is_kept = images.next().is_some_and(|image| shard.has(&image.id));
    }
    Ok(())
}

/// Checksum of all that the input gives, whichever shard is built of it.
fn sum_of_input(input: &Input, drafts: &Drafts) -> anyhow::Result<Sum> {
    let mut summing = Summing::default();
    std::io::copy(&mut drafts.images_csv.open()?, &mut summing)?;
    let without_image = input.failures.iter().chain(&input.skipped);
    for Failure {
        row, url, stage, ..
    } in without_image
    {
        // The reason may be that of a network, and have other words each time.
        let url = image_id::hex(&image_id::digest(url));
        writeln!(summing, "{row} {stage} {url}")?;
    }
    for image in &input.images {
        writeln!(summing, "{}", image.row)?;
    }
    if let Some(triples) = &drafts.triples {
        std::io::copy(&mut triples.open()?, &mut summing)?;
    }
    Ok(summing.finish())
}

pub(super) fn sum_of(mut file: File) -> std::io::Result<Sum> {
    let mut summing = Summing::default();
    std::io::copy(&mut file, &mut summing)?;
    Ok(summing.finish())
}

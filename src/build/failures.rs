//! `failures.csv`: every row that has no vector, and why; and those whose vector is kept though its image could not be
//! looked at again.

use super::files;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// A row of the input that has no vector, or keeps an old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Row of the input, counted from 1 without the header.
    pub row: usize,
    /// The cell of the IIIF column, as far as there is one.
    pub url: String,
    /// What could not be done.
    pub stage: Stage,
    /// Why, for the curator of the data to act on.
    pub reason: String,
}

/// The steps of an image through a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reading the row.
    Input,
    /// Reading a file or a folder of the disk.
    Read,
    /// Fetching or reading a manifest or a collection.
    Manifest,
    /// Fetching the image.
    Download,
    /// Decoding the image.
    Decode,
    /// Computing the vector.
    Encode,
    /// Looking whether the image has changed; the vector that it has is kept.
    Refresh,
}

/// The file, below the data directory.
pub(super) const FAILURES: &str = "failures.csv";

/// Its columns.
pub(super) const COLUMNS: [&str; 4] = ["row", "url", "stage", "reason"];

/// Longest reason that is kept: servers and decoders may be talkative.
const MAX_REASON_CHARS: usize = 500;

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Read => "read",
            Self::Manifest => "manifest",
            Self::Download => "download",
            Self::Decode => "decode",
            Self::Encode => "encode",
            Self::Refresh => "refresh",
        })
    }
}

impl Failure {
    pub(super) fn new(
        row: usize,
        url: impl Into<String>,
        stage: Stage,
        reason: impl ToString,
    ) -> Self {
        let reason = reason.to_string();
        Self {
            row,
            url: url.into(),
            stage,
            reason: match reason.char_indices().nth(MAX_REASON_CHARS) {
                Some((end, _)) => format!("{}…", &reason[..end]),
                None => reason,
            },
        }
    }
}

/// Replaces the file at `path`; with no failures it holds the header alone.
pub(super) fn write(path: &Path, failures: &[Failure]) -> anyhow::Result<()> {
    files::replace(path, |file| {
        let mut csv = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(file);
        csv.write_record(COLUMNS)?;
        for failure in failures {
            csv.serialize(failure)?;
        }
        csv.flush()?;
        anyhow::Ok(())
    })
}

//! `runs.json`: what the last builds of a data directory came to, for people who look after it.
//!
//! Nothing depends on it, so whatever is wrong with it costs a warning and no build. It is no part of what builds and
//! merges make equal: times are in it.

use super::files;
use super::tally::HostTally;
use super::{BuildSummary, Outcome};
use crate::harvest::discovery::moment::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file, below the data directory.
pub const RUNS: &str = "runs.json";

/// Runs that are kept.
const N_RUNS: usize = 10;

/// The form of the file that this version writes and reads.
const FORMAT: u32 = 1;

/// No file that a build writes is as long.
const MAX_BYTES: u64 = 64 * 1024;

/// Longest reason that is told.
const MAX_REASON_CHARS: usize = 200;

/// Longest name of a mode.
const MAX_MODE_BYTES: usize = 16;

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Runs {
    format: u32,
    /// The last one first.
    runs: Vec<Run>,
}

/// What one build came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it ended.
    pub ended: Moment,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// The mode as `--mode` has it.
    pub mode: String,
    /// Whether the build came to its end.
    pub outcome: Outcome,
    /// Images with a vector.
    pub images: usize,
    /// Of these, images that had none before.
    pub added: usize,
    /// Of these, images that had one and have changed.
    pub changed: usize,
    /// Images that are not in the input any more, and are gone.
    pub removed: usize,
    /// Images without a vector because something failed, or that could not be looked at again.
    pub failed: usize,
    /// Bytes of the pictures that came.
    pub bytes: u64,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunsError {
    /// The system does not let us read it.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not what a build writes.
    #[error(
        "{path} is damaged or of another version ({reason}); nothing but the list of the last builds is lost, and the next build begins a new one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The last builds of the data directory `dir`, the last one first; none if none is known.
///
/// # Errors
/// [`RunsError`] if the file is there and cannot be used.
pub fn read(dir: &Path) -> Result<Vec<Run>, RunsError> {
    let path = dir.join(RUNS);
    let text = match text(&path) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Vec::new()),
        Err(source) => return Err(RunsError::Read { path, source }),
    };
    parse(&text).map_err(|reason| RunsError::Damaged { path, reason })
}

/// What the file holds, and a byte more than may be where it holds too much; `None` if it is not there.
fn text(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let is_file = match fs::metadata(path) {
        Ok(metadata) => metadata.is_file(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !is_file {
        // A pipe would have us wait.
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut text)?;
    Ok(Some(text))
}

fn parse(text: &[u8]) -> Result<Vec<Run>, String> {
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let Runs { format, mut runs } =
        serde_json::from_slice(text).map_err(|error| shown(&error.to_string()))?;
    if format != FORMAT {
        return Err(format!("form {format}"));
    }
    // It is shown on terminals.
    let is_mode = |mode: &str| {
        mode.len() <= MAX_MODE_BYTES && mode.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    if let Some(run) = runs.iter().find(|run| !is_mode(&run.mode)) {
        return Err(format!("a mode {:?}", run.mode));
    }
    runs.truncate(N_RUNS);
    Ok(runs)
}

/// What is said of a text may quote it.
fn shown(reason: &str) -> String {
    let visible = reason.chars().filter(|c| !c.is_control());
    visible.take(MAX_REASON_CHARS).collect()
}

impl Run {
    /// The run that ends now, with what came from all hosts.
    pub(super) fn new(
        mode: &str,
        summary: &BuildSummary,
        hosts: &BTreeMap<String, HostTally>,
        took: Duration,
    ) -> Self {
        Self {
            ended: Moment::now(),
            seconds: took.as_secs(),
            mode: mode.to_owned(),
            outcome: summary.outcome,
            images: summary.encoded + summary.reused,
            added: summary.encoded.saturating_sub(summary.changed),
            changed: summary.changed,
            removed: summary.removed,
            failed: summary.failed.values().sum(),
            bytes: hosts.values().map(|host| host.bytes).sum(),
        }
    }

    /// Writes it down before the others in the data directory `dir`, of which a build has the lock. What keeps it from
    /// that is told and is no failure.
    pub(super) fn note(self, dir: &Path) {
        let known = read(dir).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            Vec::new()
        });
        let runs = std::iter::once(self).chain(known).take(N_RUNS).collect();
        let runs = Runs {
            format: FORMAT,
            runs,
        };
        let written = files::replace(&dir.join(RUNS), |file| {
            serde_json::to_writer_pretty(&mut *file, &runs)?;
            file.write_all(b"\n")?;
            anyhow::Ok(())
        });
        if let Err(error) = written {
            tracing::warn!("the list of the last builds is not written: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example(images: usize) -> Run {
        Run {
            ended: Moment::now(),
            seconds: 7,
            mode: "CSV".to_owned(),
            outcome: Outcome::TooManyFailures,
            images,
            added: 1,
            changed: 2,
            removed: 3,
            failed: 4,
            bytes: 5,
        }
    }

    #[test]
    fn the_last_runs_are_kept_the_last_one_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), []);
        for n in 0..N_RUNS + 3 {
            example(n).note(dir.path());
        }
        let images: Vec<usize> = read(dir.path()).unwrap().iter().map(|r| r.images).collect();
        assert_eq!(images, (3..N_RUNS + 3).rev().collect::<Vec<_>>());
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 1, "no draft is left");
        // Even the largest numbers leave the file within what is read.
        let mut largest = example(usize::MAX);
        largest.mode = "M".repeat(MAX_MODE_BYTES);
        (largest.seconds, largest.bytes) = (u64::MAX, u64::MAX);
        (0..N_RUNS).for_each(|_| largest.clone().note(dir.path()));
        assert_eq!(read(dir.path()).unwrap(), vec![largest; N_RUNS]);
    }

    #[test]
    fn what_is_damaged_is_told_and_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(RUNS);
        example(1).note(dir.path());
        let whole = fs::read_to_string(&path).unwrap();
        for (text, reason) in [
            (String::new(), "EOF"),
            (whole[..whole.len() / 2].to_owned(), "EOF"),
            (whole.replace("\"format\": 1", "\"format\": 2"), "form 2"),
            (whole.replace("CSV", "\\u001b[2J"), r#"a mode "\u{1b}[2J""#),
            (whole.replace("\"bytes\": 5", "\"bytes\": -5"), "-5"),
            (
                whole.replace("toomanyfailures", "\\u001b[2J"),
                "unknown variant `[2J`",
            ),
            (" ".repeat(70_000), "more than 65536 bytes"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read(dir.path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(!error.contains('\n'), "{error}");
            example(9).note(dir.path());
            assert_eq!(read(dir.path()).unwrap().len(), 1, "{reason}");
        }
        // What cannot be replaced stays.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = read(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("it is no file"), "{error}");
        example(1).note(dir.path());
        assert!(path.is_dir());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..300) {
            let _ = parse(&bytes);
            let runs = Runs { format: FORMAT, runs: vec![example(1)] };
            let mut text = serde_json::to_vec(&runs).unwrap();
            let at = at.min(text.len());
            text.splice(at..at, bytes);
            let _ = parse(&text);
        }
    }
}

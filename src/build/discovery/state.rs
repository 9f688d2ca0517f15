//! How far a stream was read: `harvest/stream.json`.

use super::super::files;
use crate::harvest::discovery::known::Known;
use crate::harvest::discovery::moment::Moment;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the file, below that folder.
pub(in crate::build) const FILE: &str = "stream.json";

/// How far a stream was read. `K` is what is known of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State<K> {
    /// Where the stream is.
    pub(super) stream: String,
    /// The time of the newest activity that was seen; none where all of the stream is to be read again.
    pub(super) since: Option<Moment>,
    /// The word for what the run that comes next reads without knowing its time.
    pub(super) run: String,
    #[serde(flatten)]
    pub(super) known: K,
}

impl State<Known> {
    /// The state in `folder`, if it is of this stream. Otherwise the stream is read from its beginning; that is
    /// written down at once, so that a run that is cut off is known by its word when it goes on.
    pub(super) fn open(folder: &Path, stream: &str) -> anyhow::Result<Self> {
        let path = path(folder);
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<Self>(&bytes) {
                Ok(state) if state.stream == stream => return Ok(state),
                Ok(_) => {}
                Err(error) => tracing::warn!(
                    "{} cannot be read ({error}); the stream is read from its beginning",
                    path.display()
                ),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        }
        let state = Self {
            stream: stream.to_owned(),
            since: None,
            run: new_run(),
            known: Known::default(),
        };
        state.save(folder)?;
        Ok(state)
    }
}

impl<K: Serialize> State<K> {
    pub(super) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        files::replace(&path(folder), |file| serde_json::to_writer(file, self))
    }
}

/// A word that no other run has.
pub(super) fn new_run() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("run {}", now.unwrap_or_default().as_nanos())
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_cut_off_keeps_its_word_and_another_stream_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = State::open(dir.path(), "a").unwrap();
        assert_eq!(State::open(dir.path(), "a").unwrap().run, first.run);
        first.since = Moment::parse("2026-01-01");
        first.known.documents.insert("x".into(), "1".into());
        first.save(dir.path()).unwrap();
        let again = State::open(dir.path(), "a").unwrap();
        assert_eq!((again.since, &again.known), (first.since, &first.known));
        let other = State::open(dir.path(), "b").unwrap();
        assert!(other.since.is_none() && other.known == Known::default());
        assert_ne!(other.run, first.run);
        fs::write(dir.path().join("stream.json"), "{").unwrap();
        assert!(State::open(dir.path(), "b").unwrap().since.is_none());
    }
}

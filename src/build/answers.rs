//! What servers said of the pictures that the vectors were made of, so that they can be asked whether anything has
//! changed, and need not send them again.
//!
//! `features/answers.jsonl`: a first line that names the kind of pictures, then a line for each answer, of which the
//! last one about an image holds. A line that is damaged, or that a killed build did not finish, is left out: the
//! image is then asked for as if nothing were known. The file can be deleted at any time.

use super::journal::{Id, Journal};
use super::lines::{self, Lines};
use crate::collection::requested::Requested;
use crate::features::sum::Sum;
use crate::image_id;
use anyhow::Context;
use reqwest::header::{
    ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How a server tells one version of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

/// Longest value that is kept.
const MAX_VALUE_CHARS: usize = 512;

impl Validators {
    /// Those of an answer.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            let text = headers.get(name)?.to_str().ok()?;
            (text.len() <= MAX_VALUE_CHARS).then(|| text.to_owned())
        };
        Self {
            etag: text(ETAG),
            modified: text(LAST_MODIFIED),
        }
    }

    /// Asks to be sent what is not of this version alone.
    pub(super) fn add_conditions(&self, headers: &mut HeaderMap) {
        let both = [
            (IF_NONE_MATCH, &self.etag),
            (IF_MODIFIED_SINCE, &self.modified),
        ];
        for (name, text) in both {
            let value = text.as_deref().map(HeaderValue::from_str);
            if let Some(Ok(value)) = value {
                headers.insert(name, value);
            }
        }
    }
}

/// A file that was taken as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) url: String,
    #[serde(flatten)]
    pub(super) validators: Validators,
}

/// What an info.json was, on which it depends what picture is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) sum: Sum,
    #[serde(flatten)]
    pub(super) validators: Validators,
}

/// What a vector was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answered {
    /// Of the picture.
    pub(super) sum: Sum,
    /// None if it was put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) picture: Option<Taken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) info: Option<Described>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    #[serde(flatten)]
    answered: Answered,
}

/// Writes what the files at `paths` know about the pictures `requested` as one file; those that are not there know
/// nothing.
pub(super) fn merge(
    paths: &[PathBuf],
    requested: Requested,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let head = Head::new(requested);
    out.write_all(&lines::line(&head)?)?;
    for path in paths {
        lines::read(path, &head, |text| {
            out.write_all(text)?;
            out.write_all(b"\n")
        })?;
    }
    Ok(())
}

/// What the file begins with.
#[derive(Serialize)]
struct Head {
    answers: u32,
    requested: u32,
}

impl Head {
    fn new(requested: Requested) -> Self {
        Self {
            answers: 1,
            requested: requested.number(),
        }
    }
}

/// The answers by image id.
#[derive(Debug)]
pub(super) struct Answers {
    lines: Lines,
    /// As they were when the build began, where they are needed.
    known: HashMap<Id, Answered>,
    /// Lines that wait for the vectors that they are about.
    waiting: Vec<u8>,
    n_waiting: usize,
    sync_every: usize,
}

impl Answers {
    /// Opens or creates the file at `path`; with what is in it if it `is_read`. Answers about other pictures than
    /// those `requested` are dropped.
    pub(super) fn open(
        path: &Path,
        requested: Requested,
        is_read: bool,
        sync_every: usize,
    ) -> anyhow::Result<Self> {
        Self::try_open(path, requested, is_read, sync_every)
            .with_context(|| format!("{} cannot be used", path.display()))
    }

    fn try_open(
        path: &Path,
        requested: Requested,
        is_read: bool,
        sync_every: usize,
    ) -> anyhow::Result<Self> {
        let head = Head::new(requested);
        let mut known = HashMap::new();
        let mut n_lines = 0;
        let each = |text: &[u8]| {
            n_lines += 1;
            if let Ok(Line { id, answered }) = serde_json::from_slice(text) {
                known.extend(image_id::from_hex(&id).map(|id| (id, answered)));
            }
        };
        let mut lines = Lines::open(path, &head, is_read, each)?;
        if n_lines > 2 * known.len() + 1000 {
            lines.rewrite(known.iter().map(|(id, answered)| Line::new(id, answered)))?;
        }
        Ok(Self {
            lines,
            known,
            waiting: Vec::new(),
            n_waiting: 0,
            sync_every,
        })
    }

    /// What is known of an image, if that was read.
    pub(super) fn get(&self, id: &Id) -> Option<&Answered> {
        self.known.get(id)
    }

    /// Takes note of what the vector of an image was made of. It is written when that vector is safe in the
    /// `journal`: a picture must never be taken for encoded because a power failure has cost its vector alone.
    pub(super) fn note(
        &mut self,
        id: &Id,
        answered: &Answered,
        journal: &mut Journal,
    ) -> std::io::Result<()> {
        self.waiting.extend(lines::line(&Line::new(id, answered))?);
        self.n_waiting += 1;
        match self.n_waiting >= self.sync_every {
            true => self.write(journal),
            false => Ok(()),
        }
    }

    /// Takes note, at once, of what the vector that an image has was made of.
    pub(super) fn note_now(&mut self, id: &Id, answered: &Answered) -> std::io::Result<()> {
        (self.lines).append(&lines::line(&Line::new(id, answered))?)?;
        self.lines.sync()
    }

    /// Writes what waits.
    pub(super) fn write(&mut self, journal: &mut Journal) -> std::io::Result<()> {
        if self.n_waiting == 0 {
            return Ok(());
        }
        journal.sync()?;
        self.lines.append(&self.waiting)?;
        self.waiting.clear();
        self.n_waiting = 0;
        Ok(())
    }
}

impl Line {
    fn new(id: &Id, answered: &Answered) -> Self {
        Self {
            id: image_id::hex(id),
            answered: answered.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Key;
    use super::*;
    use std::fs;

    fn answered(n: u8) -> Answered {
        let validators = Validators {
            etag: Some(format!("\"{n}\"")),
            modified: None,
        };
        Answered {
            sum: Sum::of(&[n]),
            picture: n.is_multiple_of(2).then(|| Taken {
                url: format!("http://images.test/{n}"),
                validators: validators.clone(),
            }),
            info: n.is_multiple_of(3).then(|| Described {
                sum: Sum::of(&[n, n]),
                validators,
            }),
        }
    }

    fn open(path: &Path) -> Answers {
        Answers::open(path, Requested::Width(640), true, 1).unwrap()
    }

    fn journal(dir: &Path) -> Journal {
        let key = Key {
            model: [7; 20],
            width: 2,
            requested: Requested::Width(640),
        };
        Journal::open(&dir.join("journal"), key, 1).unwrap()
    }

    /// The ids among 0..10 of which is known what there is to know.
    fn known(answers: &Answers) -> Vec<u8> {
        let knows = |n: &u8| answers.get(&[*n; 20]) == Some(&answered(*n));
        (0..10).filter(knows).collect()
    }

    #[test]
    fn a_cut_file_keeps_its_whole_lines_and_can_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers");
        let mut journal = journal(dir.path());
        let mut answers = open(&path);
        for n in 0..3 {
            answers.note(&[n; 20], &answered(n), &mut journal).unwrap();
        }
        let whole = fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let n_lines = whole[..length].iter().filter(|b| **b == b'\n').count();
            let expected: Vec<u8> = [0, 1, 2][..n_lines.saturating_sub(1)].to_vec();
            let mut answers = open(&path);
            assert_eq!(known(&answers), expected, "{length} bytes");
            answers.note_now(&[9; 20], &answered(9)).unwrap();
            assert_eq!(known(&open(&path)), [expected, vec![9]].concat());
        }
        let other = Answers::open(&path, Requested::Width(320), true, 1).unwrap();
        assert_eq!(known(&other), [] as [u8; 0]);
    }

    #[test]
    fn outdated_lines_are_left_out_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers");
        let mut journal = journal(dir.path());
        let mut answers = open(&path);
        for _ in 0..600 {
            for n in 0..2 {
                answers.note(&[n; 20], &answered(n), &mut journal).unwrap();
            }
        }
        let length = fs::metadata(&path).unwrap().len();
        let mut answers = open(&path);
        assert!(fs::metadata(&path).unwrap().len() < length / 100);
        answers.note_now(&[4; 20], &answered(4)).unwrap();
        assert_eq!(known(&open(&path)), [0, 1, 4]);
    }

    #[test]
    fn lines_wait_for_their_vectors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("answers");
        let mut journal = journal(dir.path());
        let mut answers = Answers::open(&path, Requested::Width(640), true, 3).unwrap();
        for n in 0..4 {
            answers.note(&[n; 20], &answered(n), &mut journal).unwrap();
        }
        assert_eq!(known(&open(&path)), [0, 1, 2]);
        answers.write(&mut journal).unwrap();
        assert_eq!(known(&open(&path)), [0, 1, 2, 3]);
    }

    #[test]
    fn values_that_cannot_be_sent_are_not() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, "\"1\"".parse().unwrap());
        let long = "x".repeat(MAX_VALUE_CHARS + 1);
        headers.insert(LAST_MODIFIED, long.parse().unwrap());
        let validators = Validators::of(&headers);
        assert_eq!(validators.modified, None);
        let mut conditions = HeaderMap::new();
        validators.add_conditions(&mut conditions);
        assert_eq!(conditions[IF_NONE_MATCH], "\"1\"");
        let damaged = Validators {
            etag: Some("a\nb".to_owned()),
            modified: None,
        };
        let mut conditions = HeaderMap::new();
        damaged.add_conditions(&mut conditions);
        assert!(conditions.is_empty());
    }
}

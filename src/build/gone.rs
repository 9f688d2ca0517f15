//! Images that their servers did not have (404, 410), so that they are asked for in some builds only.
//!
//! `features/gone.jsonl` has a line for each such answer, with the number of the build, and one for each build that
//! came to its end. An interrupted build and the one that goes on are one build. The file can be deleted at any time;
//! the next build then asks for all images.

use super::journal::Id;
use super::lines::{self, Lines, line};
use crate::image_id;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is known of absent images.
#[derive(Debug)]
pub(super) struct Gone {
    lines: Lines,
    known: HashMap<Id, Absence>,
    /// Of this build.
    number: u32,
    /// They are asked for once in so many builds.
    every: u32,
    pub(super) n_passed: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Absence {
    reason: String,
    /// The number of the build that was told.
    build: u32,
}

impl Absence {
    fn line(&self, id: &Id) -> Line {
        Line {
            build: self.build,
            id: Some(image_id::hex(id)),
            reason: Some(self.reason.clone()),
        }
    }
}

/// What the file begins with.
#[derive(Serialize)]
struct Head {
    gone: u32,
}

const HEAD: Head = Head { gone: 1 };

/// What the lines of a file say.
#[derive(Default)]
struct Read {
    known: HashMap<Id, Absence>,
    /// The number of the last build that came to its end.
    last: u32,
}

impl Read {
    fn add(&mut self, text: &[u8]) {
        match serde_json::from_slice(text) {
            Ok(Line {
                build, id: None, ..
            }) => self.last = build,
            Ok(Line {
                build,
                id: Some(id),
                reason,
            }) => {
                if let Some(id) = image_id::from_hex(&id) {
                    self.known.remove(&id);
                    (self.known).extend(reason.map(|reason| (id, Absence { reason, build })));
                }
            }
            Err(_) => {}
        }
    }
}

/// Writes what the files at `paths` know as one file, as if all had been built as often as that which was built most
/// often: each image is asked for again when it would have been.
pub(super) fn merge(paths: &[PathBuf], out: &mut impl Write) -> std::io::Result<()> {
    let mut reads = Vec::with_capacity(paths.len());
    for path in paths {
        let mut read = Read::default();
        lines::read(path, &HEAD, |text| {
            read.add(text);
            Ok(())
        })?;
        reads.push(read);
    }
    let last = reads.iter().map(|read| read.last).max().unwrap_or_default();
    out.write_all(&line(&HEAD)?)?;
    for read in &reads {
        let mut known: Vec<(&Id, &Absence)> = read.known.iter().collect();
        known.sort_by_key(|(id, _)| **id);
        for (id, absence) in known {
            let moved = Absence {
                build: (absence.build).saturating_add(last - read.last),
                reason: absence.reason.clone(),
            };
            out.write_all(&line(&moved.line(id))?)?;
        }
    }
    match last {
        0 => Ok(()),
        last => out.write_all(&line(&Line::end(last))?),
    }
}

/// An image that is not there, or is again where there is no reason; or a build that came to its end, where there is
/// no image.
#[derive(Serialize, Deserialize)]
struct Line {
    build: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Line {
    fn end(build: u32) -> Self {
        Self {
            build,
            id: None,
            reason: None,
        }
    }
}

impl Gone {
    /// Opens or creates the file at `path`.
    pub(super) fn open(path: &Path, every: u32) -> anyhow::Result<Self> {
        Self::try_open(path, every).with_context(|| format!("{} cannot be used", path.display()))
    }

    fn try_open(path: &Path, every: u32) -> anyhow::Result<Self> {
        let mut read = Read::default();
        let mut n_lines = 0;
        let each = |text: &[u8]| {
            n_lines += 1;
            read.add(text);
        };
        let mut lines = Lines::open(path, &HEAD, true, each)?;
        if n_lines > 2 * read.known.len() + 1000 {
            let absent = read.known.iter().map(|(id, absence)| absence.line(id));
            lines.rewrite(absent.chain([Line::end(read.last)]))?;
        }
        Ok(Self {
            lines,
            known: read.known,
            number: read.last.saturating_add(1),
            every,
            n_passed: 0,
        })
    }

    /// Why an image that is passed over in this build has not come. It is told as it was then: the files of a build
    /// that was not interrupted are the same.
    pub(super) fn pass_over(&mut self, id: &Id) -> Option<String> {
        let absence = self.known.get(id)?;
        let n_builds = self.number.saturating_sub(absence.build);
        // 0: this build, which was interrupted.
        if n_builds == 0 || n_builds >= self.every {
            return None;
        }
        self.n_passed += 1;
        Some(absence.reason.clone())
    }

    /// In how many builds they are asked for once.
    pub(super) fn every(&self) -> u32 {
        self.every
    }

    /// The server does not have an image.
    pub(super) fn note(&mut self, id: Id, reason: &str) -> std::io::Result<()> {
        let absence = Absence {
            reason: reason.to_owned(),
            build: self.number,
        };
        self.known.insert(id, absence);
        self.append(Some(&id), Some(reason.to_owned()))
    }

    /// The server has an image.
    pub(super) fn forget(&mut self, id: &Id) -> std::io::Result<()> {
        match self.known.remove(id) {
            Some(_) => self.append(Some(id), None),
            None => Ok(()),
        }
    }

    /// The build has come to its end.
    pub(super) fn end_build(&mut self) -> std::io::Result<()> {
        self.append(None, None)?;
        self.lines.sync()
    }

    fn append(&mut self, id: Option<&Id>, reason: Option<String>) -> std::io::Result<()> {
        self.lines.append(&line(&Line {
            build: self.number,
            id: id.map(|id| image_id::hex(id)),
            reason,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the builds say of an image that is never there, `None` if it is asked for.
    fn builds(path: &Path, every: u32, n_builds: u32) -> Vec<Option<String>> {
        (0..n_builds)
            .map(|_| {
                let mut gone = Gone::open(path, every).unwrap();
                let passed = gone.pass_over(&[1; 20]);
                if passed.is_none() {
                    gone.note([1; 20], "404").unwrap();
                }
                assert_eq!(gone.n_passed, usize::from(passed.is_some()));
                gone.end_build().unwrap();
                passed
            })
            .collect()
    }

    #[test]
    fn an_absent_image_is_asked_for_in_every_nth_build() {
        let dir = tempfile::tempdir().unwrap();
        let (asked, passed) = (None, Some("404".to_owned()));
        let path = dir.path().join("gone");
        assert_eq!(
            builds(&path, 3, 7),
            [&asked, &passed, &passed, &asked, &passed, &passed, &asked].map(Option::clone)
        );
        for every in [0, 1] {
            assert_eq!(builds(&path, every, 3), vec![None::<String>; 3]);
        }
        let mut gone = Gone::open(&path, 3).unwrap();
        assert_eq!(gone.pass_over(&[2; 20]), None);
        gone.forget(&[1; 20]).unwrap();
        gone.end_build().unwrap();
        assert_eq!(Gone::open(&path, 3).unwrap().pass_over(&[1; 20]), None);
    }

    #[test]
    fn an_interrupted_build_and_the_next_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gone");
        for _ in 0..3 {
            let mut gone = Gone::open(&path, 5).unwrap();
            assert_eq!(gone.pass_over(&[1; 20]), None);
            gone.note([1; 20], "410").unwrap();
        }
        Gone::open(&path, 5).unwrap().end_build().unwrap();
        assert_eq!(
            Gone::open(&path, 5).unwrap().pass_over(&[1; 20]),
            Some("410".to_owned())
        );
    }
}

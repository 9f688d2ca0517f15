//! Documents as they were last read, so that those which have not changed are not asked for again, and those that
//! cannot be had are not lost.
//!
//! The folder can be deleted at any time; the next build then reads all documents anew.

use super::super::files;
use crate::harvest::discovery::known::Known;
use crate::image_id::{image_id, text_digest};
use anyhow::Context;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The documents of a stream, and of the collections in it.
#[derive(Debug)]
pub(in crate::build) struct Shelf {
    folder: PathBuf,
    known: Known,
    /// Names of the files that were read or written.
    used: Mutex<HashSet<String>>,
}

/// A document that was read.
#[derive(Debug)]
pub(in crate::build) struct Kept {
    /// The word that its stream had for it then.
    pub(in crate::build) version: String,
    pub(in crate::build) bytes: Vec<u8>,
}

/// A document that its stream or a newer version has done away with.
#[derive(Debug)]
pub(in crate::build) struct Outdated {
    pub(in crate::build) url: String,
    /// The collection that led to it.
    pub(in crate::build) parent: Option<String>,
    pub(in crate::build) bytes: Vec<u8>,
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Head {
    url: String,
    version: String,
    parent: Option<String>,
}

/// Longest first line.
const MAX_HEAD_BYTES: u64 = 1 << 16;

impl Shelf {
    /// The documents in `folder`, of which the stream says what is `known`.
    pub(super) fn new(folder: PathBuf, known: Known) -> Self {
        Self {
            folder,
            known,
            used: Mutex::default(),
        }
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The word that the stream has for the document at `url`, if it names it.
    pub(in crate::build) fn version(&self, url: &str) -> Option<&str> {
        self.known.documents.get(url).map(String::as_str)
    }

    /// Whether the stream says that there is no document at `url` any more.
    pub(in crate::build) fn is_gone(&self, url: &str) -> bool {
        self.known.gone.contains(url)
    }

    /// The document at `url` as it was read, in this version if one is given. What is damaged is not there.
    pub(in crate::build) fn get(
        &self,
        url: &str,
        version: Option<&str>,
        limit_bytes: usize,
    ) -> Option<Kept> {
        let name = file_name(url);
        let (head, content) = open(&self.folder.join(&name))?;
        if head.url != url || version.is_some_and(|version| head.version != version) {
            return None;
        }
        let bytes = read(content, limit_bytes)?;
        self.use_file(name);
        Some(Kept {
            version: head.version,
            bytes,
        })
    }

    /// Keeps the document at `url`, to which the collection `parent` has led. Of another version is kept what it
    /// said, until [`Self::clear`].
    pub(in crate::build) fn put(
        &self,
        url: &str,
        parent: Option<&str>,
        kept: &Kept,
    ) -> anyhow::Result<()> {
        let name = file_name(url);
        let path = self.folder.join(&name);
        if let Some((head, _)) = open(&path) {
            let old = format!("{}-{}{OLD}", image_id(url), text_digest(&head.version));
            let old = self.folder.join(old);
            // The file itself stays where it is, in case that no other comes.
            if !old.exists() {
                fs::hard_link(&path, &old)
                    .or_else(|_| fs::copy(&path, &old).map(|_| ()))
                    .with_context(|| format!("{} cannot be written", old.display()))?;
            }
        }
        let head = Head {
            url: url.to_owned(),
            version: kept.version.clone(),
            parent: parent.map(str::to_owned),
        };
        files::replace(&path, |file| {
            let mut content = GzEncoder::new(file, Compression::fast());
            serde_json::to_writer(&mut content, &head)?;
            content.write_all(b"\n")?;
            content.write_all(&kept.bytes)?;
            content.finish()?;
            anyhow::Ok(())
        })?;
        self.use_file(name);
        Ok(())
    }

    /// What was done away with since the last [`Self::clear`]: old versions, and documents that were not used.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(in crate::build) fn outdated(
        &self,
        limit_bytes: usize,
    ) -> anyhow::Result<impl Iterator<Item = Outdated>> {
        let paths = self.unused()?.into_iter();
        Ok(paths.filter_map(move |path| {
            let (head, content) = open(&path)?;
            Some(Outdated {
                url: head.url,
                parent: head.parent,
                bytes: read(content, limit_bytes)?,
            })
        }))
    }

    /// Removes what was done away with, and halves of documents.
    pub(super) fn clear(&self) -> anyhow::Result<()> {
        for path in self.unused()? {
            files::remove(&path)?;
        }
        Ok(())
    }

    fn unused(&self) -> anyhow::Result<Vec<PathBuf>> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let unreadable = || format!("{} cannot be read", self.folder.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains(ENDING) && !used.contains(&name) {
                paths.push(entry.path());
            }
        }
        Ok(paths)
    }

    fn use_file(&self, name: String) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(name);
    }
}

const ENDING: &str = ".json.gz";
/// Of old versions.
const OLD: &str = ".old.json.gz";

/// The first line of the file at `path`, and what follows. What is damaged is not there.
fn open(path: &Path) -> Option<(Head, impl Read + use<>)> {
    let file = File::open(path).ok()?;
    let mut content = BufReader::new(GzDecoder::new(BufReader::new(file)));
    let mut head = Vec::new();
    let mut first = content.by_ref().take(MAX_HEAD_BYTES);
    first.read_until(b'\n', &mut head).ok()?;
    Some((serde_json::from_slice(&head).ok()?, content))
}

fn read(content: impl Read, limit_bytes: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit_bytes = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    content.take(limit_bytes).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn file_name(url: &str) -> String {
    image_id(url) + ENDING
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn shelf(folder: &Path) -> Shelf {
        Shelf::new(folder.to_owned(), Known::default())
    }

    fn kept(version: &str, text: &str) -> Kept {
        Kept {
            version: version.to_owned(),
            bytes: text.into(),
        }
    }

    #[test]
    fn documents_come_back_in_their_version() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path());
        let url = "https://example.org/m";
        assert!(shelf.get(url, None, LIMIT).is_none());
        for text in ["{\n1}", "{2}"] {
            shelf.put(url, None, &kept(text, text)).unwrap();
            for version in [None, Some(text)] {
                let found = shelf.get(url, version, LIMIT).unwrap();
                assert_eq!(
                    (found.version.as_str(), found.bytes.as_slice()),
                    (text, text.as_bytes())
                );
            }
            assert!(shelf.get(url, Some("other"), LIMIT).is_none());
        }
        assert!(shelf.get("https://example.org/n", None, LIMIT).is_none());
    }

    #[test]
    fn what_is_damaged_or_of_another_document_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path());
        let url = "https://example.org/m";
        shelf.put(url, None, &kept("1", "{}")).unwrap();
        let path = dir.path().join(file_name(url));
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(shelf.get(url, None, LIMIT).is_none(), "{length} bytes");
        }
        fs::write(dir.path().join(file_name("https://example.org/n")), &whole).unwrap();
        assert!(shelf.get("https://example.org/n", None, LIMIT).is_none());
    }

    #[test]
    fn what_is_not_used_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let first = shelf(dir.path());
        for name in ["a", "b", "c"] {
            first.put(name, None, &kept("1", "{}")).unwrap();
        }
        fs::write(dir.path().join("x.json.gz.part"), "").unwrap();
        fs::write(dir.path().join("stream.json"), "").unwrap();
        let second = shelf(dir.path());
        second.get("a", None, LIMIT).unwrap();
        second.put("b", Some("set"), &kept("2", "{}")).unwrap();
        let mut outdated: Vec<String> = (second.outdated(LIMIT).unwrap())
            .map(|outdated| outdated.url)
            .collect();
        outdated.sort();
        assert_eq!(outdated, ["b", "c"], "the first version of b, and c");
        second.clear().unwrap();
        assert!(first.get("a", None, LIMIT).is_some() && first.get("b", None, LIMIT).is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}

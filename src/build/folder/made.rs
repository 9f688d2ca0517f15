//! Of which file, as it was then, each vector of the journal was made.
//!
//! The file can be deleted at any time; the next build of a folder then encodes all images anew.

use super::super::journal::{Id, Journal};
use super::super::records::{Form, Records};
use super::SERVICE;
use crate::collection::sizes::{ImageSize, Measured};
use crate::iiif::stamp::Stamp;
use anyhow::Context;
use std::collections::HashMap;
use std::path::Path;

/// What the vector of an image was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MadeOf {
    pub(super) stamp: Stamp,
    /// Where the journal has the vector: another one, from another build or left after a power failure, is not
    /// what was made of the file.
    pub(super) place: u64,
    /// Of the picture.
    pub(super) size: ImageSize,
}

impl MadeOf {
    /// Whether the vector that `journal` has of the image is the one that is meant.
    pub(super) fn holds(&self, id: &Id, journal: &Journal) -> bool {
        journal.place(id) == Some(self.place)
    }
}

/// What is known by image id.
#[derive(Debug)]
pub(super) struct Made {
    records: Records,
    known: HashMap<Id, MadeOf>,
}

const MAGIC: &[u8; 8] = b"CLIPFIL1";
const CONTENT_BYTES: usize = size_of::<Id>() + 8 + 16 + 8 + 4 + 4;

impl Made {
    /// Opens or creates the file at `path`; damaged records are left out, and one about the vectors of another
    /// `model` is emptied, as the journal is.
    pub(super) fn open(path: &Path, model: [u8; 20], sync_every: usize) -> anyhow::Result<Self> {
        let mut known = HashMap::new();
        let records = Records::open(path, form(model), sync_every, |content, _| {
            // The latest word holds.
            known.extend(from_record(content));
        })
        .with_context(|| {
            format!(
                "what is known of the files, in {}, cannot be used",
                path.display()
            )
        })?;
        Ok(Self { records, known })
    }

    pub(super) fn get(&self, id: &Id) -> Option<MadeOf> {
        self.known.get(id).copied()
    }

    pub(super) fn note(&mut self, id: Id, of: MadeOf) -> std::io::Result<()> {
        self.known.insert(id, of);
        self.records.append(&record(id, of)).map(|_place| ())
    }

    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.records.sync()
    }
}

/// What the records are of vectors by this model.
pub(in super::super) fn form(model: [u8; 20]) -> Form {
    Form {
        header: [MAGIC.as_slice(), &model].concat(),
        salt: model.to_vec(),
        content_bytes: CONTENT_BYTES,
        emptied: "it is not known of which files the vectors were made; all are read anew",
    }
}

/// A record whose vector lies at another place of another journal; `None` if it lies at none.
pub(in super::super) fn moved(
    content: &[u8],
    place: impl FnOnce(u64) -> Option<u64>,
) -> Option<Vec<u8>> {
    let (id, of) = from_record(content)?;
    let place = place(of.place)?;
    Some(record(id, MadeOf { place, ..of }))
}

/// Id, size of the file, time of its last change, place in the journal, width and height of the picture.
fn record(id: Id, MadeOf { stamp, place, size }: MadeOf) -> Vec<u8> {
    let mut content = id.to_vec();
    content.extend(stamp.size_bytes.to_le_bytes());
    content.extend(stamp.modified_ns.to_le_bytes());
    content.extend(place.to_le_bytes());
    content.extend(size.width.get().to_le_bytes());
    content.extend(size.height.get().to_le_bytes());
    content
}

/// `None` if it is not what [`record`] writes.
fn from_record(content: &[u8]) -> Option<(Id, MadeOf)> {
    let (id, content) = content.split_first_chunk()?;
    let (size_bytes, content) = content.split_first_chunk()?;
    let (modified_ns, content) = content.split_first_chunk()?;
    let (place, content) = content.split_first_chunk()?;
    let (width, content) = content.split_first_chunk()?;
    let height = content.first_chunk()?;
    let [width, height] = [width, height].map(|px| u32::from_le_bytes(*px).into());
    let of = MadeOf {
        stamp: Stamp {
            size_bytes: u64::from_le_bytes(*size_bytes),
            modified_ns: i128::from_le_bytes(*modified_ns),
        },
        place: u64::from_le_bytes(*place),
        size: ImageSize::new(width, height, Measured::Info, Some(SERVICE))?,
    };
    Some((*id, of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_known_to_the_next_build() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("files.journal");
        let of = |n: u8| MadeOf {
            stamp: Stamp {
                size_bytes: u64::MAX - u64::from(n),
                // 1969 and after.
                modified_ns: i128::from(n) * 1_000_000_007 - 1_500_000_000,
            },
            place: 1 << (40 + n),
            size: ImageSize::new(4000 + u64::from(n), 3, Measured::Info, Some(SERVICE)).unwrap(),
        };
        let mut made = Made::open(&path, [1; 20], 2).unwrap();
        for n in 0..3 {
            made.note([n; 20], of(n)).unwrap();
        }
        made.note([0; 20], of(9)).unwrap();
        let made = Made::open(&path, [1; 20], 2).unwrap();
        let known = [0, 1, 2, 3].map(|n| made.get(&[n; 20]));
        assert_eq!(known, [Some(of(9)), Some(of(1)), Some(of(2)), None]);
        let other = Made::open(&path, [2; 20], 2).unwrap();
        assert_eq!(other.get(&[1; 20]), None, "of another model");
    }
}

//! What a build knows of the sizes of its images, kept as it comes, so that no server is asked twice.
//!
//! The file can be deleted at any time; the next build then asks for all sizes anew.

use super::journal::Id;
use super::records::{Form, Records};
use crate::collection::requested::Requested;
use crate::collection::sizes::{ApiVersion, ImageService, ImageSize, Measured, Profile};
use anyhow::Context;
use std::collections::HashMap;
use std::path::Path;

/// What is known of the size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) size: ImageSize,
    /// Whether there is no more to be had: from info.json, or the server has said that there is none. Where it
    /// was not asked, or did not answer, another build may ask again.
    pub(super) is_final: bool,
}

/// Known sizes by image id.
#[derive(Debug)]
pub(super) struct Sizes {
    records: Records,
    known: HashMap<Id, Known>,
}

const MAGIC: &[u8; 8] = b"CLIPSIZ1";
const CONTENT_BYTES: usize = size_of::<Id>() + 4 + 4 + 4;

impl Sizes {
    /// Opens or creates the file at `path`; damaged records are left out. Sizes of pictures depend on
    /// which are `requested`: a file of others is emptied.
    pub(super) fn open(
        path: &Path,
        requested: Requested,
        sync_every: usize,
    ) -> anyhow::Result<Self> {
        let form = form(requested);
        let mut known = HashMap::new();
        let records = Records::open(path, form, sync_every, |content, _| {
            // The latest word holds.
            known.extend(from_record(content));
        })
        .with_context(|| format!("the known sizes in {} cannot be used", path.display()))?;
        Ok(Self { records, known })
    }

    pub(super) fn get(&self, id: &Id) -> Option<Known> {
        self.known.get(id).copied()
    }

    /// Acts as if nothing were known of an image, until it is noted.
    pub(super) fn forget(&mut self, id: &Id) {
        self.known.remove(id);
    }

    /// Takes note of what is known of an image.
    pub(super) fn note(&mut self, id: Id, known: Known) -> std::io::Result<()> {
        if self.known.insert(id, known) == Some(known) {
            return Ok(());
        }
        self.records.append(&record(id, known)).map(|_place| ())
    }

    /// Makes all that is known survive a power failure.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.records.sync()
    }
}

/// What the records are where these pictures are requested.
pub(super) fn form(requested: Requested) -> Form {
    let requested = requested.number().to_le_bytes();
    Form {
        header: [MAGIC.as_slice(), &requested].concat(),
        salt: requested.to_vec(),
        content_bytes: CONTENT_BYTES,
        emptied: "the sizes that are known are those of another size of pictures or version of this program; all are asked for anew",
    }
}

/// Id, width, height, then a byte each for version, profile, what was measured, and whether that is final.
fn record(id: Id, Known { size, is_final }: Known) -> Vec<u8> {
    let profile = size.service.and_then(|service| service.profile);
    let mut content = id.to_vec();
    content.extend(size.width.get().to_le_bytes());
    content.extend(size.height.get().to_le_bytes());
    content.push(size.service.map_or(0, |service| service.version.number()));
    content.push(match profile {
        None => 0,
        Some(Profile::Level0) => 1,
        Some(Profile::Level1) => 2,
        Some(Profile::Level2) => 3,
    });
    content.push(match size.measured {
        Measured::Info => 0,
        Measured::Delivered => 1,
    });
    content.push(u8::from(is_final));
    content
}

/// `None` if it is not what [`record`] writes.
fn from_record(content: &[u8]) -> Option<(Id, Known)> {
    let (id, content) = content.split_first_chunk()?;
    let (width, content) = content.split_first_chunk()?;
    let (height, content) = content.split_first_chunk()?;
    let [version, profile, measured, is_final] = content else {
        return None;
    };
    let version = match version {
        0 => None,
        1 => Some(ApiVersion::V1),
        2 => Some(ApiVersion::V2),
        3 => Some(ApiVersion::V3),
        _ => return None,
    };
    let profile = match profile {
        0 => None,
        1 => Some(Profile::Level0),
        2 => Some(Profile::Level1),
        3 => Some(Profile::Level2),
        _ => return None,
    };
    let measured = match measured {
        0 => Measured::Info,
        1 => Measured::Delivered,
        _ => return None,
    };
    let size = ImageSize::new(
        u32::from_le_bytes(*width).into(),
        u32::from_le_bytes(*height).into(),
        measured,
        version.map(|version| ImageService { version, profile }),
    )?;
    let is_final = *is_final == 1;
    Some((*id, Known { size, is_final }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn known(width: u64, service: Option<ImageService>, is_final: bool) -> Known {
        let measured = match service {
            Some(_) => Measured::Info,
            None => Measured::Delivered,
        };
        Known {
            size: ImageSize::new(width, 3, measured, service).unwrap(),
            is_final,
        }
    }

    #[test]
    fn what_is_known_is_known_to_the_next_build() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sizes");
        let all: Vec<Known> = [
            None,
            Some((ApiVersion::V1, None)),
            Some((ApiVersion::V2, Some(Profile::Level0))),
            Some((ApiVersion::V3, Some(Profile::Level1))),
            Some((ApiVersion::V3, Some(Profile::Level2))),
        ]
        .into_iter()
        .zip(1..)
        .map(|(service, width)| {
            let service = service.map(|(version, profile)| ImageService { version, profile });
            known(width, service, width != 1)
        })
        .collect();
        let mut sizes = Sizes::open(&path, Requested::Width(640), 2).unwrap();
        for (n, known) in (0..).zip(&all) {
            sizes.note([n; 20], *known).unwrap();
        }
        let length = fs::metadata(&path).unwrap().len();
        sizes.note([0; 20], all[0]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), length, "no news");
        // The image of which least was known.
        let news = known(900, None, true);
        sizes.note([0; 20], news).unwrap();
        let sizes = Sizes::open(&path, Requested::Width(640), 2).unwrap();
        assert_eq!(sizes.get(&[0; 20]), Some(news));
        for (n, known) in (0..).zip(&all).skip(1) {
            assert_eq!(sizes.get(&[n; 20]), Some(*known));
        }
        let other = Sizes::open(&path, Requested::Width(320), 2).unwrap();
        assert_eq!(other.get(&[1; 20]), None);
    }
}

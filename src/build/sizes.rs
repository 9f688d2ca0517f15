//! What a build knows of the sizes of its images, kept as it comes, so that no server is asked twice.
//!
//! The file can be deleted at any time; the next build then asks for all sizes anew.

use super::files;
use super::journal::Id;
use super::records::{Form, Records};
use crate::collection::requested::Requested;
use crate::collection::sizes::{ApiVersion, ImageService, ImageSize, Largest, Measured, Profile};
use crate::iiif::tiles::Spelling;
use anyhow::Context;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU32;
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

const MAGIC: &[u8; 8] = b"CLIPSIZ2";
const CONTENT_BYTES: usize = OLD_CONTENT_BYTES + 4 + 4 + 1;

/// Of versions that did not know what servers give at most.
const OLD_MAGIC: &[u8; 8] = b"CLIPSIZ1";
const OLD_CONTENT_BYTES: usize = size_of::<Id>() + 4 + 4 + 4;

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
        if is_old(path, requested) {
            renew(path, requested)?;
        }
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
    form_of(MAGIC, CONTENT_BYTES, requested)
}

/// The same, in a file of an earlier version.
pub(super) fn old_form(requested: Requested) -> Form {
    form_of(OLD_MAGIC, OLD_CONTENT_BYTES, requested)
}

fn form_of(magic: &[u8], content_bytes: usize, requested: Requested) -> Form {
    let requested = requested.number().to_le_bytes();
    Form {
        header: [magic, &requested].concat(),
        salt: requested.to_vec(),
        content_bytes,
        emptied: "the sizes that are known are those of another size of pictures or version of this program; all are asked for anew",
    }
}

/// Whether the file at `path` is one of an earlier version.
pub(super) fn is_old(path: &Path, requested: Requested) -> bool {
    let header = old_form(requested).whole_header();
    let mut found = vec![0; header.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut found));
    read.is_ok() && found == header
}

/// Makes a file of an earlier version one of this.
fn renew(path: &Path, requested: Requested) -> anyhow::Result<()> {
    let form = form(requested);
    let old = File::open(path)?;
    files::replace(path, |renewed| {
        renewed.write_all(&form.whole_header())?;
        old_form(requested).read(&old, |content, _| {
            (renewed_record(content).iter())
                .try_for_each(|content| renewed.write_all(&form.record(content)))
        })?;
        anyhow::Ok(())
    })
}

/// The content of a record of an earlier version as this one writes it.
///
/// Of files in fixed sizes (level 0) it is not known which there are, so that they are asked for again; a service of
/// another level gives what links ask for, with few exceptions.
pub(super) fn renewed_record(content: &[u8]) -> Option<Vec<u8>> {
    let (id, mut known) = from_record(content)?;
    let profile = known.size.service.and_then(|service| service.profile);
    known.is_final &= profile != Some(Profile::Level0);
    Some(record(id, known))
}

/// Id, width, height, then a byte each for version, profile, what was measured, and whether that is final; then width
/// and height of the largest picture, or zeros, and a byte that says how it is asked for.
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
    let sides = (size.largest).map_or([0, 0], |largest| {
        [largest.width.get(), largest.height.get()]
    });
    content.extend(sides.into_iter().flat_map(u32::to_le_bytes));
    content.push(match size.largest.and_then(|largest| largest.file) {
        None => 0,
        Some(Spelling::Width) => 1,
        Some(Spelling::WidthAndHeight) => 2,
        Some(Spelling::FullWidth) => 3,
        Some(Spelling::FullWidthAndHeight) => 4,
    });
    content
}

/// `None` if it is not what [`record`] writes, or an earlier version, which ended after the first four bytes.
fn from_record(content: &[u8]) -> Option<(Id, Known)> {
    let (id, content) = content.split_first_chunk()?;
    let (width, content) = content.split_first_chunk()?;
    let (height, content) = content.split_first_chunk()?;
    let ([version, profile, measured, is_final], largest) = content.split_first_chunk()?;
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
    let size = match largest {
        [] => size,
        largest => size.with_largest(largest_from(largest)?),
    };
    let is_final = *is_final == 1;
    Some((*id, Known { size, is_final }))
}

/// `None` if it is not what [`record`] writes of it.
fn largest_from(content: &[u8]) -> Option<Option<Largest>> {
    let (width, content) = content.split_first_chunk()?;
    let (height, content) = content.split_first_chunk()?;
    let file = match content {
        [0] => None,
        [1] => Some(Spelling::Width),
        [2] => Some(Spelling::WidthAndHeight),
        [3] => Some(Spelling::FullWidth),
        [4] => Some(Spelling::FullWidthAndHeight),
        _ => return None,
    };
    let side = |bytes| NonZeroU32::new(u32::from_le_bytes(bytes));
    Some(match (side(*width), side(*height)) {
        (None, None) => None,
        (width, height) => Some(Largest {
            width: width?,
            height: height?,
            file,
        }),
    })
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
        let limited = [None]
            .into_iter()
            .chain(Spelling::ALL.map(Some))
            .map(|file| {
                let [width, height] = [70, 1].map(|px| NonZeroU32::new(px).unwrap());
                let largest = Largest {
                    width,
                    height,
                    file,
                };
                let mut known = all[4];
                known.size = known.size.with_largest(Some(largest));
                known
            });
        let all: Vec<Known> = all.iter().copied().chain(limited).collect();
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

    #[test]
    fn what_an_earlier_version_knew_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sizes");
        let service = |profile| {
            let version = ApiVersion::V2;
            Some(ImageService { version, profile })
        };
        let level2 = known(4, service(Some(Profile::Level2)), true);
        let level0 = known(5, service(Some(Profile::Level0)), true);
        let form = old_form(Requested::Width(640));
        let mut file = form.whole_header();
        for (n, known) in [(1, level2), (2, level0), (1, level2)] {
            file.extend(form.record(&record([n; 20], known)[..OLD_CONTENT_BYTES]));
        }
        // A record that a killed build did not finish.
        for end in [0, 7] {
            fs::write(&path, [file.as_slice(), &file[..end]].concat()).unwrap();
            for _ in 0..2 {
                let sizes = Sizes::open(&path, Requested::Width(640), 2).unwrap();
                assert_eq!(sizes.get(&[1; 20]), Some(level2));
                let mut asked_again = level0;
                asked_again.is_final = false;
                assert_eq!(sizes.get(&[2; 20]), Some(asked_again));
            }
            assert!(fs::read(&path).unwrap().starts_with(MAGIC));
        }
        // No records, another size of pictures, no file.
        fs::write(&path, form.whole_header()).unwrap();
        assert!(is_old(&path, Requested::Width(640)));
        assert!(!is_old(&path, Requested::Width(320)));
        assert!(!is_old(&dir.path().join("none"), Requested::Width(640)));
    }
}

//! What tells that the files of a collection have been replaced.

use crate::data_dir::{
    FEATURES, FEATURES_IN_BYTES, FEATURES_IN_LISTS, IDENTITY, IMAGE_IDS, IMAGES, SIZES,
};
use crate::iiif::stamp;
use std::fs::{self, Metadata};
use std::path::Path;

/// Lengths, times and inodes of a collection's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp([Option<FileStamp>; 7]);

#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStamp {
    content: stamp::Stamp,
    inode: u64,
}

impl Stamp {
    /// That of the collection in `dir`; `None` where it is not whole, as it is while a build replaces it.
    #[must_use]
    pub fn of(dir: &Path) -> Option<Self> {
        let files = [
            FEATURES,
            IMAGE_IDS,
            IMAGES,
            IDENTITY,
            SIZES,
            FEATURES_IN_BYTES,
            FEATURES_IN_LISTS,
        ]
        .map(|name| {
            fs::metadata(dir.join(name))
                .ok()
                .as_ref()
                .map(FileStamp::of)
        });
        // What comes after the first three is not in the directories of earlier versions.
        (files[..3].iter().all(Option::is_some)).then_some(Self(files))
    }
}

impl FileStamp {
    fn of(file: &Metadata) -> Self {
        Self {
            content: stamp::Stamp::of(file),
            inode: inode(file),
        }
    }
}

#[cfg(unix)]
fn inode(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

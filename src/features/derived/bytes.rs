//! The bytes of the file: mapped, or in memory.

use crate::features::ChangedFile;
use crate::features::mapped::Mapped;
use crate::features::npy::FeaturesIn;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// All bytes of a file.
pub(in crate::features) enum Bytes {
    Mapped(Mapped),
    Read(Vec<u8>),
}

impl Bytes {
    /// Those of the file at `path`, if there is one.
    pub(in crate::features) fn open(path: &Path, place: FeaturesIn) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Elsewhere a file that is mapped cannot be replaced by another.
        if place == FeaturesIn::Mapped && cfg!(unix) {
            // What a map is not to be had of is read.
            if let Some(mapped) = Mapped::new(file.try_clone()?, path) {
                return Ok(Some(Self::Mapped(mapped)));
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(Self::Read(bytes)))
    }

    pub(in crate::features) fn all(&self) -> &[u8] {
        match self {
            Self::Mapped(file) => file.bytes(),
            Self::Read(bytes) => bytes,
        }
    }

    pub(in crate::features) fn check(&self) -> Result<(), ChangedFile> {
        match self {
            Self::Mapped(file) => file.check(),
            Self::Read(_) => Ok(()),
        }
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mapped(_) => "mapped",
            Self::Read(_) => "in memory",
        })
    }
}

//! Files that are made of `features.npy` and lie beside it: what they begin and end with.
//!
//! # Format
//! Little-endian.
//! - 8 bytes that say which kind of file it is; numbers of 8 bytes each, of which the first two are n and d.
//! - 64 bytes: the checksum of the `features.npy` that it was made of, in hex.
//! - What the kind of file is about.
//! - 64 bytes: the checksum of all of this, in hex.

mod bytes;

use super::npy::{FeaturesIn, SumOf};
use super::sum::{Sum, Summing, SummingWriter};
use super::{ChangedFile, Features};
pub(super) use bytes::Bytes;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Hex digits of a checksum.
const SUM_BYTES: usize = 64;

/// What a kind of file begins with.
pub(super) type Magic = [u8; 8];

/// A file of which it is known that it was made of the features.
pub(super) struct Derived<const NUMBERS: usize> {
    pub(super) bytes: Arc<Bytes>,
    /// Those of the header.
    pub(super) numbers: [u64; NUMBERS],
    path: PathBuf,
}

/// Why a file beside the features is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DerivedError {
    /// The system does not let us read it.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It was made of other features.
    #[error("{0} was made of another features.npy")]
    Stale(PathBuf),
    /// It is not what is written there.
    #[error("{path} is damaged ({reason})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// It was written to or cut off while it was read.
    #[error(transparent)]
    Changed(#[from] ChangedFile),
}

impl<const NUMBERS: usize> Derived<NUMBERS> {
    /// Opens the file at `path`, which must be of the `features` with the checksum `features_sum`; `None` if there is no
    /// such file.
    pub(super) fn open(
        path: &Path,
        magic: &Magic,
        features: &Features,
        features_sum: &Sum,
        place: FeaturesIn,
    ) -> Result<Option<Self>, DerivedError> {
        let Some(bytes) = Bytes::open(path, place).map_err(|source| DerivedError::Read {
            path: path.to_owned(),
            source,
        })?
        else {
            return Ok(None);
        };
        let mut opened = Self {
            bytes: Arc::new(bytes),
            numbers: [0; NUMBERS],
            path: path.to_owned(),
        };
        let header = (opened.bytes.all().get(..Self::HEADER_BYTES))
            .filter(|header| header.starts_with(magic))
            .ok_or_else(|| opened.damaged("it does not begin as such a file does"))?;
        let (numbers, sum) = header[magic.len()..].split_at(NUMBERS * 8);
        if sum != features_sum.to_string().as_bytes() {
            return Err(DerivedError::Stale(opened.path));
        }
        let mut read = [0; NUMBERS];
        for (read, number) in read.iter_mut().zip(numbers.as_chunks::<8>().0) {
            *read = u64::from_le_bytes(*number);
        }
        opened.numbers = read;
        if read[..2] != [features.len() as u64, features.width() as u64] {
            return Err(opened.damaged("it has not as many numbers as its features"));
        }
        Ok(Some(opened))
    }

    /// Bytes before what the file is about.
    pub(super) const HEADER_BYTES: usize = size_of::<Magic>() + NUMBERS * 8 + SUM_BYTES;

    /// Whether so many bytes lie between the header and the checksum, if the file can have as many; and whether that is
    /// right, if `sum_of` includes it.
    pub(super) fn check(
        &self,
        content_bytes: Option<usize>,
        sum_of: SumOf,
    ) -> Result<(), DerivedError> {
        let all = self.bytes.all();
        let others = Self::HEADER_BYTES + SUM_BYTES;
        if content_bytes.and_then(|n| n.checked_add(others)) != Some(all.len()) {
            return Err(self.damaged("it is cut off, or longer than it says"));
        }
        if sum_of.includes(all.len() as u64) {
            let (content, sum) = all.split_at(all.len() - SUM_BYTES);
            let mut summing = Summing::default();
            summing.update(content);
            if summing.finish().to_string().as_bytes() != sum {
                return Err(self.damaged("its checksum is another"));
            }
        }
        Ok(())
    }

    /// That this is wrong with it.
    pub(super) fn damaged(&self, reason: &'static str) -> DerivedError {
        DerivedError::Damaged {
            path: self.path.clone(),
            reason,
        }
    }
}

/// Writes a file of `features`, whose own file has the checksum `features_sum`: n, d and the `numbers`, then what
/// `content` writes.
///
/// # Errors
/// Those of `out` and `content`, and if the features were changed while they were read.
pub(super) fn write<W: Write>(
    magic: &Magic,
    features: &Features,
    numbers: &[u64],
    features_sum: &Sum,
    out: &mut W,
    content: impl FnOnce(&mut SummingWriter<'_, &mut W>) -> io::Result<()>,
) -> io::Result<()> {
    let mut summing = Summing::default();
    let mut summed = SummingWriter(&mut *out, &mut summing);
    summed.write_all(magic)?;
    for number in [features.len() as u64, features.width() as u64]
        .iter()
        .chain(numbers)
    {
        summed.write_all(&number.to_le_bytes())?;
    }
    summed.write_all(features_sum.to_string().as_bytes())?;
    content(&mut summed)?;
    features.check().map_err(io::Error::other)?;
    out.write_all(summing.finish().to_string().as_bytes())
}

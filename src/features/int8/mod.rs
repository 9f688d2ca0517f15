//! `features.i8`: the features once more, in a byte for each number.
//!
//! It answers nothing by itself. A search that looks at it first reads half the bytes of a file in half precision, and
//! learns for certain which images cannot belong into the answer: each row comes with how far its bytes are from it. The
//! others are scored from `features.npy`, as always.
//!
//! # Format
//! Little-endian; d is the width, n the number of images.
//! - 8 bytes: `CLIPINT1`; 8 bytes each: n, d.
//! - 64 bytes: the checksum of the `features.npy` that it was made of, in hex.
//! - `f32[d]`: the centre, the mean of the rows, which is taken from each before it is rounded.
//! - `i8[n, d]`: the bytes, row by row.
//! - `f32[n]`: by row, what a byte stands for; `f32[n]`: by row, the length of what the bytes leave out.
//! - 64 bytes: the checksum of all of this, in hex.

mod bytes;
pub(crate) mod quantise;
mod write;

use super::npy::{FeaturesIn, SumOf};
use super::sum::{Sum, Summing};
use super::{ChangedFile, Features};
use bytes::Bytes;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use write::write;

/// What the file begins with.
pub(super) const MAGIC: &[u8; 8] = b"CLIPINT1";

/// Bytes before the centre: the magic, n, d, and the checksum of the features.
const HEADER_BYTES: usize = 8 + 8 + 8 + SUM_BYTES;

/// Hex digits of a checksum.
const SUM_BYTES: usize = 64;

/// The features of a collection in a byte for each number; cheap to clone.
#[derive(Debug, Clone)]
pub struct Int8(Arc<File>);

#[derive(Debug)]
struct File {
    bytes: Bytes,
    n: usize,
    width: usize,
    centre: Vec<f32>,
}

/// Why `features.i8` is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Int8Error {
    /// The system does not let us read it.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
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

impl Int8 {
    /// Opens the file at `path`, which must be of the `features` with the checksum `features_sum`; `None` if there is no
    /// such file. Its own checksum is computed if `sum_of` includes it.
    ///
    /// # Errors
    /// [`Int8Error`] if it cannot be used.
    pub fn open(
        path: &Path,
        features: &Features,
        features_sum: &Sum,
        sum_of: SumOf,
        features_in: FeaturesIn,
    ) -> Result<Option<Self>, Int8Error> {
        let Some(bytes) = Bytes::open(path, features_in).map_err(|source| Int8Error::Read {
            path: path.to_owned(),
            source,
        })?
        else {
            return Ok(None);
        };
        let damaged = |reason| Int8Error::Damaged {
            path: path.to_owned(),
            reason,
        };
        let all = bytes.all();
        let header = (all.get(..HEADER_BYTES))
            .filter(|header| header.starts_with(MAGIC))
            .ok_or_else(|| damaged("it does not begin as such a file does"))?;
        let (numbers, sum) = header[MAGIC.len()..].split_at(16);
        if sum != features_sum.to_string().as_bytes() {
            return Err(Int8Error::Stale(path.to_owned()));
        }
        let (n, width) = (features.len(), features.width());
        let promised: Vec<u64> = (numbers.as_chunks::<8>().0.iter())
            .map(|number| u64::from_le_bytes(*number))
            .collect();
        if promised != [n as u64, width as u64] {
            return Err(damaged("it has not as many numbers as its features"));
        }
        if Some(all.len()) != file_bytes(n, width) {
            return Err(damaged("it is cut off, or longer than it says"));
        }
        if sum_of.includes(all.len() as u64) {
            let (content, sum) = all.split_at(all.len() - SUM_BYTES);
            let mut summing = Summing::default();
            summing.update(content);
            if summing.finish().to_string().as_bytes() != sum {
                return Err(damaged("its checksum is another"));
            }
        }
        let centre = (0..width).map(|column| number(all, HEADER_BYTES, column));
        let centre: Vec<f32> = centre.collect();
        bytes.check()?;
        if !centre.iter().all(|x| x.is_finite()) {
            return Err(damaged("its centre is no vector"));
        }
        Ok(Some(Self(Arc::new(File {
            bytes,
            n,
            width,
            centre,
        }))))
    }

    /// What all rows were moved by before they were rounded, `[d]`.
    pub(crate) fn centre(&self) -> &[f32] {
        &self.0.centre
    }

    /// The bytes of `rows`, `[rows.len(), d]`.
    pub(crate) fn codes(&self, rows: Range<usize>) -> &[i8] {
        let (start, width) = (self.codes_start(), self.0.width);
        bytemuck::cast_slice(
            &self.0.bytes.all()[start + rows.start * width..start + rows.end * width],
        )
    }

    /// What a byte of `row` stands for, and the length of what the bytes leave out.
    #[inline(always)]
    pub(crate) fn scale_and_rest(&self, row: usize) -> (f32, f32) {
        let (all, n) = (self.0.bytes.all(), self.0.n);
        let scales = self.codes_start() + n * self.0.width;
        (number(all, scales, row), number(all, scales, n + row))
    }

    fn codes_start(&self) -> usize {
        HEADER_BYTES + self.0.width * 4
    }

    /// Whether what was read so far is what was there when it was opened.
    ///
    /// # Errors
    /// [`ChangedFile`] if the file was written to since, and ever after.
    pub(crate) fn check(&self) -> Result<(), ChangedFile> {
        self.0.bytes.check()
    }
}

/// The length of a file of `n` rows, if one can be as long.
fn file_bytes(n: usize, width: usize) -> Option<usize> {
    let codes = n.checked_mul(width)?;
    let others = width.checked_mul(4)?.checked_add(n.checked_mul(8)?)?;
    codes
        .checked_add(others)?
        .checked_add(HEADER_BYTES + SUM_BYTES)
}

/// The `nth` of the numbers that begin at `start`.
#[inline(always)]
fn number(all: &[u8], start: usize, nth: usize) -> f32 {
    let at = start + nth * 4;
    all[at..]
        .first_chunk()
        .map_or(f32::NAN, |bytes| f32::from_le_bytes(*bytes))
}

/// The features in bytes, as they are read from a file at `path`: for tests of what searches with them.
#[cfg(test)]
pub(crate) fn made_at(path: &Path, features: &Features) -> Int8 {
    let sum = Sum::of(b"features.npy");
    let mut bytes = Vec::new();
    write(features, &sum, &mut bytes).expect("memory can be written");
    std::fs::write(path, bytes).expect("there is room");
    let opened = Int8::open(path, features, &sum, SumOf::All, FeaturesIn::Mapped);
    opened.expect("it was just written").expect("it is there")
}

/// As [`made_at`], with a file that is gone again.
#[cfg(test)]
pub(crate) fn made(features: &Features) -> Int8 {
    let dir = tempfile::tempdir().expect("a folder for tests");
    made_at(&dir.path().join("features.i8"), features)
}

#[cfg(test)]
mod tests;

//! `features.i8`: the features once more, in a byte for each number.
//!
//! It answers nothing by itself. A search that looks at it first reads half the bytes of a file in half precision, and
//! learns for certain which images cannot belong into the answer: each row comes with how far its bytes are from it. The
//! others are scored from `features.npy`, as always.
//!
//! # Format
//! As that of all [derived](super::derived) files, with `CLIPINT1`, n and d; then
//! - `f32[d]`: the centre, the mean of the rows, which is taken from each before it is rounded.
//! - `i8[n, d]`: the bytes, row by row.
//! - `f32[n]`: by row, what a byte stands for; `f32[n]`: by row, the length of what the bytes leave out.

pub(crate) mod quantise;
mod write;

use super::derived::{Bytes, Derived, DerivedError, Magic};
use super::npy::{FeaturesIn, SumOf};
use super::sum::Sum;
use super::{ChangedFile, Features};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
pub use write::write;

/// What the file begins with.
const MAGIC: &Magic = b"CLIPINT1";

/// The features of a collection in a byte for each number; cheap to clone.
#[derive(Debug, Clone)]
pub struct Int8(Arc<Codes>);

#[derive(Debug)]
struct Codes {
    bytes: Arc<Bytes>,
    /// Where the bytes of the first row begin.
    start: usize,
    n: usize,
    width: usize,
    centre: Vec<f32>,
}

impl Int8 {
    /// Opens the file at `path`, which must be of the `features` with the checksum `features_sum`; `None` if there is no
    /// such file. Its own checksum is computed if `sum_of` includes it.
    ///
    /// # Errors
    /// [`DerivedError`] if it cannot be used.
    pub fn open(
        path: &Path,
        features: &Features,
        features_sum: &Sum,
        sum_of: SumOf,
        features_in: FeaturesIn,
    ) -> Result<Option<Self>, DerivedError> {
        let Some(file) = Derived::<2>::open(path, MAGIC, features, features_sum, features_in)?
        else {
            return Ok(None);
        };
        let (n, width) = (features.len(), features.width());
        file.check(codes_bytes(n, width), sum_of)?;
        let start = Derived::<2>::HEADER_BYTES;
        let centre = (0..width).map(|column| number(file.bytes.all(), start, column));
        let centre: Vec<f32> = centre.collect();
        if !centre.iter().all(|x| x.is_finite()) {
            return Err(file.damaged("its centre is no vector"));
        }
        let codes = Self(Arc::new(Codes {
            centre,
            start: start + width * 4,
            bytes: file.bytes,
            n,
            width,
        }));
        codes.check()?;
        Ok(Some(codes))
    }

    /// What all rows were moved by before they were rounded, `[d]`.
    pub(crate) fn centre(&self) -> &[f32] {
        &self.0.centre
    }

    /// The bytes of `rows`, `[rows.len(), d]`.
    pub(crate) fn codes(&self, rows: Range<usize>) -> &[i8] {
        let (start, width) = (self.0.start, self.0.width);
        bytemuck::cast_slice(
            &self.0.bytes.all()[start + rows.start * width..start + rows.end * width],
        )
    }

    /// What a byte of `row` stands for, and the length of what the bytes leave out.
    #[inline(always)]
    pub(crate) fn scale_and_rest(&self, row: usize) -> (f32, f32) {
        let (all, n) = (self.0.bytes.all(), self.0.n);
        let scales = self.0.start + n * self.0.width;
        (number(all, scales, row), number(all, scales, n + row))
    }

    /// Whether what was read so far is what was there when it was opened.
    ///
    /// # Errors
    /// [`ChangedFile`] if the file was written to since, and ever after.
    pub(crate) fn check(&self) -> Result<(), ChangedFile> {
        self.0.bytes.check()
    }
}

/// The bytes of the centre and of `n` rows, if there can be as many.
fn codes_bytes(n: usize, width: usize) -> Option<usize> {
    let codes = n.checked_mul(width)?;
    let others = width.checked_mul(4)?.checked_add(n.checked_mul(8)?)?;
    codes.checked_add(others)
}

/// The `nth` of the numbers that begin at `start`.
#[inline(always)]
pub(super) fn number(all: &[u8], start: usize, nth: usize) -> f32 {
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

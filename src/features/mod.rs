//! Features: the embeddings of a collection's images as one matrix.

#[cfg(unix)]
mod cut;
pub mod derived;
pub mod int8;
pub mod ivf;
pub(crate) mod kernel;
mod mapped;
pub mod nearest;
mod norm;
pub mod npy;
mod numbers;
pub(crate) mod score;
pub mod sum;

use half::f16;
use half::slice::HalfFloatSliceExt;
use ndarray::Array2;
use numbers::Numbers;
use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// The embeddings of a collection, immutable; cheap to clone.
///
/// # Shapes
/// `[n, d]`, row-major, in the precision of the file that they are in; a row is brought to unit L2 norm when it is read.
#[derive(Debug, Clone)]
pub struct Features(Arc<Matrix>);

struct Matrix {
    numbers: Numbers,
    n: usize,
    width: usize,
    /// By row, what an estimate multiplies a dot product with: see [`norm::Norm::factor`].
    factors: Vec<f32>,
}

/// Rows as they stand in the file: of any norm.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'a> {
    /// Half precision.
    F16(&'a [f16]),
    /// Single precision.
    F32(&'a [f32]),
}

/// The file of the features was written to while it was in use, or cut off: what is read now is another build's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} was changed in place while it was in use; put the file in order, as a new file that takes its name, and start the service again",
    .0.display()
)]
pub struct ChangedFile(pub PathBuf);

impl Features {
    /// Takes a matrix whose rows are already of unit norm.
    #[must_use]
    pub fn from_unit_rows(matrix: Array2<f32>) -> Self {
        let (n, width) = matrix.dim();
        // Copied only if need be: the matrix is by far the largest thing in memory.
        let values = if matrix.is_standard_layout() {
            matrix.into_raw_vec_and_offset().0
        } else {
            matrix.iter().copied().collect()
        };
        let factors = match width {
            0 => vec![1.0; n],
            _ => (values.chunks_exact(width))
                .map(|row| norm::Norm::of(row).factor())
                .collect(),
        };
        Self::new(Numbers::Singles(values), n, width, factors)
    }

    fn new(numbers: Numbers, n: usize, width: usize, factors: Vec<f32>) -> Self {
        debug_assert_eq!(factors.len(), n, "one factor per row");
        Self(Arc::new(Matrix {
            numbers,
            n,
            width,
            factors,
        }))
    }

    /// Number of images, n.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.n
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of the embeddings, d.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// The embedding of image `row`, `[d]`, of unit norm.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn row(&self, row: usize) -> Cow<'_, [f32]> {
        if let Raw::F32(raw) = self.raw(row..row + 1)
            && norm::Norm::of(raw) == norm::Norm::Unit
        {
            return Cow::Borrowed(raw);
        }
        let mut components = vec![0.0; self.width()];
        self.read_row(row, &mut components);
        Cow::Owned(components)
    }

    /// Writes the embedding of image `row`, of unit norm, over `components`, `[d]`.
    #[inline(always)]
    pub(crate) fn read_row(&self, row: usize, components: &mut [f32]) {
        self.raw(row..row + 1).widen(components);
        norm::normalise(components);
    }

    /// Has memory fetch image `row`, which will be read soon.
    #[inline(always)]
    pub(crate) fn fetch(&self, row: usize) {
        kernel::fetch(match self.raw(row..row + 1) {
            Raw::F16(raw) => bytemuck::cast_slice(raw.reinterpret_cast()),
            Raw::F32(raw) => bytemuck::cast_slice(raw),
        });
    }

    /// Has memory fetch the factor of image `row`, which will be [asked for](Self::factors) soon.
    #[inline(always)]
    pub(crate) fn fetch_factor(&self, row: usize) {
        kernel::fetch(bytemuck::cast_slice(self.factors(row..row + 1)));
    }

    /// The rows in `rows` as they stand in the file, one after the other.
    pub(crate) fn raw(&self, rows: Range<usize>) -> Raw<'_> {
        let width = self.width();
        self.0.numbers.get(rows.start * width..rows.end * width)
    }

    /// What the dot product of a raw row and a vector is to be multiplied with, for each of `rows`.
    pub(crate) fn factors(&self, rows: Range<usize>) -> &[f32] {
        &self.0.factors[rows]
    }

    /// Whether what was read so far is what the collection was opened with.
    ///
    /// # Errors
    /// [`ChangedFile`] if the file was written to since, and ever after.
    pub fn check(&self) -> Result<(), ChangedFile> {
        self.0.numbers.check()
    }

    /// Bytes of memory that only this process has: not those of a mapped file.
    #[must_use]
    pub fn private_bytes(&self) -> usize {
        self.0.numbers.private_bytes() + self.0.factors.len() * size_of::<f32>()
    }

    /// `"f16"` or `"f32"`: the precision that is scanned.
    #[must_use]
    pub fn precision(&self) -> &'static str {
        match self.raw(0..0) {
            Raw::F16(_) => "f16",
            Raw::F32(_) => "f32",
        }
    }
}

impl Raw<'_> {
    /// Writes the numbers over `out`, which has as many.
    #[inline(always)]
    pub(crate) fn widen(self, out: &mut [f32]) {
        match self {
            Self::F16(raw) => kernel::widen(raw, out),
            Self::F32(raw) => out.copy_from_slice(raw),
        }
    }
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (f.debug_struct("Matrix"))
            .field("numbers", &self.numbers)
            .field("n", &self.n)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

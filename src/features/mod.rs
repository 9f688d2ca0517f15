//! Features: the embeddings of a collection's images as one matrix.

pub mod nearest;
pub mod npy;
pub mod ranking;
pub mod sum;

use ndarray::Array2;

/// The embeddings of a collection, immutable.
///
/// # Shapes
/// `[n, d]`, row-major `f32`, rows of unit L2 norm.
#[derive(Debug, Clone)]
pub struct Features {
    matrix: Array2<f32>,
}

impl Features {
    /// Takes a matrix whose rows are already of unit norm.
    #[must_use]
    pub fn from_unit_rows(matrix: Array2<f32>) -> Self {
        // Copied only if need be: the matrix is by far the largest thing in memory.
        let matrix = if matrix.is_standard_layout() {
            matrix
        } else {
            matrix.as_standard_layout().into_owned()
        };
        Self { matrix }
    }

    /// Number of images, n.
    #[must_use]
    pub fn len(&self) -> usize {
        self.matrix.nrows()
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of the embeddings, d.
    #[must_use]
    pub fn width(&self) -> usize {
        self.matrix.ncols()
    }

    /// The embedding of image `row`, `[d]`.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        self.matrix
            .row(row)
            .to_slice()
            .expect("from_unit_rows made the layout standard")
    }
}

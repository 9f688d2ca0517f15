//! A rotation in no particular direction: after it no component of a vector says more than the others.

use crate::features::kernel::{quick_dot, with_all_the_processor_has};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// An orthogonal matrix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rotation {
    width: usize,
    /// `[d, d]`
    rows: Vec<f32>,
}

impl Rotation {
    /// Always the same for vectors of this `width`.
    pub(super) fn any(width: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(1);
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(width);
        while rows.len() < width {
            let mut row: Vec<f64> = (0..width).map(|_| random.f64() - 0.5).collect();
            // Twice: what one turn leaves of the others is taken by the second.
            for other in rows.iter().chain(&rows) {
                let along: f64 = row.iter().zip(other).map(|(x, y)| x * y).sum();
                for (x, y) in row.iter_mut().zip(other) {
                    *x -= along * y;
                }
            }
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            // As good as none is left of a row in the directions of others.
            if length > 1e-6 {
                row.iter_mut().for_each(|x| *x /= length);
                rows.push(row);
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded to single precision"
        )]
        let rows = rows.iter().flatten().map(|x| *x as f32).collect();
        Self { width, rows }
    }

    /// That of a file; `None` if the numbers are none.
    ///
    /// # Shapes
    /// - `rows`: `[d, d]`
    pub(super) fn new(width: usize, rows: Vec<f32>) -> Option<Self> {
        let is_sound = width.checked_mul(width) == Some(rows.len())
            && rows.iter().all(|x| (-1.001..=1.001).contains(x));
        is_sound.then_some(Self { width, rows })
    }

    /// `[d, d]`
    pub(super) fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// A vector, turned.
    pub(crate) fn turn(&self, vector: &[f32]) -> Vec<f32> {
        with_all_the_processor_has(
            #[inline(always)]
            || {
                let rows = self.rows.chunks_exact(self.width.max(1));
                rows.map(|row| quick_dot(row, vector)).collect()
            },
        )
    }

    /// Writes each of `vectors`, turned, over `out`.
    ///
    /// # Shapes
    /// - `vectors`, `out`: `[n, d]`
    pub(super) fn turn_all(&self, vectors: &[f32], out: &mut [f32]) {
        let width = self.width;
        let n = vectors.len() / width.max(1);
        let view = |n, numbers| ArrayView2::from_shape((n, width), numbers).expect("n rows");
        let mut out = ArrayViewMut2::from_shape((n, width), out).expect("as many as vectors");
        let rotation = view(width, &self.rows);
        general_mat_mul(1.0, &view(n, vectors), &rotation.t(), 0.0, &mut out);
    }
}

//! Estimates of the scores of rows that lie one after the other.

use crate::features::kernel::{
    dot_of_halves, dots_of_halves, quick_dot, with_all_the_processor_has,
};
use crate::features::{Features, Raw};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::ops::Range;

/// Rows that are widened at a time: 64 of 512 numbers are 128 KiB, which stay in the second-level cache while they meet
/// one query after the other.
const ROWS: usize = 64;

/// From so many queries on, a product of matrices is quicker than one dot product after the other.
const MANY: usize = 6;

/// Room for the estimates of one thread.
#[derive(Debug, Default)]
pub(super) struct Tile {
    singles: Vec<f32>,
    estimates: Vec<f32>,
}

impl Tile {
    /// The estimates for `rows`, those of the first row for each query, then those of the next.
    ///
    /// # Shapes
    /// - `queries`: `[n_queries, d]`, one after the other.
    /// - returns: `[rows.len(), n_queries]`
    pub(super) fn estimates(
        &mut self,
        features: &Features,
        rows: Range<usize>,
        queries: &[f32],
        n_queries: usize,
    ) -> &[f32] {
        self.estimates.clear();
        (self.estimates).resize(rows.len() * n_queries, 0.0);
        let width = features.width();
        let starts = rows.clone().step_by(ROWS);
        for (start, out) in starts.zip(self.estimates.chunks_mut((ROWS * n_queries).max(1))) {
            let rows = start..rows.end.min(start + ROWS);
            let n_rows = rows.len();
            let factors = features.factors(rows.clone());
            let singles = match features.raw(rows) {
                Raw::F32(singles) => singles,
                // A single query needs no widened rows to be kept.
                Raw::F16(halves) if n_queries == 1 && width > 0 => {
                    dots_of_halves(halves, queries, out);
                    scale(out, factors);
                    continue;
                }
                raw @ Raw::F16(_) => {
                    self.singles.resize(n_rows * width, 0.0);
                    raw.widen(&mut self.singles);
                    &self.singles
                }
            };
            if n_queries < MANY {
                products(singles, queries, width, out);
            } else {
                let rows = ArrayView2::from_shape((n_rows, width), singles);
                let columns = ArrayView2::from_shape((n_queries, width), queries);
                let out = ArrayViewMut2::from_shape((n_rows, n_queries), &mut *out);
                if let (Ok(rows), Ok(columns), Ok(mut out)) = (rows, columns, out) {
                    general_mat_mul(1.0, &rows, &columns.t(), 0.0, &mut out);
                }
            }
            scale(out, factors);
        }
        &self.estimates
    }
}

/// The estimate of a row that lies anywhere.
pub(super) fn estimate(features: &Features, row: usize, query: &[f32]) -> f32 {
    let rows = row..row + 1;
    let factor = features.factors(rows.clone())[0];
    let dot = match features.raw(rows) {
        Raw::F32(singles) => with_all_the_processor_has(
            #[inline(always)]
            || quick_dot(singles, query),
        ),
        Raw::F16(halves) if !query.is_empty() => dot_of_halves(halves, query),
        Raw::F16(_) => 0.0,
    };
    dot * factor
}

/// Multiplies the estimates of each row with its factor.
fn scale(estimates: &mut [f32], factors: &[f32]) {
    let n_queries = estimates.len() / factors.len().max(1);
    for (estimates, factor) in estimates.chunks_mut(n_queries.max(1)).zip(factors) {
        for estimate in estimates {
            *estimate *= factor;
        }
    }
}

/// The dot products of each of `rows` with each of `queries`.
fn products(rows: &[f32], queries: &[f32], width: usize, out: &mut [f32]) {
    with_all_the_processor_has(
        #[inline(always)]
        || {
            let mut out = out.iter_mut();
            for row in rows.chunks_exact(width) {
                for (query, out) in queries.chunks_exact(width).zip(&mut out) {
                    *out = quick_dot(row, query);
                }
            }
        },
    );
}

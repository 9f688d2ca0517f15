//! Estimates of scores from a byte for each number.
//!
//! A row x of unit length is c + s k + e: the centre, its bytes k times what a byte stands for, and a rest of which only
//! the length is known. A query q is t m + f: integers m times what one of them stands for, and a small rest. So
//!
//! q·x = q·c + s t m·k + s f·k + q·e
//!
//! The first two are the estimate. The other two are off by at most |f| |s k| and |q| |e| (Cauchy and Schwarz), where
//! |s k| = |x - c - e| is at most |x| + |c| + |e|.

use super::bounds::slack;
use crate::features::int8::Int8;
use crate::features::kernel::dots_of_bytes;
use std::ops::Range;

/// Queries in integers, and what is certain of estimates that are made with them.
pub(super) struct Coarse {
    int8: Int8,
    /// `[n_queries, d]`
    integers: Vec<i16>,
    queries: Vec<Query>,
    /// How far a score may be from q·x, and sums of a few `f32` from what they stand for.
    rounding: f32,
}

struct Query {
    /// What an integer stands for.
    scale: f32,
    /// q·c
    at_centre: f32,
    /// |f| (|x| + |c|)
    slack: f32,
    /// |q| + |f|, which |e| is multiplied with.
    slack_of_rest: f32,
}

/// The estimates of some rows.
#[derive(Debug, Default)]
pub(super) struct Room {
    dots: Vec<i32>,
    /// `[rows, n_queries]`
    pub(super) estimates: Vec<f32>,
    /// How far each may be from the score, `[rows, n_queries]`.
    pub(super) slacks: Vec<f32>,
}

/// Rounding of the four `f32` operations that an estimate is made of, none of which comes to more than 4.
const OPERATIONS: f32 = 2e-6;

impl Coarse {
    /// For `n_queries` queries of unit length, one after the other.
    pub(super) fn new(int8: Int8, queries: &[f32], n_queries: usize) -> Self {
        let width = queries.len() / n_queries.max(1);
        let mut integers = Vec::with_capacity(queries.len());
        let queries = (queries.chunks_exact(width.max(1)))
            .map(|query| Query::new(query, int8.centre(), &mut integers))
            .collect();
        Self {
            int8,
            integers,
            queries,
            rounding: slack(width) + OPERATIONS,
        }
    }

    /// Estimates the scores of `rows`.
    pub(super) fn estimate(&self, rows: Range<usize>, room: &mut Room) {
        let n_queries = self.queries.len();
        let n = rows.len() * n_queries;
        room.dots.resize(n, 0);
        room.estimates.resize(n, 0.0);
        room.slacks.resize(n, 0.0);
        let width = self.integers.len() / n_queries.max(1);
        if width == 0 {
            return;
        }
        dots_of_bytes(
            self.int8.codes(rows.clone()),
            &self.integers,
            width,
            &mut room.dots,
        );
        let estimates = room.estimates.chunks_exact_mut(n_queries);
        let slacks = room.slacks.chunks_exact_mut(n_queries);
        let dots = room.dots.chunks_exact(n_queries);
        for (row, ((estimates, slacks), dots)) in rows.zip(estimates.zip(slacks).zip(dots)) {
            let (scale, rest) = self.int8.scale_and_rest(row);
            // No length: of such a row nothing is known.
            let rest = if rest >= 0.0 { rest } else { f32::NAN };
            for (nth, query) in self.queries.iter().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "its rounding is counted")]
                let dot = dots[nth] as f32;
                estimates[nth] = query.at_centre + scale * query.scale * dot;
                slacks[nth] = query.slack + query.slack_of_rest * rest + self.rounding;
            }
        }
    }
}

impl Query {
    /// Appends the integers of `query` to `integers`.
    fn new(query: &[f32], centre: &[f32], integers: &mut Vec<i16>) -> Self {
        let sizes = || query.iter().map(|x| f64::from(x.abs()));
        let largest = sizes().fold(0.0, f64::max);
        let most = most(
            query.len(),
            sizes().sum::<f64>() / largest.max(f64::MIN_POSITIVE),
        );
        #[expect(clippy::cast_possible_truncation, reason = "rounded like any number")]
        let scale = (largest / most) as f32;
        let (mut left_out, mut length, mut at_centre, mut of_centre) = (0.0, 0.0, 0.0, 0.0);
        for (x, c) in query.iter().zip(centre) {
            let (x, c) = (f64::from(*x), f64::from(*c));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "at most as large as the largest, and casts saturate"
            )]
            let integer = (x / f64::from(scale)).round() as i16;
            integers.push(integer);
            left_out += (x - f64::from(scale) * f64::from(integer)).powi(2);
            length += x * x;
            at_centre += x * c;
            of_centre += c * c;
        }
        let (left_out, length) = (left_out.sqrt(), length.sqrt());
        /// How far norms are from 1, and sums of `f64` from what they stand for.
        const SPARE: f64 = 1.0 + 1e-4;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded, with room to spare"
        )]
        Self {
            scale,
            at_centre: at_centre as f32,
            slack: (left_out * (1.0 + of_centre.sqrt()) * SPARE) as f32,
            slack_of_rest: ((length + left_out) * SPARE) as f32,
        }
    }
}

/// The largest integer of a query of so many numbers, whose sum is so many times its largest: the larger, the less is left
/// out; but dot products with bytes must stay in the range of `i32`.
fn most(width: usize, sum_by_largest: f64) -> f64 {
    const LARGEST: f64 = 8191.0;
    /// What the bytes of a row may be.
    const BYTE: f64 = 127.0;
    #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^52")]
    let width = width as f64;
    // Rounding may add a half to each.
    let room = f64::from(i32::MAX) / BYTE - width;
    LARGEST.min(room / sum_by_largest.max(1.0)).max(1.0)
}

#[cfg(test)]
#[path = "coarse_tests.rs"]
mod tests;

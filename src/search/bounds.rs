//! How far an estimate may be from the score: what it tells for certain.

use super::rows::index;
use crate::features::nearest::Hit;

/// A row with what is certain of its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) row: u32,
    /// The score is at least this,
    pub(super) low: f32,
    /// and at most this. The two are equal when the score is known.
    pub(super) high: f32,
}

impl Estimate {
    /// A score that was computed.
    pub(super) fn known(row: u32, score: f32) -> Self {
        Self {
            row,
            low: score,
            high: score,
        }
    }

    /// The row with its score, which is known.
    pub(super) fn hit(&self) -> Hit {
        Hit {
            row: index(self.row),
            score: self.low,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.low.total_cmp(&self.high).is_eq()
    }

    /// What is known from an estimate that is off by at most `slack`; nothing, if either is no number: a damaged file
    /// makes a search slower, not poorer.
    #[inline(always)]
    pub(super) fn around(row: u32, estimate: f32, slack: f32) -> Self {
        let (low, high) = (estimate - slack, estimate + slack);
        match estimate.is_finite() && slack >= 0.0 {
            true => Self { row, low, high },
            false => Self {
                row,
                low: f32::NEG_INFINITY,
                high: f32::INFINITY,
            },
        }
    }
}

/// How far a dot product of numbers of the file, computed in `f32` in whatever order, times the row's factor may be from
/// the score.
///
/// Let u = 2^-24, and x the row divided by its norm, q the query: both of norm 1, give or take 5e-6.
/// - The sum of d products, in any order, with or without fused additions, is off by at most
///   d u / (1 - d u) times Σ|x q| <= |x| |q|: once for the estimate, once for the score itself.
/// - The components of x were rounded when it was divided, u; the factor is rounded, u, and the product with it, u.
/// - A score above 1 is cut to 1, and that of equal vectors is 1: that moves it by what their norms are off.
///
/// # Source
/// N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
pub(super) fn slack(width: usize) -> f32 {
    const UNIT_ROUNDING: f64 = 1.0 / (1 << 24) as f64;
    /// How far norms and their squares are from 1, all in all.
    const NORMS: f64 = 2e-5;
    #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^52")]
    let d = width as f64;
    // Where a sum is so long that nothing is certain, nothing is claimed.
    let share = d * UNIT_ROUNDING;
    if share >= 0.1 {
        return f32::INFINITY;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded, with room to spare"
    )]
    let slack =
        ((2.0 * share / (1.0 - share) + 3.0 * UNIT_ROUNDING) * (1.0 + NORMS) + NORMS) as f32;
    slack * 1.01
}

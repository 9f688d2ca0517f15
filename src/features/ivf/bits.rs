//! Vectors in one bit for each number, and what they tell of scores.
//!
//! A vector x of a list is c + r: the centroid and a rest. Of the rest, [turned](super::rotation), the signs s are kept (1
//! or -1 for each number) and how long it is along them. For a query q, turned as well, q·r is then
//!
//! |r|² / (r·s) q·s + e
//!
//! where e has a mean of 0 over all rotations and, as the directions that the signs do not tell are many and none is
//! better than another, the distribution of a normal number with a deviation of |r| tan(r, s) / √(d - 1): with 512
//! numbers, 0.033 |r|.
//!
//! # Source
//! J. Gao and C. Long, RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate Nearest
//! Neighbor Search, SIGMOD 2024, sections 3.2 and 3.3.

use super::rotation::Rotation;
use crate::features::derived::Bytes;
use crate::features::kernel::{PLANES, dots_of_bits, quick_dot, with_all_the_processor_has};
use std::ops::Range;
use std::sync::Arc;

/// The largest integer of as many bits as [`PLANES`], which has a negative of its own. With one bit more, estimates would
/// be better by a fiftieth.
const LARGEST: f32 = 7.0;

/// Vectors in bits, in the order of the lists.
#[derive(Debug)]
pub(crate) struct Bits {
    bytes: Arc<Bytes>,
    /// Where the bits of the first row begin.
    start: usize,
    n: usize,
    width: usize,
}

/// What is kept of a vector beside its signs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rest {
    /// |r|² / (r·s)
    pub(super) factor: f32,
    /// How far a query of length 1 is off, as a deviation.
    pub(super) deviation: f32,
}

/// A query, as vectors in bits are compared with it.
#[derive(Debug)]
pub(crate) struct BitQuery {
    /// As it was before, `[d]`.
    components: Vec<f32>,
    /// What an integer stands for.
    scale: f32,
    /// The integers' sum.
    sum: i32,
    /// The integers by bit, the lowest first, [`PLANES`] times `[words]`.
    planes: Vec<u64>,
    /// The length of what the integers leave out.
    rest: f32,
}

/// The estimates of some rows, and what nearly all of their scores are not above.
#[derive(Debug, Default)]
pub(crate) struct Estimates {
    dots: Vec<i32>,
    pub(crate) scores: Vec<f32>,
    pub(crate) highest: Vec<f32>,
}

/// 64-bit words of the bits of a vector.
pub(super) fn words(width: usize) -> usize {
    width.div_ceil(64)
}

/// Bytes that `n` vectors take, if there can be as many.
pub(super) fn bytes_of(n: usize, width: usize) -> Option<usize> {
    n.checked_mul(words(width).checked_mul(8)?.checked_add(8)?)
}

impl Bits {
    /// What begins at `start` of `bytes`, which are long enough.
    pub(super) fn new(bytes: Arc<Bytes>, start: usize, n: usize, width: usize) -> Self {
        Self {
            bytes,
            start,
            n,
            width,
        }
    }

    /// How far at most nearly every score is from its estimate, in deviations: of a thousand scores one or two are further
    /// off and too low. With few numbers, whose directions are not like random ones, none is (Cauchy and Schwarz).
    pub(super) fn reach(&self) -> f32 {
        const FEW: usize = 32;
        const NEARLY_ALL: f32 = 3.0;
        match u16::try_from(self.width) {
            Ok(width) if self.width <= FEW => (2.0 * f32::from(width)).sqrt(),
            _ => NEARLY_ALL,
        }
    }

    /// Estimates the scores of the rows at `places`, all in the list around `centroid`.
    pub(super) fn estimate(
        &self,
        query: &BitQuery,
        centroid: &[f32],
        places: Range<usize>,
        out: &mut Estimates,
    ) {
        let at_centroid = quick_dot(centroid, &query.components);
        let all = self.bytes.all();
        let row_bytes = words(self.width) * 8;
        let bits = &all[self.start + places.start * row_bytes..self.start + places.end * row_bytes];
        out.dots.resize(places.len(), 0);
        dots_of_bits(bits.as_chunks().0, &query.planes, &mut out.dots);
        let factors = self.start + self.n * row_bytes;
        let deviations = factors + self.n * 4;
        let numbers = |start: usize| {
            let numbers = &all[start + places.start * 4..start + places.end * 4];
            numbers.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x))
        };
        out.scores.resize(places.len(), 0.0);
        out.highest.resize(places.len(), 0.0);
        let reach = self.reach();
        let of_rows = (out.dots.iter().zip(numbers(factors))).zip(numbers(deviations));
        let out = out.scores.iter_mut().zip(&mut out.highest);
        with_all_the_processor_has(
            #[inline(always)]
            || {
                for (((dot, factor), deviation), (score, highest)) in of_rows.zip(out) {
                    // Signs are 2 b - 1, where b is a bit.
                    #[expect(
                        clippy::cast_precision_loss,
                        reason = "sums of some thousand small integers"
                    )]
                    let along = (2 * dot - query.sum) as f32 * query.scale;
                    *score = at_centroid + factor * along;
                    let rounded = factor * query.rest;
                    let off = (deviation * deviation + rounded * rounded).sqrt();
                    *highest = *score + reach * off;
                }
            },
        );
    }
}

impl BitQuery {
    /// That of a query of length 1.
    pub(crate) fn new(query: &[f32], rotation: &Rotation) -> Self {
        let turned = rotation.turn(query);
        let largest = turned.iter().fold(0f32, |most, x| most.max(x.abs()));
        let scale = match largest > 0.0 {
            true => largest / LARGEST,
            false => 1.0,
        };
        let words = words(turned.len());
        let mut rounded = Self {
            components: query.to_vec(),
            scale,
            sum: 0,
            planes: vec![0; words * PLANES],
            rest: 0.0,
        };
        for (at, x) in turned.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "at most LARGEST")]
            let integer = (x / scale).round() as i32;
            rounded.sum += integer;
            rounded.rest += (x - integer as f32 * scale).powi(2);
            for plane in 0..PLANES {
                let bit = u64::from((integer >> plane) & 1 == 1);
                rounded.planes[plane * words + at / 64] |= bit << (at % 64);
            }
        }
        rounded.rest = rounded.rest.sqrt();
        rounded
    }
}

/// The signs of a rest that is turned already, a bit for each number, and what else is kept of it.
///
/// # Shapes
/// - `turned`: `[d]`
/// - `bits`: `[words(d)]`, all 0
pub(super) fn signs(turned: &[f32], bits: &mut [u64]) -> Rest {
    let (mut along, mut square) = (0f64, 0f64);
    for (at, x) in turned.iter().enumerate() {
        bits[at / 64] |= u64::from(*x >= 0.0) << (at % 64);
        along += f64::from(x.abs());
        square += f64::from(*x).powi(2);
    }
    if along == 0.0 {
        return Rest::default();
    }
    #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^52")]
    let d = turned.len() as f64;
    // r·s is |r| √d times the cosine of the angle between them.
    let cosine = (along / (square * d).sqrt()).min(1.0);
    let tangent = (1.0 - cosine * cosine).sqrt() / cosine;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded to single precision"
    )]
    Rest {
        factor: (square / along) as f32,
        deviation: (square.sqrt() * tangent / (d - 1.0).max(1.0).sqrt()) as f32,
    }
}

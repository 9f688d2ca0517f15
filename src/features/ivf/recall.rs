//! How many of the best images are found by reading how many rows.

use super::number;
use std::io::{self, Write};

/// Numbers of best images for which the recall is known.
pub const DEPTHS: [usize; 3] = [10, 100, 1000];

/// Numbers of rows for which it is known: shares of all, each larger than the one before by the square root of 2, from
/// 1/1024 to 1.
const STEPS: usize = 21;

/// The highest recall that some hundreds of queries can tell; and the share of the images in the lists that their
/// [bits](super::bits) let through.
const MOST: f32 = 0.999;

/// The share of the best k images that is found by reading the nearest lists until they have so many rows: by k, one
/// of [`DEPTHS`], and by the share of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Recall([[f32; STEPS]; DEPTHS.len()]);

/// How much is to be read, and what is found by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Share of the rows.
    pub share: f64,
    /// Share of the answer.
    pub recall: f64,
    /// Of how many best images this is known.
    pub depth: usize,
}

/// The share of the rows at a step.
fn share(step: usize) -> f64 {
    let steps_to_all = i32::try_from(STEPS - 1 - step).expect("there are few");
    let of_two = 0.5f64.powi(steps_to_all / 2);
    // Powers of two are exact, so that the shares are the same on every machine.
    match steps_to_all % 2 {
        0 => of_two,
        _ => of_two * std::f64::consts::FRAC_1_SQRT_2,
    }
}

impl Recall {
    pub(super) const BYTES: usize = DEPTHS.len() * STEPS * 4;

    /// That of a number of queries: the mean, less its standard error, so that it is rather too low than too high. A
    /// recall that was measured is never told as 1.
    ///
    /// `needed` is by query: by depth, for each of the best images, the share of the rows that are read before it and
    /// with it.
    #[must_use]
    pub fn measured(needed: &[[Vec<f64>; DEPTHS.len()]]) -> Self {
        let mut recall = [[1.0; STEPS]; DEPTHS.len()];
        for (depth, steps) in recall.iter_mut().enumerate() {
            for (step, recall) in steps.iter_mut().enumerate().take(STEPS - 1) {
                let found = needed.iter().map(|of_query| {
                    let needed = &of_query[depth];
                    let n_found = needed
                        .iter()
                        .filter(|needed| **needed <= share(step))
                        .count();
                    ratio(n_found, needed.len())
                });
                *recall = lower_mean(&found.collect::<Vec<_>>()) * MOST;
            }
        }
        Self(recall)
    }

    /// The lower of the two at each place.
    #[must_use]
    pub fn at_most(mut self, other: &Self) -> Self {
        let others = other.0.iter().flatten();
        for (one, other) in self.0.iter_mut().flatten().zip(others) {
            *one = one.min(*other);
        }
        self
    }

    /// The least that has to be read to find the best `k` with a recall of `wanted`, which is between 0 and 1: all, if
    /// nothing less is enough. `None` if it is not known of so many.
    #[must_use]
    pub fn effort(&self, k: usize, wanted: f64) -> Option<Effort> {
        let depth = DEPTHS.iter().position(|depth| k <= *depth)?;
        (self.0[depth].iter().enumerate())
            .map(|(step, recall)| Effort {
                share: share(step),
                recall: f64::from(*recall),
                depth: DEPTHS[depth],
            })
            .find(|effort| effort.recall >= wanted || effort.share >= 1.0)
    }

    /// What stands at `start` of a file; `None` if it is no recall.
    pub(super) fn read(all: &[u8], start: usize) -> Option<Self> {
        let mut recall = Self([[0.0; STEPS]; DEPTHS.len()]);
        for (nth, value) in recall.0.iter_mut().flatten().enumerate() {
            *value = number(all, start, nth);
        }
        let is_sound = |of_depth: &[f32; STEPS]| {
            of_depth.iter().all(|value| (0.0..=1.0).contains(value)) && of_depth[STEPS - 1] >= 1.0
        };
        recall.0.iter().all(is_sound).then_some(recall)
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for value in self.0.iter().flatten() {
            out.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(part: usize, all: usize) -> f64 {
    if all == 0 {
        return 1.0;
    }
    part as f64 / all as f64
}

/// The mean less its standard error; 0 of nothing, as nothing is known then.
fn lower_mean(found: &[f64]) -> f32 {
    let n = found.len();
    if n == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let n = n as f64;
    let mean = found.iter().sum::<f64>() / n;
    let variance = found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let lower = (mean - (variance / n).sqrt()).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share, told with three digits"
    )]
    {
        lower as f32
    }
}

//! Numbers rounded to bytes, with how much that leaves out.

use crate::features::Features;

/// The mean of the rows, which is taken from each before it is rounded: what all pictures have in common (CLIP's vectors
/// lie in a narrow cone) would take up most of what a byte can tell. Any vector would do, as far as answers go.
pub(crate) struct Centre(pub(crate) Vec<f32>);

/// Rows that the mean is made of, at most; more would not move it.
const SAMPLED: usize = 1 << 16;

impl Centre {
    pub(crate) fn of(features: &Features) -> Self {
        let n = features.len();
        let mut sums = vec![0f64; features.width()];
        let rows = (0..n).step_by(n.div_ceil(SAMPLED).max(1));
        let n_sampled = rows.len();
        let mut row = vec![0f32; features.width()];
        for number in rows {
            features.read_row(number, &mut row);
            for (sum, x) in sums.iter_mut().zip(&row) {
                *sum += f64::from(*x);
            }
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "a few thousand numbers below 1 have a mean below 1"
        )]
        let mean = |sum: f64| (sum / n_sampled.max(1) as f64) as f32;
        Self(sums.into_iter().map(mean).collect())
    }
}

/// A row in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rounded {
    /// What a byte stands for.
    pub(crate) scale: f32,
    /// At least the length of row - centre - scale * bytes.
    pub(crate) rest: f32,
}

/// Rounds `row`, less the `centre`, to `codes`.
///
/// # Shapes
/// `[d]` all.
pub(crate) fn round(row: &[f32], centre: &[f32], codes: &mut [i8]) -> Rounded {
    const LARGEST: f32 = 127.0;
    let moved = row.iter().zip(centre).map(|(x, centre)| x - centre);
    let largest = moved.clone().fold(0f32, |largest, x| largest.max(x.abs()));
    let scale = largest / LARGEST;
    // So small a scale has few digits itself, and its inverse may be infinite.
    let scale = if scale < f32::MIN_POSITIVE * 1e6 {
        0.0
    } else {
        scale
    };
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    for (code, x) in codes.iter_mut().zip(moved) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 127, give or take a rounding, and casts saturate"
        )]
        {
            *code = ((x * inverse).round() as i8).max(-127);
        }
    }
    let rest = (row.iter().zip(centre).zip(&*codes)).map(|((x, centre), code)| {
        // Exact but for the sums: a byte has 7 binary digits and a scale 24, of the 53 that there are.
        let rest = f64::from(*x) - f64::from(*centre) - f64::from(scale) * f64::from(*code);
        rest * rest
    });
    let rest = rest.sum::<f64>().sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded, with room to spare"
    )]
    let rest = (rest * (1.0 + 1e-6)) as f32;
    Rounded {
        scale,
        rest: rest.next_up(),
    }
}

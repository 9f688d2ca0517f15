//! Bringing a row of `features.npy` to unit length.

use super::score::dot;

/// A row whose squared norm is this close to 1 is left as it is: `f32` rounding.
const UNIT_TOLERANCE: f32 = 1e-6;
/// A norm this far from 1 is more than `f16` rounding and worth a line in `inspect`.
const ROUNDING: f64 = 2e-3;
/// Below this norm a row has no direction; as in `Embedding::new`.
const MIN_NORM: f64 = 1e-6;
/// Squared norms that `f32` numbers hold with all their digits.
const SAFE_SQUARES: std::ops::Range<f32> = 1e-3..1e3;

/// What the length of a row is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Norm {
    /// One already: the row is used as it stands.
    Unit,
    /// Each component is divided by this.
    Of(f64),
    /// A component is NaN or infinite.
    NotFinite,
    /// The row has no direction.
    Zero,
}

impl Norm {
    /// Looks at a row.
    #[inline(always)]
    pub(super) fn of(row: &[f32]) -> Self {
        let squared = dot(row, row);
        if (squared - 1.0).abs() <= UNIT_TOLERANCE {
            return Self::Unit;
        }
        // Squares of very large and very small components leave the range of f32, not that of f64.
        let norm = if SAFE_SQUARES.contains(&squared) {
            f64::from(squared).sqrt()
        } else {
            let squares = row.iter().map(|x| f64::from(*x) * f64::from(*x));
            squares.sum::<f64>().sqrt()
        };
        if !norm.is_finite() {
            Self::NotFinite
        } else if norm < MIN_NORM {
            Self::Zero
        } else {
            Self::Of(norm)
        }
    }

    /// Whether the row was further from unit length than rounding explains.
    pub(super) fn is_off(self) -> bool {
        matches!(self, Self::Of(norm) if (norm - 1.0).abs() > ROUNDING)
    }

    /// What an estimate multiplies a dot product with; NaN where `f32` numbers might leave their range on the way,
    /// so that no estimate is made of such a row.
    pub(super) fn factor(self) -> f32 {
        match self {
            Self::Unit => 1.0,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the norm lies within three powers of ten of 1"
            )]
            Self::Of(norm) if (0.03..30.0).contains(&norm) => (1.0 / norm) as f32,
            Self::Of(_) | Self::NotFinite | Self::Zero => f32::NAN,
        }
    }
}

/// Brings a row to unit length. The score is a cosine, so rounding in the file is taken out as well.
///
/// What is done to a row depends on the row alone, whichever file, thread or processor it is read with: its scores
/// have the same bits everywhere.
#[inline(always)]
pub(super) fn normalise(row: &mut [f32]) {
    if let Norm::Of(norm) = Norm::of(row) {
        divide(row, norm);
    }
}

/// Divides each number by `norm`, in `f64`, and rounds what comes out.
///
/// Dividing takes four times as long as multiplying with 1 / `norm`. That is off by two units in the last place of an
/// `f64` at most, and so rounds to the same `f32`, unless the middle between two of these is as near: then it is divided.
#[inline(always)]
fn divide(row: &mut [f32], norm: f64) {
    /// What an `f32` has no room for of an `f64`.
    const REST: u64 = (1 << 29) - 1;
    const MIDDLE: u64 = 1 << 28;
    const NEAR: u64 = 4;
    /// Below this an `f32` has less room.
    const SMALLEST: f64 = f32::MIN_POSITIVE as f64;
    let factor = 1.0 / norm;
    let mut n_unclear = 0;
    for x in &*row {
        let product = f64::from(*x) * factor;
        let from_middle = (product.to_bits() & REST).wrapping_sub(MIDDLE - NEAR);
        n_unclear += u32::from(from_middle <= 2 * NEAR);
        n_unclear += u32::from(product.abs() < SMALLEST && product != 0.0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a component of a unit vector fits f32"
    )]
    for x in row {
        *x = match n_unclear {
            0 => (f64::from(*x) * factor) as f32,
            _ => (f64::from(*x) / norm) as f32,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::cast_possible_truncation, reason = "as above")]
    fn check(row: &[f32], norm: f64) {
        let expected: Vec<u32> = (row.iter())
            .map(|x| ((f64::from(*x) / norm) as f32).to_bits())
            .collect();
        let mut found = row.to_vec();
        divide(&mut found, norm);
        let found: Vec<u32> = found.iter().map(|x| x.to_bits()).collect();
        assert_eq!(found, expected, "{row:?} / {norm}");
    }

    #[test]
    fn a_quotient_in_the_middle_is_divided() {
        // Exactly between two f32, and as near to it as an f64 comes.
        let middle = 1.0 + f64::from(f32::EPSILON) / 2.0;
        for norm in [middle, middle.next_up(), middle.next_down(), 3.0, 0.1] {
            check(&[1.0, -1.0, 0.0, -0.0, 1e-40, f32::MIN_POSITIVE, 3.0], norm);
            check(&[1.0 + f32::EPSILON, 1.0 - f32::EPSILON], norm);
        }
        check(&[3e30, -3e30], 3e30);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]
        #[test]
        fn a_row_is_divided_as_by_division(
            row in proptest::collection::vec(-1.0..1.0_f32, 1..600),
            halves in proptest::collection::vec(any::<u16>(), 1..300),
            norm in prop_oneof![0.9..1.1_f64, 1e-6..1e6_f64],
        ) {
            check(&row, norm);
            let halves: Vec<f32> = (halves.into_iter().map(|bits| half::f16::from_bits(bits).to_f32()))
                .filter(|x| x.is_finite())
                .collect();
            check(&halves, norm);
        }
    }
}

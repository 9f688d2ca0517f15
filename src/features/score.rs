//! The score of two vectors.

/// The score of two vectors of unit norm: their cosine in `[-1, 1]`, and 1 if they are the same vector.
///
/// All scores are made here, so that one pair of vectors has one score, bit for bit, whatever plan or
/// function asks for it, in whatever order and on whatever processor: rows are joined and grouped by scores. Faster
/// ways to compute a cosine only tell which images need a score.
///
/// # Shapes
/// `[d]` both.
#[inline(always)]
pub(crate) fn score(a: &[f32], b: &[f32]) -> f32 {
    let cosine = dot(a, b).clamp(-1.0, 1.0);
    // A dot product of f32 numbers with themselves misses 1 by its rounding, by more or less for one
    // vector than for another.
    if cosine > NEARLY_ONE && a == b {
        return 1.0;
    }
    cosine
}

/// Rounding keeps no cosine of equal vectors below this.
const NEARLY_ONE: f32 = 0.999;

/// The dot product of two slices of equal length; `dot(a, b)` has the bits of `dot(b, a)`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_in_lanes::<16>(a, b)
}

/// The dot product of two slices of equal length, in so many partial sums.
///
/// They let the compiler use vector registers; a single running sum would pin the additions to one after the other. The
/// compiler keeps to this order whatever the processor has, and so do the bits.
#[inline(always)]
pub(super) fn dot_in_lanes<const LANES: usize>(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

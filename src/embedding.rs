//! `Embedding`: a vector of unit L2 norm, and the only way to make one.

/// A point on the unit sphere of the joint text and image space of a CLIP model.
///
/// # Shapes
/// `[d]`, `f32`, unit L2 norm; `d` is the model's projection width.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Box<[f32]>);

/// Why numbers cannot become an [`Embedding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// A component is NaN or infinite.
    #[error("the vector has a component that is not a finite number")]
    NotFinite,
    /// The vector has no direction, for instance because an exclusion cancelled the query.
    #[error("the vector has zero length and so no direction")]
    ZeroLength,
}

/// A norm this close to 1 is that of a vector that was normalised before, up to the rounding of its
/// components; the rows of a collection are let through with as much.
const UNIT_ROUNDING: f64 = 1e-6;

impl Embedding {
    /// Normalises `raw` to unit length. A vector that has it, as far as `f32` numbers can, stays as it is:
    /// what is read, written and read again keeps its bits, and with them its scores.
    ///
    /// # Errors
    /// [`EmbeddingError`] if a component is not finite or all are zero.
    pub fn new(mut raw: Vec<f32>) -> Result<Self, EmbeddingError> {
        // The norm is summed in f64: 512 f32 squares lose about three digits otherwise.
        let norm = raw
            .iter()
            .map(|x| f64::from(*x) * f64::from(*x))
            .sum::<f64>()
            .sqrt();
        if !norm.is_finite() {
            return Err(EmbeddingError::NotFinite);
        }
        if norm < 1e-6 {
            return Err(EmbeddingError::ZeroLength);
        }
        if (norm - 1.0).abs() < UNIT_ROUNDING {
            return Ok(Self(raw.into_boxed_slice()));
        }
        for x in &mut raw {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a component of a unit vector fits f32"
            )]
            {
                *x = (f64::from(*x) / norm) as f32;
            }
        }
        Ok(Self(raw.into_boxed_slice()))
    }

    /// The sum of `like` minus the sum of `unlike`, normalised again.
    ///
    /// # Errors
    /// [`EmbeddingError::ZeroLength`] if what is excluded cancels what is asked for.
    pub fn combine<'a>(
        like: impl IntoIterator<Item = &'a Self>,
        unlike: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Self, EmbeddingError> {
        let signed = like
            .into_iter()
            .map(|e| (e, 1.0))
            .chain(unlike.into_iter().map(|e| (e, -1.0)));
        let mut sum: Vec<f32> = Vec::new();
        for (embedding, sign) in signed {
            sum.resize(embedding.width(), 0.0);
            for (total, x) in sum.iter_mut().zip(&embedding.0) {
                *total += sign * x;
            }
        }
        Self::new(sum)
    }

    /// The components, `[d]`.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The number of components, d.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.len()
    }

    /// Cosine similarity with `other`, in `[-1, 1]`.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        crate::features::score::score(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_normalises_and_refuses_what_has_no_direction() {
        assert_eq!(
            Embedding::new(vec![3.0, 4.0]).unwrap().as_slice(),
            [0.6, 0.8]
        );
        assert_eq!(
            Embedding::new(vec![0.0; 4]),
            Err(EmbeddingError::ZeroLength)
        );
        assert_eq!(Embedding::new(Vec::new()), Err(EmbeddingError::ZeroLength));
        assert_eq!(
            Embedding::new(vec![f32::NAN, 1.0]),
            Err(EmbeddingError::NotFinite)
        );
        assert_eq!(
            Embedding::new(vec![f32::INFINITY, 1.0]),
            Err(EmbeddingError::NotFinite)
        );
    }

    #[test]
    fn combine_adds_and_subtracts() {
        let x = Embedding::new(vec![1.0, 0.0]).unwrap();
        let y = Embedding::new(vec![0.0, 1.0]).unwrap();
        let both = Embedding::combine([&x, &y], []).unwrap();
        assert!((both.cosine(&x) - both.cosine(&y)).abs() < 1e-6);
        let without = Embedding::combine([&x], [&y]).unwrap();
        assert!(without.cosine(&y) < 0.0);
        assert_eq!(
            Embedding::combine([&x], [&x]),
            Err(EmbeddingError::ZeroLength)
        );
    }
}

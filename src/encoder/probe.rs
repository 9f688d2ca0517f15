//! What a model makes of one image and one text: enough to tell models apart.

use super::{Encoder, EncoderError, ImageError, Pixels};
use crate::embedding::Embedding;
use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};
use ndarray::Axis;

/// An image whose vector tells models apart, with all that is done to pixels.
const IMAGE: &[u8] = include_bytes!("probe.jpg");
/// A text for the other tower: two models may share one of their towers.
pub(crate) const TEXT: &str = "A mountain lake, painted in oil before 1900.";

/// The two vectors of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Of the image.
    pub image: Embedding,
    /// Of the text.
    pub text: Embedding,
}

/// Why a model cannot be tried: the model's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It does not take the image.
    #[error("the model cannot be tried on an image")]
    Image(#[from] ImageError),
    /// It cannot be run.
    #[error("the model cannot be tried")]
    Encoder(#[from] EncoderError),
}

/// Whether the bits of an image's vector are the same in a run of `n` images as alone.
///
/// # Errors
/// [`ProbeError`] if the model cannot be run.
pub fn batch_is_exact(encoder: &dyn Encoder, n: usize) -> Result<bool, ProbeError> {
    let pixels = encoder.preprocess(IMAGE)?;
    let width = pixels.len_of(Axis(2)).max(1);
    // Different images, so that one could not pass for another: each is shifted and darker than the one before.
    let images: Vec<Pixels> = (0..n)
        .map(|shift| {
            let level = 1.0 / (1.0 + as_f32(shift));
            Pixels::from_shape_fn(pixels.dim(), |(channel, y, x)| {
                level * pixels[(channel, y, (x + shift * 5) % width)]
            })
        })
        .collect();
    let together = encoder.encode_images(&images)?;
    for (image, together) in images.into_iter().zip(&together) {
        let alone = encoder.encode_images(&[image])?;
        if alone.first() != Some(together) {
            return Ok(false);
        }
    }
    Ok(together.len() == n)
}

#[expect(clippy::cast_precision_loss, reason = "batches are small")]
fn as_f32(n: usize) -> f32 {
    n as f32
}

impl Probe {
    /// Tries `encoder`.
    ///
    /// # Errors
    /// [`ProbeError`] if it cannot be run.
    pub fn of(encoder: &dyn Encoder) -> Result<Self, ProbeError> {
        let pixels = encoder.preprocess(IMAGE)?;
        let mut images = encoder.encode_images(&[pixels])?;
        let mut texts = encoder.encode_texts(&[TEXT])?;
        Ok(Self {
            image: images.pop().expect("one embedding per image"),
            text: texts.pop().expect("one embedding per text"),
        })
    }

    /// A hash of the image's vector. It changes with the model, its number format, its preprocessing and the
    /// libraries below, none of which has to be named here.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 20] {
        let mut hash = Blake2b::<U20>::new();
        for x in self.image.as_slice() {
            hash.update(x.to_le_bytes());
        }
        hash.finalize().into()
    }
}

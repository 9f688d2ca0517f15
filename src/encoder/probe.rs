//! What a model makes of one image and one text: enough to tell models apart.

use super::{Encoder, EncoderError, ImageError};
use crate::embedding::Embedding;
use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};

/// An image whose vector tells models apart, with all that is done to pixels.
const IMAGE: &[u8] = include_bytes!("probe.jpg");
/// A text for the other tower: two models may share one of their towers.
const TEXT: &str = "A mountain lake, painted in oil before 1900.";

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

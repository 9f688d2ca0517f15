//! The two towers of CLIP: text and images in, [`Embedding`]s out.

pub mod decode;
pub mod device;
pub mod hub;
pub mod model;
pub mod onnx;
pub mod preprocess;
pub mod probe;
pub mod runtime;
pub mod together;
pub mod tokenize;

use crate::embedding::Embedding;
use std::time::Duration;

/// An image that is ready for the image tower.
///
/// # Shapes
/// `[3, height, width]` (channels R, G, B; row-major), `f32`, normalised with the model's mean and
/// standard deviation.
pub type Pixels = ndarray::Array3<f32>;

/// What a model is called, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelLabel {
    /// Its name on the hub, or that of its folder.
    pub name: String,
    /// The number format of its weights.
    pub precision: String,
}

impl std::fmt::Display for ModelLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.precision)
    }
}

/// Turns text and images into [`Embedding`]s of one space.
///
/// All methods may be called from several threads at once and block while they compute.
pub trait Encoder: Send + Sync {
    /// The width d of every embedding that this encoder gives.
    fn width(&self) -> usize;

    /// What the model is called, if it has a name.
    fn label(&self) -> Option<ModelLabel> {
        None
    }

    /// Shorter side of the smallest picture that [`preprocess`](Self::preprocess) does not have to enlarge, in pixels;
    /// `None` if every size gives the model something else to see.
    fn short_edge_px(&self) -> Option<u32> {
        None
    }

    /// One embedding per text, in order. Texts over the context length are truncated. The bits of an embedding depend
    /// on its text alone, not on the texts beside it.
    ///
    /// # Errors
    /// [`EncoderError`] if the model cannot be run.
    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError>;

    /// How many texts are worth being given at once: 1 if each is run alone in any case. May have to run the model to
    /// find out.
    fn texts_together(&self) -> usize {
        32
    }

    /// Decodes an encoded image (JPEG, PNG, …) and brings it into the form that the image tower
    /// takes.
    ///
    /// # Errors
    /// [`ImageError`] if `bytes` are not an image that can be decoded within the limits.
    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError>;

    /// Loads what it takes to encode so many images fast, which an opened model may not have yet: whoever has none to
    /// encode does not wait for it. Takes time.
    fn make_ready(&self, n_images: usize) {
        let _ = n_images;
    }

    /// How images are encoded fastest, after [`make_ready`](Self::make_ready).
    fn image_runs(&self) -> ImageRuns {
        ImageRuns::default()
    }

    /// What all runs on images took together since the encoder was opened; zero if that is not known.
    fn image_run_time(&self) -> Duration {
        Duration::ZERO
    }

    /// One embedding per image, in order. Whether the images beside it change the bits of an embedding, see
    /// [`probe::batch_is_exact`].
    ///
    /// # Errors
    /// [`EncoderError`] if the model cannot be run.
    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError>;
}

/// How images are encoded fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRuns {
    /// Calls of [`Encoder::encode_images`] that work at the same time; more wait for each other.
    pub n_at_once: usize,
    /// Images of one call that share a run.
    pub max_batch: usize,
}

impl Default for ImageRuns {
    /// One run at a time, of any number of images.
    fn default() -> Self {
        Self {
            n_at_once: 1,
            max_batch: usize::MAX,
        }
    }
}

/// Why bytes cannot become [`Pixels`]: the image's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// There are no bytes.
    #[error("the image is empty (0 bytes)")]
    Empty,
    /// The content is of no known image format; `found` describes what it begins with.
    #[error(
        "not an image in a known format (the content {found}); use JPEG, PNG, GIF, WebP, TIFF or BMP"
    )]
    UnknownFormat {
        /// For instance "looks like HTML".
        found: String,
    },
    /// The decoder gave up.
    #[error("the {format} image cannot be decoded: {reason}")]
    Decode {
        /// Name of the format found in the content.
        format: String,
        /// The decoder's words.
        reason: String,
    },
    /// More pixels than allowed; refused before memory is allocated.
    #[error("the image has {width} x {height} pixels, more than the limit of {limit_px} pixels")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit in pixels.
        limit_px: u64,
    },
}

/// Why an embedding cannot be computed: the model's fault, so the operator's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The inference engine failed.
    #[error("the {tower} model cannot be run")]
    Run {
        /// "text" or "vision".
        tower: &'static str,
        /// The engine's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tokenizer failed.
    #[error("the text cannot be tokenized")]
    Tokenize(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The model gave numbers that are no direction.
    #[error("the {tower} model gave an unusable vector")]
    Output {
        /// "text" or "vision".
        tower: &'static str,
        /// What is wrong with it.
        #[source]
        source: crate::embedding::EmbeddingError,
    },
}

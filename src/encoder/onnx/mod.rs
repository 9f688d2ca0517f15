//! Inference with ONNX Runtime: the encoder that programs use.

mod idle;
mod session;
mod tensor;
pub mod threads;
mod tower;

use super::decode::decode;
use super::model::files::Towers;
use super::model::{ModelError, ModelSpec, Precision, Resize, as_usize};
use super::preprocess::pixels;
use super::tokenize::Tokenizer;
use super::{Encoder, EncoderError, ImageError, ImageRuns, ModelLabel, Pixels};
use crate::embedding::Embedding;
use session::SharedSession;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use threads::{Aim, Threads};
use tower::{Dummy, TextTower, VisionTower};

/// How [`ClipEncoder::open`] opens a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderOptions {
    /// Which of the model's files are run; the most exact ones if not given.
    pub precision: Option<Precision>,
    /// The value of `ORT_DYLIB_PATH`, if it is set: see [`super::runtime::candidates`].
    pub runtime_library: Option<PathBuf>,
    /// Threads of the inference; all processors that this process may use if not given.
    pub threads: Option<NonZeroUsize>,
    /// What the threads are for.
    pub aim: Aim,
    /// Images with more pixels are refused before they are decoded.
    pub image_limit_px: u64,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            precision: None,
            runtime_library: None,
            threads: None,
            aim: Aim::Soon,
            image_limit_px: 100_000_000,
        }
    }
}

/// A CLIP model, run by ONNX Runtime.
pub struct ClipEncoder {
    name: String,
    spec: ModelSpec,
    image_limit_px: u64,
    tokenizer: Tokenizer,
    text: TextTower,
    vision: VisionTower,
    batch: usize,
}

/// Rows of one run. Larger batches were not faster per item in our measurements, and activations
/// of the image tower take about 10 MB per image with ViT-B/32.
const BATCH: usize = 32;

impl ClipEncoder {
    /// Opens the model in `folder` and runs both towers once, so that a model that does not fit its
    /// description is refused here and not in the middle of a query.
    ///
    /// # Errors
    /// [`ModelError`] names the file at fault and the remedy.
    pub fn open(folder: &Path, options: &EncoderOptions) -> Result<Self, ModelError> {
        let spec = ModelSpec::read(folder, options.precision)?;
        let tokenizer = Tokenizer::open(&spec.tokenizer, spec.context_length)?;
        check_end_of_text(&spec, &tokenizer, folder)?;
        let library = options.runtime_library.as_deref();
        let together = Threads::together(options.threads);
        let for_images = |file: &Path| match options.aim {
            Aim::Soon => together,
            Aim::Many => Threads::apart(options.threads, file),
        };
        let (text, vision) = match &spec.towers {
            Towers::Separate { text, vision } => (
                SharedSession::load(text, library, together)?,
                SharedSession::load(vision, library, for_images(vision))?,
            ),
            Towers::Combined(model) => {
                let session = SharedSession::load(model, library, for_images(model))?;
                (session.clone(), session)
            }
        };
        let dummy = Dummy {
            ids: tokenizer.empty_ids().to_vec(),
            pixels: Pixels::zeros((3, as_usize(spec.image.height), as_usize(spec.image.width))),
        };
        let encoder = Self {
            text: TextTower::new(text, &spec, &dummy)?,
            vision: VisionTower::new(vision, &spec, &dummy)?,
            // Dynamic quantisation takes its scale from the whole batch: neighbours would change
            // each other's vectors. It gains nothing from batches either.
            batch: if spec.precision == Precision::Quantized {
                1
            } else {
                BATCH
            },
            image_limit_px: options.image_limit_px,
            tokenizer,
            name: name_of(folder),
            spec,
        };
        encoder.text.trial(&dummy)?;
        encoder.vision.trial(&dummy)?;
        Ok(encoder)
    }

    /// What the model's files say.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The tokens of `text` as the text tower gets them.
    ///
    /// # Errors
    /// [`EncoderError::Tokenize`] if the tokenizer fails.
    pub fn token_ids(&self, text: &str) -> Result<Vec<u32>, EncoderError> {
        self.tokenizer.ids(text)
    }

    /// The embedding of ready token ids, which need not come from this model's tokenizer.
    ///
    /// # Errors
    /// [`EncoderError`] if the model cannot be run.
    pub fn encode_ids(&self, ids: &[u32]) -> Result<Embedding, EncoderError> {
        let mut embeddings = self.text.run(&[ids])?;
        Ok(embeddings.pop().expect("one embedding per row"))
    }
}

impl Encoder for ClipEncoder {
    fn width(&self) -> usize {
        self.spec.width
    }

    fn label(&self) -> Option<ModelLabel> {
        Some(ModelLabel {
            name: self.name.clone(),
            precision: self.spec.precision.to_string(),
        })
    }

    /// Texts run at their true length: CLIP's text tower is causal and reads its answer at the end of
    /// text, so padding changes nothing but the time. Texts of one length share a run.
    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        let mut by_length: BTreeMap<usize, Vec<(usize, Vec<u32>)>> = BTreeMap::new();
        for (position, text) in texts.iter().enumerate() {
            let ids = self.tokenizer.ids(text)?;
            by_length
                .entry(ids.len())
                .or_default()
                .push((position, ids));
        }
        let mut embeddings: Vec<Option<Embedding>> = vec![None; texts.len()];
        for rows in by_length.values() {
            for batch in rows.chunks(self.batch) {
                let ids: Vec<&[u32]> = batch.iter().map(|(_, ids)| ids.as_slice()).collect();
                for ((position, _), embedding) in batch.iter().zip(self.text.run(&ids)?) {
                    embeddings[*position] = Some(embedding);
                }
            }
        }
        Ok(embeddings
            .into_iter()
            .map(|e| e.expect("every text is in one group, and every row gave an embedding"))
            .collect())
    }

    fn short_edge_px(&self) -> Option<u32> {
        self.spec.image.resize.map(|resize| match resize {
            Resize::ShortestEdge(px) => px,
            Resize::Exactly { height, width } => height.max(width),
        })
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        Ok(pixels(
            &decode(bytes, self.image_limit_px)?,
            &self.spec.image,
        ))
    }

    fn image_runs(&self) -> ImageRuns {
        ImageRuns {
            n_at_once: self.vision.n_at_once(),
            max_batch: self.batch,
        }
    }

    fn image_run_time(&self) -> Duration {
        self.vision.run_time()
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        let mut embeddings = Vec::with_capacity(images.len());
        for batch in images.chunks(self.batch) {
            embeddings.extend(self.vision.run(batch)?);
        }
        Ok(embeddings)
    }
}

/// The hub's name of a model in the hub's cache (`models--OWNER--NAME/snapshots/…`), otherwise that of its folder.
fn name_of(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut names = folder
        .ancestors()
        .filter_map(|path| path.file_name()?.to_str());
    let own = names.clone().next().unwrap_or("model");
    names
        .find_map(|name| name.strip_prefix("models--"))
        .map_or_else(|| own.to_owned(), |name| name.replace("--", "/"))
}

/// A model exported for another vocabulary would read its answer at the wrong place, silently.
fn check_end_of_text(
    spec: &ModelSpec,
    tokenizer: &Tokenizer,
    folder: &Path,
) -> Result<(), ModelError> {
    match spec.end_of_text {
        Some(stated) if stated != tokenizer.end_of_text() => Err(ModelError::Contradiction {
            first_file: folder.join("config.json"),
            first: format!("text_config.eos_token_id {stated}"),
            second_file: spec.tokenizer.clone(),
            second: format!("texts end with token {}", tokenizer.end_of_text()),
        }),
        _ => Ok(()),
    }
}

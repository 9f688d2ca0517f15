//! Inference with ONNX Runtime: the encoder that programs use.

mod idle;
mod providers;
mod session;
mod sharing;
mod tensor;
pub mod threads;
mod tower;

use super::decode::decode;
use super::device::Device;
use super::model::files::Towers;
use super::model::{ModelError, ModelSpec, Precision, Resize, as_usize};
use super::preprocess::pixels;
use super::tokenize::Tokenizer;
use super::{Encoder, EncoderError, ImageError, ImageRuns, ModelLabel, Pixels, probe};
use crate::embedding::Embedding;
use providers::Running;
use sharing::Sharing;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use threads::Aim;
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
    /// Whether threads that have nothing to do for a moment wait for the next part of a run without giving up their
    /// processor.
    pub spinning: bool,
    /// What runs the model.
    pub device: Device,
    /// Whether all runs have one of few shapes, as they have on graphics processors in any case.
    pub fixed_shapes: bool,
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
            spinning: false,
            device: Device::Cpu,
            fixed_shapes: false,
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
    /// Which texts may share a run, once that is known.
    sharing: OnceLock<Sharing>,
    /// Images of one run.
    batch: usize,
    has_fixed_shapes: bool,
}

/// Images of one run. Larger batches were not faster per item in our measurements, and activations
/// of the image tower take about 10 MB per image with ViT-B/32.
const BATCH: usize = 32;

/// Images of each run where all runs have the same number.
const FIXED_BATCH: usize = 8;

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
        let (sessions, device) = providers::load(&files_of(&spec.towers), options)?;
        let Running { text, vision } = sessions;
        let has_fixed_shapes = options.fixed_shapes || device != Device::Cpu;
        let dummy = Dummy {
            ids: tokenizer.empty_ids().to_vec(),
            pixels: Pixels::zeros((3, as_usize(spec.image.height), as_usize(spec.image.width))),
        };
        let encoder = Self {
            text: TextTower::new(text, &spec, &dummy)?,
            vision: VisionTower::new(vision, &spec, &dummy)?,
            sharing: OnceLock::new(),
            // Dynamic quantisation takes its scale from the whole batch: neighbours would change
            // each other's vectors. It gains nothing from batches either.
            batch: match spec.precision {
                _ if has_fixed_shapes => FIXED_BATCH,
                Precision::Quantized => 1,
                Precision::F32 | Precision::F16 => BATCH,
            },
            has_fixed_shapes,
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
        let mut embeddings = self.text.run(&[ids], 1, ids.len())?;
        Ok(embeddings.pop().expect("one embedding per row"))
    }

    /// Found out by whoever first has several texts, while others wait.
    fn sharing(&self) -> Sharing {
        *self.sharing.get_or_init(|| {
            let sharing = self.find_sharing();
            tracing::debug!(?sharing, "which texts share a run of the model");
            sharing
        })
    }

    fn find_sharing(&self) -> Sharing {
        let context_length = self.spec.context_length;
        if self.spec.precision == Precision::Quantized {
            // A text's scale is that of its run, whatever happens to come out for a few texts.
            return Sharing::Alone;
        }
        if self.has_fixed_shapes {
            return Sharing::Fixed { context_length };
        }
        let Ok(words) = self.tokenizer.ids(probe::TEXT) else {
            return Sharing::Alone;
        };
        let [first, words @ .., last] = &words[..] else {
            return Sharing::Alone;
        };
        let Some(longest) = NonZeroUsize::new(words.len().min(context_length.saturating_sub(2)))
        else {
            return Sharing::Alone;
        };
        let text = |number: usize, length: usize| {
            let some = words.iter().cycle().skip(number).take(length);
            std::iter::once(first)
                .chain(some)
                .chain([last])
                .copied()
                .collect()
        };
        let run = |rows: &[Vec<u32>]| {
            let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
            let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
            self.text.run(&rows, rows.len(), longest)
        };
        Sharing::found_out(longest, text, run).unwrap_or(Sharing::Alone)
    }
}

/// The files of the towers: one, if it has both.
fn files_of(towers: &Towers) -> [&Path; 2] {
    match towers {
        Towers::Separate { text, vision } => [text, vision],
        Towers::Combined(model) => [model, model],
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

    /// A text alone runs at its true length: CLIP's text tower is causal and reads its answer at the end of text, so
    /// padding changes nothing but the time. Several share runs as far as that changes no bit.
    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        let ids: Vec<Vec<u32>> = (texts.iter())
            .map(|text| self.tokenizer.ids(text))
            .collect::<Result<_, _>>()?;
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let sharing = match texts.len() {
            // What it can share a run with takes time to find out.
            0 | 1 if !self.has_fixed_shapes => Sharing::Alone,
            _ => self.sharing(),
        };
        let mut embeddings: Vec<Option<Embedding>> = vec![None; texts.len()];
        for run in sharing.runs(&lengths) {
            let rows: Vec<&[u32]> = run.texts.iter().map(|text| ids[*text].as_slice()).collect();
            let found = self.text.run(&rows, run.n_rows, run.length)?;
            for (text, embedding) in run.texts.into_iter().zip(found) {
                embeddings[text] = Some(embedding);
            }
        }
        Ok(embeddings
            .into_iter()
            .map(|e| e.expect("every text is in one run, and every row gave an embedding"))
            .collect())
    }

    fn texts_together(&self) -> usize {
        self.sharing().most()
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

    fn make_ready(&self, n_images: usize) {
        self.vision.make_ready(n_images);
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
            let n_rows = self.has_fixed_shapes.then_some(self.batch);
            embeddings.extend(self.vision.run(batch, n_rows)?);
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

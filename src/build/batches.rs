//! The threads that run the model, on several images at a time where that changes no bit.
//!
//! The bits of a vector depend on its image alone, so an interrupted build ends with the same bytes as any other, and
//! so does a build of a collection that has grown. Several images in a run share the scale of dynamically quantised
//! models: measured with ONNX Runtime 1.32 on a small int8 CLIP, batches of 64 moved vectors to a cosine of 0.9990
//! with themselves. In `f32` the bits stay, which no one promises, so that it is tried before it is relied on.

use super::encode::{Provenance, Ready, Shared, lock};
use super::failures::Stage;
use super::journal::Id;
use crate::embedding::Embedding;
use crate::encoder::probe;
use crate::encoder::{Encoder, EncoderError};
use anyhow::{Context, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use tokio::sync::mpsc;

/// Images of one run. Larger batches are hardly faster: the matrices of eight images fill the cores.
const BATCH: usize = 8;

/// Builds of fewer images run the model on one at a time: to find out whether batches are exact costs the time of
/// two of them, and what they save is a fifth on some processors and a twentieth on others.
const WORTH_IT: usize = 24 * BATCH;

/// How many images the model is run on at a time.
pub(super) struct Batches {
    n_images: usize,
    is_tried: AtomicBool,
    size: OnceLock<usize>,
}

impl Batches {
    /// For a build that needs so many vectors.
    pub(super) fn new(n_images: usize) -> Self {
        Self {
            n_images,
            is_tried: AtomicBool::new(false),
            size: OnceLock::new(),
        }
    }

    /// Found out by the thread that asks first; to the others it is one for so long.
    fn size(&self, encoder: &dyn Encoder) -> usize {
        if let Some(size) = self.size.get() {
            return *size;
        }
        let is_worth_it = self.n_images >= WORTH_IT && encoder.image_runs().max_batch >= BATCH;
        if !is_worth_it || self.is_tried.swap(true, Ordering::Relaxed) {
            return 1;
        }
        *self.size.get_or_init(
            || match probe::batch_is_exact(encoder, BATCH).unwrap_or(false) {
                true => BATCH,
                false => 1,
            },
        )
    }
}

/// Takes images from the channel until it is empty and closed, or the build is to stop.
pub(super) fn run_model(
    shared: &Shared,
    receiver: &Mutex<mpsc::Receiver<Ready>>,
) -> anyhow::Result<()> {
    while !shared.stop.load(Ordering::Relaxed) {
        let size = shared.batches.size(&*shared.encoder);
        let batch = take(&mut lock(receiver), size);
        if batch.is_empty() {
            break;
        }
        if let Err(error) = encode(shared, batch, size) {
            // Closing tells the downloads to end, and the other threads.
            shared.stop.store(true, Ordering::Relaxed);
            lock(receiver).close();
            return Err(error);
        }
    }
    Ok(())
}

/// Waits for an image, and takes what else is ready; nothing at the end. The lock is held while waiting; the other
/// threads wait for the lock instead.
fn take(receiver: &mut mpsc::Receiver<Ready>, size: usize) -> Vec<Ready> {
    let mut batch = Vec::with_capacity(size);
    batch.extend(receiver.blocking_recv());
    while !batch.is_empty()
        && batch.len() < size
        && let Ok(ready) = receiver.try_recv()
    {
        batch.push(ready);
    }
    batch
}

/// Runs the model on a whole batch at once, and on less than that one by one: only the whole was tried.
fn encode(shared: &Shared, batch: Vec<Ready>, size: usize) -> anyhow::Result<()> {
    let (images, pixels): (Vec<_>, Vec<_>) = (batch.into_iter())
        .map(|ready| ((ready.image, ready.provenance), ready.pixels))
        .unzip();
    if images.len() == size && size > 1 {
        match shared.encoder.encode_images(&pixels) {
            Ok(embeddings) => {
                ensure!(embeddings.len() == images.len(), "the model gave no vector");
                for ((image, provenance), embedding) in images.into_iter().zip(&embeddings) {
                    keep(shared, image.id, provenance, embedding)?;
                }
                return Ok(());
            }
            // That is one image's: which it is shows one by one.
            Err(EncoderError::Output { .. }) => {}
            Err(error @ (EncoderError::Run { .. } | EncoderError::Tokenize(_))) => {
                let first = &images[0].0.url;
                return Err(error).with_context(|| {
                    format!("the build stopped at {first} or one of the {size} images from there")
                });
            }
        }
    }
    for ((image, provenance), pixels) in images.into_iter().zip(pixels) {
        match shared.encoder.encode_images(&[pixels]) {
            Ok(embeddings) => {
                let embedding = embeddings.first().context("the model gave no vector")?;
                keep(shared, image.id, provenance, embedding)?;
            }
            // A vector without direction is this image's; that the model cannot be run is not.
            Err(error @ EncoderError::Output { .. }) => {
                let error = anyhow::Error::new(error);
                shared.fail(image.failure(Stage::Encode, format!("{error:#}")));
            }
            Err(error @ (EncoderError::Run { .. } | EncoderError::Tokenize(_))) => {
                return Err(error).with_context(|| format!("the build stopped at {}", image.url));
            }
        }
    }
    Ok(())
}

fn keep(
    shared: &Shared,
    id: Id,
    provenance: Provenance,
    embedding: &Embedding,
) -> anyhow::Result<()> {
    let mut journal = lock(&shared.journal);
    (journal.append(id, embedding)).context("the journal cannot be written")?;
    if let (Some(files), Some(of)) = (&shared.files, provenance.of) {
        let noted = files.note(id, of, &journal);
        noted.context("what is known of the files cannot be written")?;
    }
    if let Some(answered) = provenance.answered {
        lock(&shared.answers)
            .note(&id, &answered, &mut journal)
            .context("what servers said cannot be written down")?;
    }
    drop(journal);
    if provenance.has_changed {
        shared.n_changed.fetch_add(1, Ordering::Relaxed);
        shared.progress.changed();
    }
    shared.progress.advance();
    Ok(())
}

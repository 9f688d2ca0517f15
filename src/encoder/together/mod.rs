//! What queries ask of the model at the same time is encoded together.
//!
//! Texts and pictures wait in one queue each, from which one thread takes all that is there, up to a batch. Nobody
//! waits for company: where nothing runs, a text is encoded at once, and what comes meanwhile is the next batch. So a
//! text waits as long as the batch that runs, and those whose turn is before its own.

mod lane;
mod queue;

use super::{Encoder, EncoderError, Pixels, probe};
use crate::embedding::Embedding;
use lane::Lane;
pub use queue::IsStopped;
use queue::{Batch, Bounds};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Why something in a query has no vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// Too much waits for the model.
    #[error("too much waits for the model")]
    Full,
    /// Nobody waits for the vector any more.
    #[error("nobody waits for the vector any more")]
    Stopped,
}

/// An encoder for many queries at once. All methods block.
pub struct Together {
    encoder: Arc<dyn Encoder>,
    texts: Lane<String>,
    images: Lane<Pixels>,
}

/// Each text that waits has a thread that waits for it; of those there are 512.
const TEXTS: Bounds = Bounds {
    requests: 256,
    items: 8192,
};

/// A picture of 224 x 224 takes 600 kB while it waits.
const IMAGES: Bounds = Bounds {
    requests: 64,
    items: 64,
};

/// Tokens of one batch of texts: some tenths of a second with a large model, so that nobody waits longer for a turn.
const TOKENS: usize = 768;

/// Pictures of one batch. Larger ones are hardly faster per picture.
const IMAGE_BATCH: usize = 4;

impl Together {
    /// Queries share `encoder`.
    #[must_use]
    pub fn new(encoder: Arc<dyn Encoder>) -> Self {
        let of_texts = Arc::clone(&encoder);
        let most_texts = move |n_waiting| Batch {
            items: match n_waiting {
                // What can share a run takes the model to find out.
                0 | 1 => 1,
                _ => of_texts.texts_together().max(1),
            },
            cost: TOKENS,
        };
        let of_texts = Arc::clone(&encoder);
        let encode_texts = move |texts: &[String]| encode_texts(&*of_texts, texts);
        let of_images = Arc::clone(&encoder);
        let is_exact = OnceLock::new();
        let encode_images = move |images: &[Pixels]| {
            // Where a run of several may change a bit, and for fewer than were tried, they run one by one.
            let is_together = images.len() == IMAGE_BATCH
                && *is_exact.get_or_init(|| {
                    probe::batch_is_exact(&*of_images, IMAGE_BATCH).unwrap_or(false)
                });
            if is_together {
                return of_images.encode_images(images);
            }
            let mut embeddings = Vec::with_capacity(images.len());
            for image in images {
                embeddings.extend(of_images.encode_images(std::slice::from_ref(image))?);
            }
            Ok(embeddings)
        };
        let most_images = |_| Batch {
            items: IMAGE_BATCH,
            cost: usize::MAX,
        };
        Self {
            encoder,
            texts: Lane::new("text encoder", TEXTS, most_texts, encode_texts),
            images: Lane::new("image encoder", IMAGES, most_images, encode_images),
        }
    }

    /// The model.
    #[must_use]
    pub fn encoder(&self) -> &Arc<dyn Encoder> {
        &self.encoder
    }

    /// One embedding per text, in order.
    ///
    /// # Errors
    /// [`EmbedError`]; of several texts that fail, the first one's.
    pub fn texts(
        &self,
        texts: &[&str],
        is_stopped: &IsStopped,
    ) -> Result<Vec<Embedding>, EmbedError> {
        let items = (texts.iter()).map(|text| ((*text).to_owned(), n_tokens(text)));
        self.texts.encode(items.collect(), is_stopped)
    }

    /// The embedding of a picture.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub fn image(&self, pixels: Pixels, is_stopped: &IsStopped) -> Result<Embedding, EmbedError> {
        let mut embeddings = self.images.encode([(pixels, 1)].into(), is_stopped)?;
        Ok(embeddings.pop().expect("one embedding per item"))
    }
}

/// About as many as `text` has, and no more than models take.
fn n_tokens(text: &str) -> usize {
    (2 + text.len() / 4).min(77)
}

/// Several may ask for the same text at the same time: it is encoded once.
fn encode_texts(encoder: &dyn Encoder, texts: &[String]) -> Result<Vec<Embedding>, EncoderError> {
    let mut number_of: HashMap<&str, usize> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut numbers = Vec::with_capacity(texts.len());
    for text in texts {
        let number = *number_of.entry(text).or_insert(distinct.len());
        if number == distinct.len() {
            distinct.push(text);
        }
        numbers.push(number);
    }
    let embeddings = encoder.encode_texts(&distinct)?;
    Ok(numbers
        .into_iter()
        .filter_map(|number| embeddings.get(number).cloned())
        .collect())
}

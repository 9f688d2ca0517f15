//! Whether a model is the one that made the features of a collection.
//!
//! Models of one width give vectors that can be compared, and whose comparison means nothing: an image scores
//! 0.2 against itself. What a model makes of the same image twice is the same vector; in another number format
//! it is a near one.

use super::Collection;
use crate::data_dir::IDENTITY;
use crate::embedding::Embedding;
use crate::encoder::Encoder;
use crate::encoder::probe::{Probe, ProbeError};
use std::path::{Path, PathBuf};

/// At this cosine the models are one: rounding, and what decoders of other libraries do.
const SAME: f32 = 0.999;
/// At this cosine they are one model in two number formats, which an operator may choose for their speed; what
/// lies below is another model. A quantized export of the model in tests/fixtures is above 0.999, and larger ones
/// lose more; other models are near 0.
const NEAR: f32 = 0.95;
/// Stored pictures that are tried in a collection without an identity: one may have been replaced, or be of a
/// kind that the original service saw otherwise.
const N_PICTURES: usize = 4;
/// Rows that are looked at for a stored picture.
const N_ROWS: usize = 1000;

/// How a model stands to the features of a collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Kinship {
    /// It made them.
    Same,
    /// It made them in another number format, or it is very near to the one that did.
    Near(Likeness),
    /// Another model made them: scores would mean nothing.
    Other(Likeness),
    /// The collection has neither an identity nor a stored picture.
    Unknown,
}

/// Cosines of what the two models make of the same things.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    /// Of an image.
    pub image: f32,
    /// Of a text, where the collection's identity has it.
    pub text: Option<f32>,
    /// The model that made the features, where its name is known.
    pub made_by: Option<String>,
}

impl Likeness {
    /// ", namely NAME (PRECISION)" where the maker is known, for messages.
    #[must_use]
    pub fn maker(&self) -> String {
        (self.made_by.as_ref()).map_or_else(String::new, |name| format!(", namely {name}"))
    }
}

impl std::fmt::Display for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "what they make of one image has the cosine {:.3}",
            self.image
        )?;
        match self.text {
            Some(text) => write!(f, ", of one text {text:.3}"),
            None => Ok(()),
        }
    }
}

/// How `encoder` stands to the features of `collection`, which lies in `dir`: by the collection's identity,
/// otherwise by the pictures that were left in it, otherwise not at all. Runs the model on an image or a few.
///
/// # Errors
/// [`ProbeError`] if the model cannot be run.
pub fn kinship(
    dir: &Path,
    collection: &Collection,
    encoder: &dyn Encoder,
) -> Result<Kinship, ProbeError> {
    let width = collection.features().width();
    let likeness = match collection.identity() {
        Some(identity) => {
            let theirs = identity.probe();
            let theirs = theirs.filter(|_| encoder.width() == width);
            let ours = Probe::of(encoder)?;
            Some(Likeness {
                image: theirs.as_ref().map_or(0.0, |p| p.image.cosine(&ours.image)),
                text: Some(theirs.as_ref().map_or(0.0, |p| p.text.cosine(&ours.text))),
                made_by: identity.model.label.as_ref().map(ToString::to_string),
            })
        }
        None if encoder.width() != width => Some(Likeness {
            image: 0.0,
            text: None,
            made_by: None,
        }),
        None => best_of_stored(dir, collection, encoder)?.map(|image| Likeness {
            image,
            text: None,
            made_by: None,
        }),
    };
    Ok(match likeness {
        None => Kinship::Unknown,
        Some(likeness) => {
            let least = likeness.image.min(likeness.text.unwrap_or(1.0));
            if least >= SAME {
                Kinship::Same
            } else if least >= NEAR {
                Kinship::Near(likeness)
            } else {
                Kinship::Other(likeness)
            }
        }
    })
}

/// The best cosine of a stored picture with its row of the features.
fn best_of_stored(
    dir: &Path,
    collection: &Collection,
    encoder: &dyn Encoder,
) -> Result<Option<f32>, ProbeError> {
    let mut best: Option<f32> = None;
    let mut n_tried = 0;
    for row in 0..collection.len().min(N_ROWS) {
        let Some(pixels) = std::fs::read(stored(dir, &collection.id(row)))
            .ok()
            .and_then(|bytes| encoder.preprocess(&bytes).ok())
        else {
            continue;
        };
        let found = encoder.encode_images(&[pixels])?;
        let row = Embedding::new(collection.features().row(row).to_vec());
        if let (Some(found), Ok(row)) = (found.first(), row) {
            let cosine = found.cosine(&row);
            best = Some(best.map_or(cosine, |best| best.max(cosine)));
        }
        n_tried += 1;
        if n_tried == N_PICTURES || best.is_some_and(|best| best >= SAME) {
            break;
        }
    }
    Ok(best)
}

fn stored(dir: &Path, id: &str) -> PathBuf {
    // Ids come from a file, and are names here.
    let name: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    dir.join("images").join(format!("{name}.jpg"))
}

/// What an operator is told who uses a model that nothing speaks for.
#[must_use]
pub fn unknown(dir: &Path) -> String {
    format!(
        "the collection in {} does not say which model made it: it has no {IDENTITY} and no picture in images/; run `clip-search build` again to have it written",
        dir.display()
    )
}

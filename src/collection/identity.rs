//! Which model made the features of a data directory, and what its files have to be: `features.json`.

use super::requested::Requested;
use crate::data_dir::IDENTITY;
use crate::embedding::Embedding;
use crate::encoder::ModelLabel;
use crate::encoder::probe::Probe;
use crate::features::sum::Sum;
use crate::image_id;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The latest form of the file that this version reads.
const FORMAT: u32 = 2;

/// The form that versions read which knew widths alone.
const WIDTHS_ALONE: u32 = 1;

/// At this cosine two vectors of one image are by one model: processors of different kinds round differently in
/// the last bits, which leaves 0.999999.
const ROUNDING: f32 = 0.9999;

/// Two values of which a collection has one.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Of what, in the plural.
    pub what: &'static str,
    /// The value of this identity.
    pub ours: String,
    /// The value of the other one.
    pub theirs: String,
}

/// What `features.json` holds. Equal input gives equal bytes: there is no date and no path in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    format: u32,
    /// Name and version of the program that wrote the features.
    pub program: String,
    /// The model that made them.
    pub model: Model,
    /// Which pictures of the images were requested.
    #[serde(flatten)]
    pub requested: Requested,
    /// Rows of the matrix.
    pub images: usize,
    /// Components of a row.
    pub width: usize,
    /// Checksums of the files.
    pub blake2b_256: Sums,
}

/// A model, as far as features depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name and number format, for people: nothing is decided by them.
    #[serde(flatten)]
    pub label: Option<ModelLabel>,
    /// Hash of `probe_image`, 40 hex digits.
    pub fingerprint: String,
    /// What it makes of the image of [`Probe`]: little-endian `f32`, in base64.
    probe_image: String,
    /// What it makes of the text of [`Probe`].
    probe_text: String,
}

/// Checksums by file name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Of the matrix.
    #[serde(rename = "features.npy")]
    pub features: Sum,
    /// Of the ids.
    #[serde(rename = "imageIds.csv")]
    pub image_ids: Sum,
    /// Of the sizes. Earlier versions wrote none.
    #[serde(rename = "sizes.csv", default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sum>,
}

/// Why `features.json` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The system does not let us read it.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not what a build writes.
    #[error("{} is damaged ({reason}); copy it anew, run `clip-search build` again, or delete it to go without its checks", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Written by a version that knows more.
    #[error("{} has the form {found}, and this version knows {FORMAT}; use the version that wrote it", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
}

impl Identity {
    /// The identity of features that are about to be written.
    #[must_use]
    pub fn new(
        label: Option<ModelLabel>,
        probe: &Probe,
        requested: Requested,
        images: usize,
        blake2b_256: Sums,
    ) -> Self {
        Self {
            format: match requested {
                Requested::Width(_) => WIDTHS_ALONE,
                Requested::ShortEdge(_) => FORMAT,
            },
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: Model {
                label,
                fingerprint: image_id::hex(&probe.fingerprint()),
                probe_image: to_base64(&probe.image),
                probe_text: to_base64(&probe.text),
            },
            requested,
            images,
            width: probe.image.width(),
            blake2b_256,
        }
    }

    /// Reads the identity of the features in the data directory `dir`; `None` if it has none.
    ///
    /// # Errors
    /// [`IdentityError`] if the file is there and cannot be used.
    pub fn read(dir: &Path) -> Result<Option<Self>, IdentityError> {
        let path = dir.join(IDENTITY);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IdentityError::Read { path, source }),
        };
        let damaged = |reason: String| IdentityError::Damaged {
            path: path.clone(),
            reason,
        };
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let Form { format } =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if !(WIDTHS_ALONE..=FORMAT).contains(&format) {
            return Err(IdentityError::Format {
                path,
                found: format,
            });
        }
        let identity: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        match identity.probe() {
            Some(probe) if image_id::hex(&probe.fingerprint()) == identity.model.fingerprint => {
                Ok(Some(identity))
            }
            Some(_) | None => Err(damaged(
                "the fingerprint is not that of the model's vectors".to_owned(),
            )),
        }
    }

    /// The file's text.
    ///
    /// # Panics
    /// Never: all of it can be written as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers are JSON");
        text.push('\n');
        text
    }

    /// What keeps the features of `self` and of `other` from being those of one collection, as the two values that
    /// differ; `None` if nothing does. Other images are no difference.
    #[must_use]
    pub fn conflict(&self, other: &Self) -> Option<Conflict> {
        let name = |identity: &Self| match &identity.model.label {
            Some(label) => label.to_string(),
            None => format!(
                "the one with the fingerprint {}",
                identity.model.fingerprint
            ),
        };
        let differ = |what, of: fn(&Self) -> String| Some((what, of(self), of(other)));
        let (what, ours, theirs) = if self.program != other.program {
            differ("versions", |identity| identity.program.clone())
        } else if self.requested != other.requested {
            differ("pictures", |identity| identity.requested.described())
        } else if (&self.model.label, self.width) != (&other.model.label, other.width)
            || !self.is_near(other)
        {
            let (ours, theirs) = (name(self), name(other));
            if ours == theirs {
                differ("models", |identity| identity.model.fingerprint.clone())
            } else {
                Some(("models", ours, theirs))
            }
        } else {
            None
        }?;
        Some(Conflict { what, ours, theirs })
    }

    /// Whether both models make the same of the probe, to the last bit: one model, on processors that round alike.
    #[must_use]
    pub fn rounds_as(&self, other: &Self) -> bool {
        self.model.fingerprint == other.model.fingerprint
    }

    fn is_near(&self, other: &Self) -> bool {
        let (Some(ours), Some(theirs)) = (self.probe(), other.probe()) else {
            return false;
        };
        let least = ours
            .image
            .cosine(&theirs.image)
            .min(ours.text.cosine(&theirs.text));
        least >= ROUNDING
    }

    /// What the model makes of the probe; `None` if it has not the width of the features.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        let vector = |text| from_base64(text).filter(|vector| vector.width() == self.width);
        Some(Probe {
            image: vector(&self.model.probe_image)?,
            text: vector(&self.model.probe_text)?,
        })
    }
}

fn to_base64(vector: &Embedding) -> String {
    let bytes: Vec<u8> = vector
        .as_slice()
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

fn from_base64(text: &str) -> Option<Embedding> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, []) = bytes.as_chunks() else {
        return None;
    };
    Embedding::new(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect()).ok()
}

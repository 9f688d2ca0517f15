//! A JSON file of a model folder, read so that every complaint names the file and the key.

use super::{ModelError, files};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One parsed file; keys are given as paths such as `["text_config", "projection_dim"]`.
pub(super) struct JsonFile {
    path: PathBuf,
    root: Value,
}

impl JsonFile {
    pub(super) fn read(path: PathBuf) -> Result<Self, ModelError> {
        files::check_fetched(&path)?;
        let text = std::fs::read(&path).map_err(|source| ModelError::Read {
            file: path.clone(),
            source,
        })?;
        let root: Value = serde_json::from_slice(&text).map_err(|source| ModelError::NotJson {
            file: path.clone(),
            source,
        })?;
        if !root.is_object() {
            return Err(ModelError::BadValue {
                file: path,
                key: "(top level)".to_owned(),
                found: abridged(&root),
                expected: "a JSON object",
            });
        }
        Ok(Self { path, root })
    }

    /// `None` for a file that is not there; a file that is there must be readable.
    pub(super) fn read_optional(path: PathBuf) -> Result<Option<Self>, ModelError> {
        if path.exists() {
            Self::read(path).map(Some)
        } else {
            Ok(None)
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The value at `keys`; JSON's `null` counts as absent, as the Python library reads it.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter()
            .try_fold(&self.root, |value, key| value.get(key))
            .filter(|value| !value.is_null())
    }

    pub(super) fn missing(&self, keys: &[&str], remedy: &'static str) -> ModelError {
        ModelError::MissingKey {
            file: self.path.clone(),
            key: keys.join("."),
            remedy,
        }
    }

    pub(super) fn bad(&self, keys: &[&str], expected: &'static str) -> ModelError {
        ModelError::BadValue {
            file: self.path.clone(),
            key: keys.join("."),
            found: self.get(keys).map_or_else(String::new, abridged),
            expected,
        }
    }

    /// A whole number from 1 to 2^24: sizes beyond that are mistakes, and products of them overflow.
    pub(super) fn size(&self, keys: &[&str]) -> Result<Option<u32>, ModelError> {
        let Some(value) = self.get(keys) else {
            return Ok(None);
        };
        value
            .as_u64()
            .and_then(|size| u32::try_from(size).ok())
            .filter(|size| (1..=1 << 24).contains(size))
            .map(Some)
            .ok_or_else(|| self.bad(keys, "a whole number from 1 to 16777216"))
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, ModelError> {
        match self.get(&[key]) {
            None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| self.bad(&[key], "true or false")),
        }
    }

    /// Three numbers, one per colour channel.
    pub(super) fn channels(&self, key: &str) -> Result<[f32; 3], ModelError> {
        let value = self
            .get(&[key])
            .ok_or_else(|| self.missing(&[key], "it must hold one number per colour channel"))?;
        let numbers: Option<Vec<f32>> = value.as_array().and_then(|numbers| {
            numbers
                .iter()
                .map(|number| number.as_f64().map(to_f32).filter(|x| x.is_finite()))
                .collect()
        });
        numbers
            .and_then(|numbers| numbers.try_into().ok())
            .ok_or_else(|| self.bad(&[key], "three finite numbers"))
    }
}

/// The nearest `f32`, which is what the Python reference computes with.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest f32 is what is asked for"
)]
pub(super) fn to_f32(x: f64) -> f32 {
    x as f32
}

/// `value` as JSON, cut after some characters so that an error stays one line.
fn abridged(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        None => text,
        Some((cut, _)) => format!("{}…", &text[..cut]),
    }
}

//! What `inspect` tells about a model folder, faults included.

use super::files;
use super::{ImageSpec, ModelError, ModelSpec, Precision};
use std::error::Error;
use std::path::{Path, PathBuf};

/// A model folder at a glance; `spec` is absent if the folder cannot be used.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelDescription {
    /// The model folder.
    pub folder: PathBuf,
    /// What its files say.
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// The precisions that it holds, most exact first.
    pub available: Vec<Precision>,
    /// The files that a model has, as far as they are there.
    pub files: Vec<FileSize>,
    /// Why it cannot be used; empty if it can, as far as its files show without running it.
    pub problems: Vec<String>,
}

/// The numbers that matter to users.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Facts {
    /// Width d of the embeddings.
    pub width: usize,
    /// The most tokens that a text may have.
    pub context_length: usize,
    /// How an image becomes pixels.
    pub image: ImageSpec,
    /// The precision that is run.
    pub precision: Precision,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileSize {
    /// Path within the folder.
    pub name: String,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// Describes `folder` as [`ModelSpec::read`] sees it, without loading the model.
#[must_use]
pub fn describe(folder: &Path, precision: Option<Precision>) -> ModelDescription {
    let (facts, problems) = match ModelSpec::read(folder, precision) {
        Ok(spec) => (Some(Facts::from(spec)), Vec::new()),
        Err(error) => (None, vec![with_causes(&error)]),
    };
    ModelDescription {
        folder: folder.to_owned(),
        facts,
        available: files::available(folder)
            .into_iter()
            .map(|(p, _)| p)
            .collect(),
        files: file_sizes(folder),
        problems,
    }
}

impl From<ModelSpec> for Facts {
    fn from(spec: ModelSpec) -> Self {
        Self {
            width: spec.width,
            context_length: spec.context_length,
            image: spec.image,
            precision: spec.precision,
        }
    }
}

fn with_causes(error: &ModelError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The JSON and ONNX files in the folder and in `onnx/`, by name.
fn file_sizes(folder: &Path) -> Vec<FileSize> {
    let mut sizes: Vec<FileSize> = ["", "onnx/"]
        .iter()
        .flat_map(|place| {
            let entries = std::fs::read_dir(folder.join(place)).into_iter().flatten();
            entries.filter_map(Result::ok).filter_map(move |entry| {
                let name = format!("{place}{}", entry.file_name().to_string_lossy());
                // Hub caches link to their files: follow.
                let metadata = std::fs::metadata(entry.path()).ok()?;
                let ours = [".json", ".onnx", ".onnx_data", ".onnx.data"];
                let is_ours = metadata.is_file() && ours.iter().any(|end| name.ends_with(end));
                let size_bytes = metadata.len();
                is_ours.then_some(FileSize { name, size_bytes })
            })
        })
        .collect();
    sizes.sort_by(|a, b| a.name.cmp(&b.name));
    sizes
}

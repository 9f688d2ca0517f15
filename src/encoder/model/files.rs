//! Which ONNX files of a model folder are run: two towers, or one combined model.

use super::{ModelError, Precision};
use crate::git_lfs;
use std::path::{Path, PathBuf};

/// The ONNX file or files that are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Towers {
    /// One file per tower.
    Separate {
        /// Token ids in, `text_embeds` out.
        text: PathBuf,
        /// Pixels in, `image_embeds` out.
        vision: PathBuf,
    },
    /// One file that takes a text and an image at once; each use feeds a dummy for the other.
    Combined(PathBuf),
}

impl Towers {
    /// Whether the files, and the weights that large exports keep beside them, are more than pointers.
    pub(super) fn check_fetched(&self) -> Result<(), ModelError> {
        let models = match self {
            Self::Separate { text, vision } => vec![text, vision],
            Self::Combined(model) => vec![model],
        };
        (models.into_iter())
            .flat_map(|model| with_weights(model))
            .try_for_each(|file| check_fetched(&file))
    }
}

/// The file of a model, and those in which large exports keep its weights, whether they are there or not.
pub(crate) fn with_weights(model: &Path) -> [PathBuf; 3] {
    ["", "_data", ".data"].map(|ending| {
        let mut path = model.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    })
}

/// Refuses a file that Git LFS has not fetched yet.
pub(super) fn check_fetched(file: &Path) -> Result<(), ModelError> {
    match git_lfs::is_pointer(file) {
        true => Err(ModelError::LfsPointer(file.to_owned())),
        false => Ok(()),
    }
}

/// The best files of `folder`, or those of the `wanted` precision.
///
/// # Errors
/// [`ModelError::NoOnnx`] if there are none, [`ModelError::NoSuchPrecision`] if only others.
pub(super) fn find(
    folder: &Path,
    wanted: Option<Precision>,
) -> Result<(Precision, Towers), ModelError> {
    let available = available(folder);
    let found = available
        .iter()
        .find(|(precision, _)| wanted.is_none_or(|wanted| wanted == *precision));
    match (found, wanted) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(wanted)) if !available.is_empty() => Err(ModelError::NoSuchPrecision {
            folder: folder.to_owned(),
            wanted,
            available: available.iter().map(|(p, _)| *p).collect(),
        }),
        (None, _) => Err(ModelError::NoOnnx {
            folder: folder.to_owned(),
        }),
    }
}

/// Every precision that `folder` holds completely, best first.
pub(crate) fn available(folder: &Path) -> Vec<(Precision, Towers)> {
    let in_one = |suffix: &str| {
        // `onnx/` is the hub's layout; exporters write beside config.json.
        [folder.join("onnx"), folder.to_owned()]
            .iter()
            .find_map(|place| {
                let file = |stem: &str| place.join(format!("{stem}{suffix}.onnx"));
                let (text, vision) = (file("text_model"), file("vision_model"));
                if text.is_file() && vision.is_file() {
                    return Some(Towers::Separate { text, vision });
                }
                let model = file("model");
                model.is_file().then_some(Towers::Combined(model))
            })
    };
    Precision::ALL
        .into_iter()
        .filter_map(|precision| {
            let towers = precision.suffixes().iter().find_map(|s| in_one(s))?;
            Some((precision, towers))
        })
        .collect()
}

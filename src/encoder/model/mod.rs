//! A model folder in the hub's ONNX layout, read into numbers: nothing that its files state is assumed.

pub mod describe;
pub mod files;
mod json;
mod parse;

use crate::encoder::device::Device;
use crate::encoder::runtime::RuntimeError;
use files::Towers;
use json::JsonFile;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What the files of a model folder say about the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// Width d of the joint embedding space.
    pub width: usize,
    /// The most tokens that the text tower takes, start and end of text included.
    pub context_length: usize,
    /// How an image becomes pixels.
    pub image: ImageSpec,
    /// The end-of-text token at which the text tower reads its answer, where `config.json` states it.
    pub end_of_text: Option<u32>,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// Precision of the files in `towers`.
    pub precision: Precision,
    /// The ONNX files.
    pub towers: Towers,
}

/// How an image becomes pixels, from `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ImageSpec {
    /// The size rule of the resizing step; `None` leaves the image as large as it is.
    pub resize: Option<Resize>,
    /// The filter of the resizing step.
    pub filter: Filter,
    /// Height of what the image tower takes, in pixels.
    pub height: u32,
    /// Width of what the image tower takes, in pixels.
    pub width: u32,
    /// Factor from bytes to numbers, mostly 1/255; 1 if there is no such step.
    pub scale: f64,
    /// Per channel, subtracted after scaling; 0 if there is no such step.
    pub mean: [f32; 3],
    /// Per channel, divided by last; 1 if there is no such step.
    pub std: [f32; 3],
}

/// The size rule of the resizing step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shorter side gets this many pixels, the longer one in proportion.
    ShortestEdge(u32),
    /// Exactly this size, whatever the proportions.
    Exactly {
        /// In pixels.
        height: u32,
        /// In pixels.
        width: u32,
    },
}

/// Resampling filters, under Pillow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Pillow's 0.
    Nearest,
    /// Pillow's 1.
    Lanczos,
    /// Pillow's 2.
    Bilinear,
    /// Pillow's 3; CLIP's.
    Bicubic,
    /// Pillow's 4.
    Box,
    /// Pillow's 5.
    Hamming,
}

/// The numbers that a model's weights are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats: `text_model.onnx`.
    F32,
    /// 16-bit floats: `text_model_fp16.onnx`.
    F16,
    /// 8-bit (or fewer) integers: `text_model_quantized.onnx`. Fastest, a little less exact.
    Quantized,
}

impl Precision {
    /// Most exact first: the order in which a folder is searched when none is asked for.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Quantized];

    /// What hubs append to the file name; the spellings of different exporters.
    pub(crate) fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::F32 => &[""],
            Self::F16 => &["_fp16"],
            Self::Quantized => &["_quantized", "_int8", "_uint8", "_q4"],
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Quantized => "quantized",
        })
    }
}

/// A text that names no [`Precision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown model precision {0:?}; known are f32, f16 and quantized")]
pub struct UnknownPrecision(String);

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        match name.to_ascii_lowercase().as_str() {
            "f32" | "fp32" => Ok(Self::F32),
            "f16" | "fp16" => Ok(Self::F16),
            "quantized" | "int8" | "q8" => Ok(Self::Quantized),
            _ => Err(UnknownPrecision(name.to_owned())),
        }
    }
}

/// Why a model folder cannot be used: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not a folder.
    #[error("there is no model folder {}; give a folder in the hub's ONNX layout or a hub name such as openai/clip-vit-base-patch32", .0.display())]
    NoFolder(PathBuf),
    /// A file that every model has is not there.
    #[error("the model folder {} has no {file}; copy it from the model's hub repository", .folder.display())]
    MissingFile {
        /// The model folder.
        folder: PathBuf,
        /// The file's name.
        file: &'static str,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file stands in for what is to be fetched.
    #[error("{} is a Git LFS pointer, not the file itself; run `git lfs pull` in the model's repository, or fetch the model again", .0.display())]
    LfsPointer(PathBuf),
    /// A file is not JSON; often an interrupted download.
    #[error("{} is not valid JSON; fetch it again", .file.display())]
    NotJson {
        /// The file.
        file: PathBuf,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// A key is missing that has no default.
    #[error("{} has no {key}; {remedy}", .file.display())]
    MissingKey {
        /// The file.
        file: PathBuf,
        /// Path of the key, with dots.
        key: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A key has a value that cannot be.
    #[error("{}: {key} must be {expected}, found {found}", .file.display())]
    BadValue {
        /// The file.
        file: PathBuf,
        /// Path of the key, with dots.
        key: String,
        /// The value, as JSON.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Two files of one folder do not belong together.
    #[error("{} says {first}, but {} says {second}; the files are not of one model", .first_file.display(), .second_file.display())]
    Contradiction {
        /// One file.
        first_file: PathBuf,
        /// What it says.
        first: String,
        /// Another file.
        second_file: PathBuf,
        /// What that says.
        second: String,
    },
    /// No ONNX file, or one tower only.
    #[error("the model folder {} has no ONNX model: neither onnx/text_model.onnx with onnx/vision_model.onnx nor onnx/model.onnx (also _fp16, _quantized); choose a repository with an ONNX export", .folder.display())]
    NoOnnx {
        /// The model folder.
        folder: PathBuf,
    },
    /// Not in the precision that is asked for.
    #[error("the model folder {} has no {wanted} model, only {}", .folder.display(), list(.available))]
    NoSuchPrecision {
        /// The model folder.
        folder: PathBuf,
        /// What is asked for.
        wanted: Precision,
        /// What there is.
        available: Vec<Precision>,
    },
    /// The tokenizer cannot be built.
    #[error("{} is no usable tokenizer; fetch it again", .file.display())]
    Tokenizer {
        /// `tokenizer.json`.
        file: PathBuf,
        /// The tokenizer library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tokenizer does not mark where a text ends.
    #[error("{} adds no start-of-text and end-of-text tokens, at which CLIP reads its answer; use the tokenizer.json of a CLIP model", .file.display())]
    NoEndOfText {
        /// `tokenizer.json`.
        file: PathBuf,
    },
    /// ONNX Runtime is not there.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The loaded ONNX Runtime cannot use a device.
    #[error("ONNX Runtime as loaded here cannot run a model on {wanted}, only on {}; choose one of these with --device (CLIP_DEVICE), or set ORT_DYLIB_PATH to a build for {wanted}", list(.available))]
    NoDevice {
        /// What is asked for.
        wanted: Device,
        /// What there is.
        available: Vec<Device>,
    },
    /// A device that the loaded ONNX Runtime could use does not work.
    #[error(
        "the model cannot be loaded on {device}; install what that needs (drivers, libraries), or choose --device cpu"
    )]
    DeviceFails {
        /// What is asked for.
        device: Device,
        /// Why.
        #[source]
        source: Box<ModelError>,
    },
    /// ONNX Runtime refuses a file.
    #[error("ONNX Runtime cannot load {}", .file.display())]
    Session {
        /// The ONNX file.
        file: PathBuf,
        /// ONNX Runtime's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An ONNX file wants or gives something else than a CLIP tower does.
    #[error("{}: {problem}", .file.display())]
    NotClip {
        /// The ONNX file.
        file: PathBuf,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// The trial run at opening failed.
    #[error("{} cannot be run", .file.display())]
    Trial {
        /// The ONNX file.
        file: PathBuf,
        /// What the trial run gave.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn list(names: &[impl ToString]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl ModelSpec {
    /// Reads `folder`, choosing the files of `precision`, or the most exact ones.
    ///
    /// # Errors
    /// [`ModelError`] names the file, the key and the remedy.
    pub fn read(folder: &Path, precision: Option<Precision>) -> Result<Self, ModelError> {
        check_folder(folder)?;
        let required = |file: &'static str| {
            let path = folder.join(file);
            if path.is_file() {
                files::check_fetched(&path)?;
                Ok(path)
            } else {
                Err(ModelError::MissingFile {
                    folder: folder.to_owned(),
                    file,
                })
            }
        };
        let config = JsonFile::read(required("config.json")?)?;
        let preprocessor = JsonFile::read(required("preprocessor_config.json")?)?;
        let tokenizer = required("tokenizer.json")?;
        let tokenizer_config = JsonFile::read_optional(folder.join("tokenizer_config.json"))?;
        parse::check_kind(&config)?;
        let (precision, towers) = files::find(folder, precision)?;
        towers.check_fetched()?;
        Ok(Self {
            width: parse::width(&config)?,
            context_length: parse::context_length(&config, tokenizer_config.as_ref())?,
            image: parse::image_spec(&preprocessor, &config)?,
            end_of_text: parse::end_of_text(&config)?,
            tokenizer,
            precision,
            towers,
        })
    }
}

/// A folder that the system hides is not said to be missing.
fn check_folder(folder: &Path) -> Result<(), ModelError> {
    // Reading it, not only finding it: an unreadable folder seems to have no files.
    match std::fs::read_dir(folder) {
        Ok(_) => Ok(()),
        Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(ModelError::Read {
                file: folder.to_owned(),
                source,
            })
        }
        Err(_) => Err(ModelError::NoFolder(folder.to_owned())),
    }
}

/// A size in the type that indexes.
pub(in crate::encoder) fn as_usize(size: u32) -> usize {
    usize::try_from(size).expect("a u32 fits the address space of supported machines")
}

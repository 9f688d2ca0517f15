//! The values that a model's JSON files hold, checked.

use super::json::{JsonFile, to_f32};
use super::{Filter, ImageSpec, ModelError, Resize, as_usize};

/// What CLIP's configuration class takes where `config.json` leaves a key out: saved configurations
/// omit values that equal the default. Source: `CLIPTextConfig`, `CLIPConfig` of transformers 4.57.
const DEFAULT_CONTEXT_LENGTH: u32 = 77;
const DEFAULT_WIDTH: u32 = 512;

/// `text_config.eos_token_id` of the first CLIP configurations. No tokenizer has its end of text
/// there; transformers then reads the position of the highest id, which is the end of text.
const LEGACY_END_OF_TEXT: u64 = 2;

/// Other families differ in what counts: SigLIP's text tower, for one, reads its padding too.
pub(super) fn check_kind(config: &JsonFile) -> Result<(), ModelError> {
    match config.get(&["model_type"]) {
        Some(kind) if kind == "clip" => Ok(()),
        Some(_) => Err(config.bad(&["model_type"], "\"clip\", the one supported kind of model")),
        None => Err(config.missing(&["model_type"], "use the config.json of a CLIP model")),
    }
}

pub(super) fn width(config: &JsonFile) -> Result<usize, ModelError> {
    for keys in [&["projection_dim"][..], &["text_config", "projection_dim"]] {
        if let Some(width) = config.size(keys)? {
            return Ok(as_usize(width));
        }
    }
    Ok(as_usize(DEFAULT_WIDTH))
}

pub(super) fn context_length(
    config: &JsonFile,
    tokenizer_config: Option<&JsonFile>,
) -> Result<usize, ModelError> {
    if let Some(length) = config.size(&["text_config", "max_position_embeddings"])? {
        return Ok(as_usize(length));
    }
    // Tokenizers without a limit store 10^30 here.
    let limit = tokenizer_config
        .and_then(|file| file.get(&["model_max_length"]))
        .and_then(serde_json::Value::as_u64)
        .and_then(|limit| u32::try_from(limit).ok())
        .filter(|limit| (2..=1 << 16).contains(limit));
    Ok(as_usize(limit.unwrap_or(DEFAULT_CONTEXT_LENGTH)))
}

pub(super) fn end_of_text(config: &JsonFile) -> Result<Option<u32>, ModelError> {
    let keys = ["text_config", "eos_token_id"];
    match config.get(&keys) {
        None => Ok(None),
        Some(id) => match id.as_u64() {
            Some(LEGACY_END_OF_TEXT) => Ok(None),
            Some(id) => u32::try_from(id)
                .map(Some)
                .map_err(|_| config.bad(&keys, "a token id")),
            None => Err(config.bad(&keys, "a token id")),
        },
    }
}

/// Defaults of absent flags are those of transformers' `CLIPImageProcessor`; sizes, mean and
/// standard deviation have none here, since a wrong guess would spoil every vector silently.
pub(super) fn image_spec(file: &JsonFile, config: &JsonFile) -> Result<ImageSpec, ModelError> {
    let resize = match file.flag("do_resize", true)? {
        true => Some(resize_rule(file)?),
        false => None,
    };
    let (height, width) = match (file.flag("do_center_crop", true)?, resize) {
        (true, _) => both_sides(file, "crop_size")?.ok_or_else(|| {
            file.missing(
                &["crop_size"],
                "it must hold the size that the image tower takes",
            )
        })?,
        (false, Some(Resize::Exactly { height, width })) => (height, width),
        (false, _) => {
            return Err(file.bad(
                &["do_center_crop"],
                "true, or size must give height and width: images would differ in size otherwise",
            ));
        }
    };
    if let Some(stated) = config.size(&["vision_config", "image_size"])?
        && (stated, stated) != (height, width)
    {
        return Err(ModelError::Contradiction {
            first_file: file.path().to_owned(),
            first: format!("images of {width} x {height} pixels"),
            second_file: config.path().to_owned(),
            second: format!("vision_config.image_size {stated}"),
        });
    }
    let normalise = file.flag("do_normalize", true)?;
    let std = if normalise {
        file.channels("image_std")?
    } else {
        [1.0; 3]
    };
    if std.contains(&0.0) {
        return Err(file.bad(&["image_std"], "three numbers other than 0"));
    }
    Ok(ImageSpec {
        resize,
        filter: filter(file)?,
        height,
        width,
        scale: scale(file)?,
        mean: if normalise {
            file.channels("image_mean")?
        } else {
            [0.0; 3]
        },
        std,
    })
}

/// `size`: an integer and `shortest_edge` mean the same to CLIP's image processor.
fn resize_rule(file: &JsonFile) -> Result<Resize, ModelError> {
    if let Some(edge) = file.size(&["size", "shortest_edge"])? {
        if file.get(&["size", "longest_edge"]).is_some() {
            return Err(file.bad(&["size"], "free of longest_edge, which is not supported"));
        }
        return Ok(Resize::ShortestEdge(edge));
    }
    match file.get(&["size"]) {
        None => Err(file.missing(&["size"], "it must hold the size of the resizing step")),
        Some(size) if size.is_number() => Ok(Resize::ShortestEdge(
            file.size(&["size"])?.expect("it is there: the arm matched"),
        )),
        Some(_) => match both_sides(file, "size")? {
            Some((height, width)) => Ok(Resize::Exactly { height, width }),
            None => Err(file.missing(&["size"], "it must hold the size of the resizing step")),
        },
    }
}

/// Height and width at `key`, given as one number or as an object.
fn both_sides(file: &JsonFile, key: &str) -> Result<Option<(u32, u32)>, ModelError> {
    match file.get(&[key]) {
        None => Ok(None),
        Some(value) if value.is_object() => {
            match (file.size(&[key, "height"])?, file.size(&[key, "width"])?) {
                (Some(height), Some(width)) => Ok(Some((height, width))),
                _ => Err(file.bad(&[key], "an integer, or an object with height and width")),
            }
        }
        Some(_) => Ok(file.size(&[key])?.map(|side| (side, side))),
    }
}

/// Pillow's numbering of filters.
fn filter(file: &JsonFile) -> Result<Filter, ModelError> {
    match file.get(&["resample"]) {
        // CLIPImageProcessor's default.
        None => Ok(Filter::Bicubic),
        Some(number) => match number.as_u64() {
            Some(0) => Ok(Filter::Nearest),
            Some(1) => Ok(Filter::Lanczos),
            Some(2) => Ok(Filter::Bilinear),
            Some(3) => Ok(Filter::Bicubic),
            Some(4) => Ok(Filter::Box),
            Some(5) => Ok(Filter::Hamming),
            _ => Err(file.bad(&["resample"], "a Pillow filter number from 0 to 5")),
        },
    }
}

fn scale(file: &JsonFile) -> Result<f64, ModelError> {
    if !file.flag("do_rescale", true)? {
        return Ok(1.0);
    }
    match file.get(&["rescale_factor"]) {
        None => Ok(1.0 / 255.0),
        Some(factor) => factor
            .as_f64()
            .filter(|factor| to_f32(*factor).is_normal())
            .ok_or_else(|| file.bad(&["rescale_factor"], "a number other than 0")),
    }
}

//! One tower of the model: its inputs and outputs by name, its runs, in the number types it wants.

use super::session::{NamedInput, Port, SharedSession};
use super::tensor::{Texts, float_rows, float_tensor, int_tensor};
use crate::embedding::Embedding;
use crate::encoder::model::{ModelError, ModelSpec};
use crate::encoder::{EncoderError, Pixels};
use ndarray::{Array4, Axis};
use ort::value::TensorElementType;
use std::borrow::Cow;
use std::time::Duration;

/// What the other tower of a combined model is fed with: the shortest text, one black image.
pub(super) struct Dummy {
    pub(super) ids: Vec<u32>,
    pub(super) pixels: Pixels,
}

/// The text tower.
pub(super) struct TextTower {
    tower: Tower,
    /// For a combined model: one image.
    pixels: Option<Array4<f32>>,
    /// What a fixed context length is filled up with.
    end_of_text: u32,
}

/// The image tower.
pub(super) struct VisionTower {
    tower: Tower,
    /// For a combined model: one text.
    ids: Vec<u32>,
}

impl TextTower {
    pub(super) fn new(
        session: SharedSession,
        spec: &ModelSpec,
        dummy: &Dummy,
    ) -> Result<Self, ModelError> {
        let tower = Tower::new("text", session, spec, Role::Ids)?;
        let combined = tower.has(Role::Pixels);
        Ok(Self {
            tower,
            pixels: combined.then(|| dummy.pixels.clone().insert_axis(Axis(0))),
            end_of_text: *dummy
                .ids
                .last()
                .expect("a text ends with its end-of-text token"),
        })
    }

    /// One embedding per row.
    ///
    /// # Shapes
    /// - `rows`: token ids, at most `n_rows` rows of at most `length` tokens, which they are filled up to.
    pub(super) fn run(
        &self,
        rows: &[&[u32]],
        n_rows: usize,
        length: usize,
    ) -> Result<Vec<Embedding>, EncoderError> {
        let n_rows = self.tower.fixed(Role::Ids, 0).unwrap_or(n_rows).max(1);
        let mut embeddings = Vec::with_capacity(rows.len());
        for rows in rows.chunks(n_rows) {
            let texts = Texts {
                rows,
                n_rows,
                length: self.tower.fixed(Role::Ids, 1).unwrap_or(length),
                filler: self.end_of_text,
            };
            let images = self.pixels.clone();
            let mut found = self.tower.run(n_rows, Some(&texts), images)?;
            found.truncate(rows.len());
            embeddings.extend(found);
        }
        Ok(embeddings)
    }

    pub(super) fn trial(&self, dummy: &Dummy) -> Result<(), ModelError> {
        self.tower
            .check_trial(self.run(&[&dummy.ids], 1, dummy.ids.len()))
    }
}

impl VisionTower {
    pub(super) fn new(
        session: SharedSession,
        spec: &ModelSpec,
        dummy: &Dummy,
    ) -> Result<Self, ModelError> {
        let tower = Tower::new("vision", session, spec, Role::Pixels)?;
        let wanted = [
            (1, 3),
            (2, dummy.pixels.len_of(Axis(1))),
            (3, dummy.pixels.len_of(Axis(2))),
        ];
        for (axis, size) in wanted {
            if let Some(fixed) = tower.fixed(Role::Pixels, axis)
                && fixed != size
            {
                return Err(tower.session.not_clip(format!(
                    "axis {axis} of its input pixel_values has the fixed size {fixed}, but preprocessor_config.json gives {size}; the files are not of one model"
                )));
            }
        }
        Ok(Self {
            tower,
            ids: dummy.ids.clone(),
        })
    }

    /// One embedding per image, in runs of `n_rows` images if that is given, filled up with black ones.
    pub(super) fn run(
        &self,
        images: &[Pixels],
        n_rows: Option<usize>,
    ) -> Result<Vec<Embedding>, EncoderError> {
        let n_rows = self.tower.fixed(Role::Pixels, 0).or(n_rows);
        let per_run = n_rows.unwrap_or(images.len()).max(1);
        let mut embeddings = Vec::with_capacity(images.len());
        for images in images.chunks(per_run) {
            let black = Pixels::zeros(images[0].dim());
            let n_missing = n_rows.map_or(0, |n| n.saturating_sub(images.len()));
            let filled = images.iter().chain(std::iter::repeat_n(&black, n_missing));
            let views: Vec<_> = filled.map(|image| image.view()).collect();
            let stacked = ndarray::stack(Axis(0), &views).map_err(|e| self.tower.failed(e))?;
            let row: &[&[u32]] = &[&self.ids];
            let texts = self.tower.has(Role::Ids).then_some(Texts {
                rows: row,
                n_rows: self.tower.fixed(Role::Ids, 0).unwrap_or(1),
                length: (self.tower.fixed(Role::Ids, 1)).unwrap_or(self.ids.len()),
                filler: *self
                    .ids
                    .last()
                    .expect("a text ends with its end-of-text token"),
            });
            let mut found = (self.tower).run(views.len(), texts.as_ref(), Some(stacked))?;
            found.truncate(images.len());
            embeddings.extend(found);
        }
        Ok(embeddings)
    }

    /// Runs that do not wait for each other.
    pub(super) fn n_at_once(&self) -> usize {
        self.tower.session.n_copies()
    }

    /// Loads copies for so many runs.
    pub(super) fn make_ready(&self, n_runs: usize) {
        self.tower.session.make_ready(n_runs);
    }

    pub(super) fn run_time(&self) -> Duration {
        self.tower.session.run_time()
    }

    pub(super) fn trial(&self, dummy: &Dummy) -> Result<(), ModelError> {
        self.tower
            .check_trial(self.run(std::slice::from_ref(&dummy.pixels), None))
    }
}

/// What an input is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ids,
    Mask,
    Positions,
    Pixels,
}

struct Input {
    name: String,
    role: Role,
    element: TensorElementType,
    /// Negative where any size is taken.
    shape: Vec<i64>,
}

struct Tower {
    name: &'static str,
    session: SharedSession,
    inputs: Vec<Input>,
    output: String,
    width: usize,
}

impl Tower {
    fn new(
        name: &'static str,
        session: SharedSession,
        spec: &ModelSpec,
        needed: Role,
    ) -> Result<Self, ModelError> {
        let inputs: Vec<Input> = session
            .inputs
            .iter()
            .map(|port| input(port).map_err(|problem| session.not_clip(problem)))
            .collect::<Result<_, _>>()?;
        let output = match needed {
            Role::Pixels => "image_embeds",
            Role::Ids | Role::Mask | Role::Positions => "text_embeds",
        };
        let output = output_named(&session, output)?;
        let tower = Self {
            name,
            session,
            inputs,
            output,
            width: spec.width,
        };
        if !tower.has(needed) {
            let input = match needed {
                Role::Pixels => "pixel_values",
                Role::Ids | Role::Mask | Role::Positions => "input_ids",
            };
            return Err(tower.session.not_clip(format!(
                "it has no input {input}, so it is no {name} model; fetch the file again"
            )));
        }
        Ok(tower)
    }

    fn has(&self, role: Role) -> bool {
        self.inputs.iter().any(|input| input.role == role)
    }

    /// The size that the export fixes for an axis of an input.
    fn fixed(&self, role: Role, axis: usize) -> Option<usize> {
        let input = self.inputs.iter().find(|input| input.role == role)?;
        let size = usize::try_from(*input.shape.get(axis)?).ok()?;
        (size > 0).then_some(size)
    }

    fn run(
        &self,
        n_rows: usize,
        texts: Option<&Texts<'_>>,
        mut images: Option<Array4<f32>>,
    ) -> Result<Vec<Embedding>, EncoderError> {
        let mut values: Vec<NamedInput<'_>> = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let value = match (input.role, texts) {
                (Role::Pixels, _) => match images.take() {
                    Some(images) => float_tensor(images, input.element),
                    None => continue,
                },
                (Role::Ids, Some(texts)) => int_tensor(texts.ids(), input.element),
                (Role::Mask, Some(texts)) => int_tensor(texts.mask(), input.element),
                (Role::Positions, Some(texts)) => int_tensor(texts.positions(), input.element),
                (Role::Ids | Role::Mask | Role::Positions, None) => continue,
            };
            let value = value.map_err(|e| self.failed(e))?;
            values.push((Cow::Borrowed(input.name.as_str()), value.into()));
        }
        let output = self
            .session
            .run(values, &self.output)
            .map_err(|e| self.failed(e))?;
        let rows = float_rows(&output).map_err(|e| self.failed(e))?;
        if rows.dim() != (n_rows, self.width) {
            return Err(self.failed(WrongShape {
                output: self.output.clone(),
                found: vec![rows.nrows(), rows.ncols()],
                expected: [n_rows, self.width],
            }));
        }
        rows.rows()
            .into_iter()
            .map(|row| {
                Embedding::new(row.to_vec()).map_err(|source| EncoderError::Output {
                    tower: self.name,
                    source,
                })
            })
            .collect()
    }

    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> EncoderError {
        EncoderError::Run {
            tower: self.name,
            source: Box::new(source),
        }
    }

    fn check_trial(&self, trial: Result<Vec<Embedding>, EncoderError>) -> Result<(), ModelError> {
        match trial {
            Ok(_) => Ok(()),
            Err(error) => Err(ModelError::Trial {
                file: self.session.file.clone(),
                source: Box::new(error),
            }),
        }
    }
}

/// The output of a run has not one vector of the model's width per row.
#[derive(Debug, thiserror::Error)]
#[error(
    "the output {output} has the shape {found:?} instead of {expected:?}; projection_dim in config.json belongs to another model, or the model is exported without its projection"
)]
struct WrongShape {
    output: String,
    found: Vec<usize>,
    expected: [usize; 2],
}

fn input(port: &Port) -> Result<Input, String> {
    use TensorElementType::{Float16, Float32, Int32, Int64};
    let name = &port.name;
    let (role, elements) = match name.as_str() {
        "input_ids" => (Role::Ids, [Int64, Int32]),
        "attention_mask" => (Role::Mask, [Int64, Int32]),
        "position_ids" => (Role::Positions, [Int64, Int32]),
        "pixel_values" => (Role::Pixels, [Float32, Float16]),
        _ => {
            return Err(format!(
                "its input {name} is unknown; known are input_ids, attention_mask, position_ids and pixel_values"
            ));
        }
    };
    match port.element {
        Some(element) if elements.contains(&element) => Ok(Input {
            name: name.clone(),
            role,
            element,
            shape: port.shape.clone(),
        }),
        element => Err(format!(
            "its input {name} takes {}, and CLIP exports {} or {}",
            element.map_or_else(|| "no tensor".to_owned(), |element| element.to_string()),
            elements[0],
            elements[1],
        )),
    }
}

/// The output called `name`, or the only one there is.
///
/// Never `pooler_output`: that is the vector before the projection. Its width can equal that of
/// the embeddings by chance (ViT-B/32: 512 both), and its scores would be noise.
fn output_named(session: &SharedSession, name: &str) -> Result<String, ModelError> {
    let names: Vec<&str> = session
        .outputs
        .iter()
        .map(|port| port.name.as_str())
        .collect();
    let unprojected = ["pooler_output", "last_hidden_state"];
    match names.as_slice() {
        names if names.contains(&name) => Ok(name.to_owned()),
        [only] if !unprojected.contains(only) => Ok((*only).to_owned()),
        names => Err(session.not_clip(format!(
            "it has no output {name}, only {}; export the model with its projection",
            names.join(", ")
        ))),
    }
}

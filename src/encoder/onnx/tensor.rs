//! Token ids, pixels and embeddings as ONNX Runtime's tensors, in the number types that a model wants.

use half::f16;
use ndarray::{Array2, Array4, ArrayD};
use ort::value::{DynValue, Tensor, TensorElementType};

/// Token ids, and what they are filled up to.
pub(super) struct Texts<'a> {
    pub(super) rows: &'a [&'a [u32]],
    /// Rows of the run; the first stands in for those that are missing.
    pub(super) n_rows: usize,
    /// Tokens of each row.
    pub(super) length: usize,
    pub(super) filler: u32,
}

/// The output has numbers that are no vectors.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    #[error("the output is neither 32-bit nor 16-bit floats but {0}")]
    Element(String),
    #[error("the output has {0} axes instead of 2")]
    Axes(usize),
    #[error(transparent)]
    Ort(#[from] ort::Error),
}

impl Texts<'_> {
    fn array(&self, value: impl Fn(&[u32], usize) -> i64) -> Array2<i64> {
        Array2::from_shape_fn((self.n_rows, self.length), |(row, at)| {
            value(self.rows.get(row).unwrap_or(&self.rows[0]), at)
        })
    }

    pub(super) fn ids(&self) -> Array2<i64> {
        self.array(|row, at| i64::from(row.get(at).copied().unwrap_or(self.filler)))
    }

    pub(super) fn mask(&self) -> Array2<i64> {
        self.array(|row, at| i64::from(at < row.len()))
    }

    pub(super) fn positions(&self) -> Array2<i64> {
        self.array(|_, at| i64::try_from(at).expect("a position fits i64"))
    }
}

pub(super) fn int_tensor(
    values: Array2<i64>,
    element: TensorElementType,
) -> Result<DynValue, ort::Error> {
    if element == TensorElementType::Int32 {
        let values = values.mapv(|x| i32::try_from(x).unwrap_or(i32::MAX));
        return Ok(Tensor::from_array(values)?.into_dyn());
    }
    Ok(Tensor::from_array(values)?.into_dyn())
}

pub(super) fn float_tensor(
    values: Array4<f32>,
    element: TensorElementType,
) -> Result<DynValue, ort::Error> {
    if element == TensorElementType::Float16 {
        return Ok(Tensor::from_array(values.mapv(f16::from_f32))?.into_dyn());
    }
    Ok(Tensor::from_array(values)?.into_dyn())
}

pub(super) fn float_rows(output: &DynValue) -> Result<Array2<f32>, OutputError> {
    let values: ArrayD<f32> = match output.dtype().tensor_type() {
        Some(TensorElementType::Float32) => output.try_extract_array::<f32>()?.to_owned(),
        Some(TensorElementType::Float16) => output.try_extract_array::<f16>()?.mapv(f16::to_f32),
        _ => return Err(OutputError::Element(output.dtype().to_string())),
    };
    let n_axes = values.ndim();
    values
        .into_dimensionality()
        .map_err(|_| OutputError::Axes(n_axes))
}

//! The number formats of `features.npy`.

use crate::features::numbers::Numbers;
use half::f16;
use half::vec::HalfBitsVecExt;
use std::io::Read;

/// Number formats of `features.npy`, all little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE 754 half: what the published collections use.
    F16,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
}

/// Numbers converted at a time: the raw bytes stay in the processor's cache.
const CHUNK: usize = 1 << 16;

impl Precision {
    /// Bytes of one number.
    #[must_use]
    pub fn size_bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// NumPy's name of the type.
    pub(super) fn descr(self) -> &'static str {
        match self {
            Self::F16 => "<f2",
            Self::F32 => "<f4",
            Self::F64 => "<f8",
        }
    }

    /// Appends the bytes of `row` to `bytes`, rounded to the nearest number of this precision.
    pub fn write_row(self, row: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Self::F16 => bytes.extend(row.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes())),
            Self::F32 => bytes.extend(row.iter().flat_map(|x| x.to_le_bytes())),
            Self::F64 => bytes.extend(row.iter().flat_map(|x| f64::from(*x).to_le_bytes())),
        }
    }

    /// The next `n` numbers of a file, each as it is, but those of 64 bits rounded to 32.
    pub(super) fn read(self, reader: &mut impl Read, n: usize) -> std::io::Result<Numbers> {
        let mut bytes = vec![0u8; CHUNK * self.size_bytes()];
        let mut n_left = n;
        let mut next = |convert: &mut dyn FnMut(&[u8])| -> std::io::Result<()> {
            while n_left > 0 {
                let n = n_left.min(CHUNK);
                let bytes = &mut bytes[..n * self.size_bytes()];
                reader.read_exact(bytes)?;
                convert(bytes);
                n_left -= n;
            }
            Ok(())
        };
        let mut singles: Vec<f32> = Vec::new();
        match self {
            Self::F16 => {
                let mut bits: Vec<u16> = Vec::with_capacity(n);
                next(&mut |bytes| {
                    bits.extend(bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)));
                })?;
                return Ok(Numbers::Halves(bits.reinterpret_into()));
            }
            Self::F32 => {
                singles.reserve_exact(n);
                next(&mut |bytes| {
                    singles.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)));
                })?;
            }
            Self::F64 => {
                singles.reserve_exact(n);
                next(&mut |bytes| {
                    let doubles = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "what f32 cannot hold becomes infinite and is refused"
                    )]
                    singles.extend(doubles.map(|x| x as f32));
                })?;
            }
        }
        Ok(Numbers::Singles(singles))
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "f16" | "float16" => Ok(Self::F16),
            "f32" | "float32" => Ok(Self::F32),
            "f64" | "float64" => Ok(Self::F64),
            _ => Err(format!(
                "{text} is not a precision; known are f16, f32 and f64"
            )),
        }
    }
}

//! Where the numbers of a matrix lie: in memory, or in a mapped file.

use super::mapped::Mapped;
use super::{ChangedFile, Raw};
use half::f16;
use half::slice::HalfBitsSliceExt;
use std::ops::Range;

/// Numbers in a row, in one of two precisions.
pub(super) enum Numbers {
    Singles(Vec<f32>),
    Halves(Vec<f16>),
    /// Those of a file, with the byte where they begin. Their place in memory fits their size.
    MappedSingles(Mapped, usize),
    MappedHalves(Mapped, usize),
}

impl Numbers {
    /// Those with these numbers.
    pub(super) fn get(&self, range: Range<usize>) -> Raw<'_> {
        match self {
            Self::Singles(numbers) => Raw::F32(&numbers[range]),
            Self::Halves(numbers) => Raw::F16(&numbers[range]),
            Self::MappedSingles(file, start) => Raw::F32(bytemuck::cast_slice(of_size::<4>(
                file.bytes(),
                *start,
                range,
            ))),
            Self::MappedHalves(file, start) => {
                let bits: &[u16] = bytemuck::cast_slice(of_size::<2>(file.bytes(), *start, range));
                Raw::F16(bits.reinterpret_cast())
            }
        }
    }

    /// See [`super::Features::check`].
    pub(super) fn check(&self) -> Result<(), ChangedFile> {
        match self {
            Self::Singles(_) | Self::Halves(_) => Ok(()),
            Self::MappedSingles(file, _) | Self::MappedHalves(file, _) => file.check(),
        }
    }

    /// All bytes of the mapped file; `None` if there is none.
    pub(super) fn file_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Singles(_) | Self::Halves(_) => None,
            Self::MappedSingles(file, _) | Self::MappedHalves(file, _) => Some(file.bytes()),
        }
    }

    /// Memory that only this process has.
    pub(super) fn private_bytes(&self) -> usize {
        match self {
            Self::Singles(numbers) => size_of_val(numbers.as_slice()),
            Self::Halves(numbers) => size_of_val(numbers.as_slice()),
            Self::MappedSingles(..) | Self::MappedHalves(..) => 0,
        }
    }
}

/// The bytes of numbers of `SIZE` bytes each, of which the first lies at `start`.
fn of_size<const SIZE: usize>(bytes: &[u8], start: usize, range: Range<usize>) -> &[u8] {
    &bytes[start + range.start * SIZE..start + range.end * SIZE]
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Singles(_) => "f32 in memory",
            Self::Halves(_) => "f16 in memory",
            Self::MappedSingles(..) => "f32, mapped",
            Self::MappedHalves(..) => "f16, mapped",
        })
    }
}

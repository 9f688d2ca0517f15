//! `features.npy`: read in any precision, written byte for byte as `numpy.save` writes it.

mod header;
mod precision;
mod raw_rows;
mod rows;

use super::mapped::Mapped;
use super::norm::Norm;
use super::numbers::Numbers;
use super::sum::{Sum, Summing, SummingReader};
use super::{ChangedFile, Features};
use crate::git_lfs;
use header::Header;
pub use header::{HeaderError, header};
pub use precision::Precision;
pub use raw_rows::RawRows;
use rows::look_at_rows;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What `features.npy` holds.
#[derive(Debug)]
pub struct Npy {
    /// The embeddings, every row of unit norm.
    pub features: Features,
    /// The number format in the file.
    pub precision: Precision,
    /// Rows whose norm was off by more than rounding explains; they are normalised in `features`.
    pub n_renormalised: usize,
    /// The checksum of the file, if it was asked for.
    pub sum: Option<Sum>,
}

/// Where the features are while the collection is in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FeaturesIn {
    /// In the file, which is read through memory: other programs get that memory when they need it, and a service that
    /// starts again finds what is there. Outside of Unix, and for numbers of 64 bits, it is memory all the same.
    #[default]
    Mapped,
    /// In memory of this process: nothing that happens to the file matters any more, and no search waits for a disk.
    Memory,
}

impl std::str::FromStr for FeaturesIn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "mapped" => Ok(Self::Mapped),
            "memory" => Ok(Self::Memory),
            _ => Err(format!(
                "{text} is no place for the features; known are mapped and memory"
            )),
        }
    }
}

/// Which files have their checksum computed while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumOf {
    /// All, however long that takes.
    All,
    /// Those of at most so many bytes.
    UpTo(u64),
}

impl SumOf {
    pub(crate) fn includes(self, size_bytes: u64) -> bool {
        match self {
            Self::All => true,
            Self::UpTo(most) => size_bytes <= most,
        }
    }
}

/// Why a features file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeaturesError {
    /// The system does not let us read it.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It stands in for the file.
    #[error(
        "{path} is a Git LFS pointer, not the file itself; run `git lfs pull` where it was cloned, or copy the file anew"
    )]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// It is no NumPy file that we can use.
    #[error("{path} is not a usable features file: {reason}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with its header.
        reason: HeaderError,
    },
    /// The file is cut off, or longer than its header says.
    #[error(
        "{path} has {found_bytes} bytes, but its header promises {expected_bytes}; run `clip-search build` again or copy the file anew"
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Header and matrix.
        expected_bytes: u64,
        /// What is there.
        found_bytes: u64,
    },
    /// A row has a component that is NaN or infinite.
    #[error("{path}: row {row} (counted from 0) has a component that is not a finite number")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Index into the matrix.
        row: usize,
    },
    /// The file was written to or cut off while it was read.
    #[error(transparent)]
    Changed(#[from] ChangedFile),
    /// A row has no direction.
    #[error("{path}: row {row} (counted from 0) has zero length and so no direction")]
    ZeroNorm {
        /// The file.
        path: PathBuf,
        /// Index into the matrix.
        row: usize,
    },
}

/// Reads and verifies `features.npy`.
///
/// # Shapes
/// The file holds `[n, d]`, C order, `<f2`, `<f4` or `<f8`.
///
/// # Errors
/// [`FeaturesError`] names the file, and the row where one is at fault.
pub fn read(path: &Path) -> Result<Npy, FeaturesError> {
    read_summed(path, SumOf::UpTo(0), FeaturesIn::Mapped)
}

/// As [`read`], with the checksum of the file if `sum_of` includes it.
///
/// # Errors
/// As of [`read`].
pub fn read_summed(
    path: &Path,
    sum_of: SumOf,
    features_in: FeaturesIn,
) -> Result<Npy, FeaturesError> {
    let (header, mut reader) = open(path, sum_of)?;
    let read_error = |source| FeaturesError::Read {
        path: path.to_owned(),
        source,
    };
    let start = usize::try_from(header.offset).unwrap_or(usize::MAX);
    // The numbers of a mapped file must lie as the processor wants them, and in its order of bytes.
    let is_in_place = header.precision != Precision::F64
        && start.is_multiple_of(header.precision.size_bytes())
        && cfg!(target_endian = "little")
        // Elsewhere a file that is mapped cannot be replaced by another build.
        && cfg!(unix);
    let mut sum = None;
    let mut mapped = None;
    if features_in == FeaturesIn::Mapped && is_in_place && header.rows * header.columns > 0 {
        let file = reader.get_ref().inner.try_clone().map_err(read_error)?;
        // What a map is not to be had of is read.
        mapped = Mapped::new(file, path);
    }
    let n_numbers = header.rows * header.columns;
    let (numbers, summing) = match mapped {
        Some(file) => {
            check_size(path, &header, file.bytes().len() as u64)?;
            let numbers = match header.precision {
                Precision::F16 => Numbers::MappedHalves(file, start),
                Precision::F32 | Precision::F64 => Numbers::MappedSingles(file, start),
            };
            (
                numbers,
                reader
                    .get_ref()
                    .summing
                    .as_ref()
                    .map(|_| Summing::default()),
            )
        }
        None => {
            let numbers = header.precision.read(&mut reader, n_numbers);
            let numbers = numbers.map_err(read_error)?;
            // The file has no more bytes than these: its length was compared with what the header says.
            sum = reader.into_inner().summing.map(Summing::finish);
            (numbers, None)
        }
    };
    let mut factors = vec![1.0; header.rows];
    let mut found = Ok(0);
    std::thread::scope(|scope| {
        // The file's bytes are summed while its rows are looked at: both wait for the same memory.
        if let Some(mut summing) = summing
            && let Some(bytes) = numbers.file_bytes()
        {
            let sum = &mut sum;
            scope.spawn(move || {
                summing.update(bytes);
                *sum = Some(summing.finish());
            });
        }
        found = look_at_rows(&numbers, header.columns, &mut factors);
    });
    numbers.check()?;
    let n_renormalised = found.map_err(|(row, norm)| match norm {
        Norm::Zero => FeaturesError::ZeroNorm {
            path: path.to_owned(),
            row,
        },
        Norm::NotFinite | Norm::Unit | Norm::Of(_) => FeaturesError::NotFinite {
            path: path.to_owned(),
            row,
        },
    })?;
    Ok(Npy {
        features: Features::new(numbers, header.rows, header.columns, factors),
        precision: header.precision,
        n_renormalised,
        sum,
    })
}

/// Opens `path` and reads its header, which promises what is there.
fn open(path: &Path, sum_of: SumOf) -> Result<(Header, Reader), FeaturesError> {
    let read_error = |source| FeaturesError::Read {
        path: path.to_owned(),
        source,
    };
    let header_error = |reason| FeaturesError::Header {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(read_error)?;
    let found_bytes = file.metadata().map_err(read_error)?.len();
    if git_lfs::is_pointer(path) {
        return Err(FeaturesError::LfsPointer {
            path: path.to_owned(),
        });
    }
    let mut reader = BufReader::new(SummingReader {
        inner: file,
        summing: sum_of.includes(found_bytes).then(Summing::default),
    });
    let header = Header::read(&mut reader).map_err(header_error)?;
    // Checked before anything is allocated: the header may promise more than there is.
    check_size(path, &header, found_bytes)?;
    Ok((header, reader))
}

fn check_size(path: &Path, header: &Header, found_bytes: u64) -> Result<(), FeaturesError> {
    let expected_bytes = header
        .file_bytes()
        .map_err(|reason| FeaturesError::Header {
            path: path.to_owned(),
            reason,
        })?;
    if found_bytes == expected_bytes {
        return Ok(());
    }
    Err(FeaturesError::Size {
        path: path.to_owned(),
        expected_bytes,
        found_bytes,
    })
}

type Reader = BufReader<SummingReader<File>>;

#[cfg(test)]
mod tests {
    use super::header::MAGIC;
    use super::*;
    use proptest::prelude::*;

    /// A NumPy file with this dictionary and these bytes after it.
    fn file(version: [u8; 2], dict: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(version);
        let length = u16::try_from(dict.len()).unwrap();
        if version == [1, 0] {
            bytes.extend(length.to_le_bytes());
        } else {
            bytes.extend(u32::from(length).to_le_bytes());
        }
        bytes.extend(dict.as_bytes());
        bytes.extend(body);
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> Result<Npy, FeaturesError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    fn matrix_bytes(rows: &[Vec<f32>], width: usize, precision: Precision) -> Vec<u8> {
        let mut bytes = header(rows.len(), width, precision);
        for row in rows {
            precision.write_row(row, &mut bytes);
        }
        bytes
    }

    #[test]
    fn header_is_numpys() {
        let expected = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f2', 'fortran_order': False, \
            'shape': (27958, 512), }";
        let bytes = header(27958, 512, Precision::F16);
        assert_eq!(bytes.len(), 128);
        assert!(bytes.starts_with(expected));
        assert!(bytes[expected.len()..127].iter().all(|b| *b == b' '));
        assert_eq!(bytes[127], b'\n');
    }

    #[test]
    fn every_way_to_write_a_header_is_read() {
        let body: Vec<u8> = [3f32, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        for (version, dict) in [
            (
                [1, 0],
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }  \n",
            ),
            (
                [2, 0],
                "{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}\n",
            ),
            (
                [3, 0],
                "{\"fortran_order\":False,\"shape\":(1,2),\"descr\":\"<f4\"}",
            ),
            (
                [1, 0],
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 2L), }\n",
            ),
        ] {
            let npy = read_bytes(&file(version, dict, &body)).unwrap();
            assert_eq!(*npy.features.row(0), [0.6, 0.8], "{dict}");
            assert_eq!(npy.n_renormalised, 1);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let dict = |descr: &str, order: &str, shape: &str| {
            let text =
                format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
            file([1, 0], &text, &[0; 8])
        };
        for (bytes, expected) in [
            (
                b"PK\x03\x04 a zip".to_vec(),
                "does not begin as a NumPy file",
            ),
            (b"\x93NUM".to_vec(), "does not begin as a NumPy file"),
            (file([9, 1], "{}", &[]), "format 9.1 is not known"),
            (
                b"\x93NUMPY\x01\x00\x76\x00{'descr'".to_vec(),
                "ends within its header",
            ),
            (file([1, 0], "[1, 2]", &[]), "not a dictionary"),
            (
                file([1, 0], "{'descr': '<f4', 'shape': (1, 2)}", &[]),
                "fortran_order is missing",
            ),
            (file([1, 0], "{'x': 1}", &[]), "unknown key x"),
            (file([1, 0], "{x: 1}", &[]), "a key is not quoted"),
            (dict("'<f4'", "True", "(1, 2)"), "Fortran order"),
            (dict("'>f4'", "False", "(1, 2)"), "type '>f4', not '<f2'"),
            (dict("'<i8'", "False", "(1, 2)"), "type '<i8'"),
            (
                dict("[('a', '<f4')]", "False", "(1, 2)"),
                "type [('a', '<f4')]",
            ),
            (dict("'<f4'", "False", "(2,)"), "1 dimensions, not 2"),
            (dict("'<f4'", "False", "()"), "0 dimensions"),
            (dict("'<f4'", "False", "(1, 1, 2)"), "3 dimensions"),
            (dict("'<f4'", "False", "(-1, 2)"), "the shape is (-1, 2)"),
            (
                dict("'<f4'", "False", "(9223372036854775807, 9)"),
                "is too large",
            ),
            (
                dict("'<f4'", "False", "(1000000000, 1000)"),
                "its header promises 4000000000",
            ),
            (
                dict("'<f4'", "False", "(1, 3)"),
                "bytes, but its header promises",
            ),
            (
                dict("'<f4'", "False", "(1, 1)"),
                "bytes, but its header promises",
            ),
        ] {
            let error = read_bytes(&bytes).unwrap_err().to_string();
            assert!(error.contains("features.npy"), "{error}");
            assert!(
                error.contains(expected),
                "{error} should contain {expected}"
            );
        }
    }

    #[test]
    fn unusable_rows_are_named() {
        for precision in [Precision::F16, Precision::F32, Precision::F64] {
            for (bad, expected) in [
                (
                    vec![f32::NAN, 0.0],
                    "row 1 (counted from 0) has a component that is not a finite",
                ),
                (vec![1.0, f32::NEG_INFINITY], "not a finite number"),
                (vec![0.0, 0.0], "row 1 (counted from 0) has zero length"),
            ] {
                let rows = [vec![1.0, 0.0], bad];
                let error = read_bytes(&matrix_bytes(&rows, 2, precision))
                    .unwrap_err()
                    .to_string();
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn an_empty_matrix_is_a_matrix() {
        let npy = read_bytes(&header(0, 512, Precision::F32)).unwrap();
        assert_eq!((npy.features.len(), npy.features.width()), (0, 512));
    }

    #[test]
    fn huge_components_are_no_infinity() {
        let npy = read_bytes(&matrix_bytes(&[vec![0.0, -3e30]], 2, Precision::F32)).unwrap();
        assert_eq!(*npy.features.row(0), [0.0, -1.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]
        #[test]
        fn what_is_written_is_read(
            rows in (1usize..40).prop_flat_map(|width| {
                proptest::collection::vec(proptest::collection::vec(0.1f32..1.0, width), 0..20)
            }),
        ) {
            let width = rows.first().map_or(3, Vec::len);
            let unit: Vec<Vec<f32>> = rows
                .into_iter()
                .map(|row| crate::embedding::Embedding::new(row).unwrap().as_slice().to_vec())
                .collect();
            for (precision, tolerance) in
                [(Precision::F16, 1e-3), (Precision::F32, 1e-6), (Precision::F64, 1e-6)]
            {
                let npy = read_bytes(&matrix_bytes(&unit, width, precision)).unwrap();
                prop_assert_eq!(npy.precision, precision);
                prop_assert_eq!(npy.n_renormalised, 0);
                prop_assert_eq!((npy.features.len(), npy.features.width()), (unit.len(), width));
                for (row, expected) in unit.iter().enumerate() {
                    for (x, y) in npy.features.row(row).iter().zip(expected) {
                        prop_assert!((x - y).abs() <= tolerance, "{} {}", x, y);
                    }
                }
            }
        }
    }
}

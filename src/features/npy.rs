//! `features.npy`: read in any precision, written byte for byte as `numpy.save` writes it.

use super::mapped::Mapped;
use super::norm::Norm;
use super::numbers::Numbers;
use super::sum::{Sum, Summing, SummingReader};
use super::{ChangedFile, Features, Raw};
use crate::git_lfs;
use half::f16;
use half::vec::HalfBitsVecExt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

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
    fn includes(self, size_bytes: u64) -> bool {
        match self {
            Self::All => true,
            Self::UpTo(most) => size_bytes <= most,
        }
    }
}

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

/// What is wrong with the header of a NumPy file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The first bytes are not NumPy's.
    #[error("it does not begin as a NumPy file does")]
    Magic,
    /// A later format than 3.0.
    #[error("NumPy file format {0}.{1} is not known (1.0, 2.0 and 3.0 are)")]
    Version(u8, u8),
    /// The header ends early.
    #[error("it ends within its header")]
    CutOff,
    /// The header is not the dictionary that NumPy writes.
    #[error("its header is not understood: {0}")]
    Syntax(String),
    /// Columns one after the other.
    #[error("the matrix is in Fortran order; save numpy.ascontiguousarray(matrix)")]
    FortranOrder,
    /// Not a little-endian float.
    #[error("the numbers are of type {0}, not '<f2', '<f4' or '<f8'; save matrix.astype('<f4')")]
    Dtype(String),
    /// Not two-dimensional.
    #[error("the array has {0} dimensions, not 2 (images, components)")]
    Dimensions(usize),
    /// More than can be addressed.
    #[error("a matrix of {0} x {1} is too large")]
    TooLarge(usize, usize),
}

/// NumPy's own headers have 118 bytes; format 2.0 allows 4 GiB, which no one needs.
const MAX_HEADER_BYTES: u32 = 1 << 20;
/// Numbers converted at a time: the raw bytes stay in the processor's cache.
const CHUNK: usize = 1 << 16;
/// Rows that a thread looks at at a time.
const ROWS: usize = 1 << 10;

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
    fn descr(self) -> &'static str {
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
}

impl Precision {
    /// The next `n` numbers of a file, each as it is, but those of 64 bits rounded to 32.
    fn read(self, reader: &mut impl Read, n: usize) -> std::io::Result<Numbers> {
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

/// Looks at the length of each row and notes its factor, with all processors. Gives the number of rows whose length was
/// off, or the first row that cannot be used.
fn look_at_rows(
    numbers: &Numbers,
    columns: usize,
    factors: &mut [f32],
) -> Result<usize, (usize, Norm)> {
    let n_off = AtomicUsize::new(0);
    let n_blocks = factors.len().div_ceil(ROWS);
    let blocks = std::sync::Mutex::new(factors.chunks_mut(ROWS).enumerate());
    let first_bad = std::sync::Mutex::new(None::<(usize, Norm)>);
    let look = || {
        let mut components = vec![0f32; columns];
        loop {
            let next = (blocks
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner))
            .next();
            let Some((block, factors)) = next else {
                return;
            };
            for (index, factor) in factors.iter_mut().enumerate() {
                let row = block * ROWS + index;
                let raw = numbers.get(row * columns..(row + 1) * columns);
                let norm = super::kernel::with_all_the_processor_has(
                    #[inline(always)]
                    || match raw {
                        Raw::F32(raw) => Norm::of(raw),
                        Raw::F16(_) => {
                            raw.widen(&mut components);
                            Norm::of(&components)
                        }
                    },
                );
                *factor = norm.factor();
                if norm.is_off() {
                    n_off.fetch_add(1, Ordering::Relaxed);
                }
                if matches!(norm, Norm::Zero | Norm::NotFinite) {
                    let mut first =
                        (first_bad.lock()).unwrap_or_else(std::sync::PoisonError::into_inner);
                    if first.is_none_or(|(before, _)| row < before) {
                        *first = Some((row, norm));
                    }
                    // Blocks are taken in order: those before this one are looked at by others to their end.
                    return;
                }
            }
        }
    };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..n_threads.min(n_blocks) {
            // A system without threads to give has this one.
            let _ = std::thread::Builder::new().spawn_scoped(scope, look);
        }
        look();
    });
    let first_bad = first_bad.into_inner();
    match first_bad.unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(bad) => Err(bad),
        None => Ok(n_off.into_inner()),
    }
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

/// The rows of a features file as they stand there, one after the other: its length is no matter of memory.
#[derive(Debug)]
pub struct RawRows {
    path: PathBuf,
    header: Header,
    reader: Reader,
    row: Vec<u8>,
}

impl RawRows {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is not what its header says. What the rows are is not looked at.
    pub fn open(path: &Path) -> Result<Self, FeaturesError> {
        let (header, reader) = open(path, SumOf::All)?;
        // The file is as long as its header says; without rows the columns may be any number.
        let columns = if header.rows == 0 { 0 } else { header.columns };
        Ok(Self {
            path: path.to_owned(),
            row: vec![0; columns * header.precision.size_bytes()],
            header,
            reader,
        })
    }

    /// Number of rows, number of columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.header.rows, self.header.columns)
    }

    /// The number format of the file.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.header.precision
    }

    /// The bytes of the next row.
    ///
    /// # Errors
    /// If the file ends or cannot be read.
    pub fn next_row(&mut self) -> Result<&[u8], FeaturesError> {
        let read = self.reader.read_exact(&mut self.row);
        read.map_err(|source| FeaturesError::Read {
            path: self.path.clone(),
            source,
        })?;
        Ok(&self.row)
    }

    /// The checksum of the file, when all rows have been read.
    #[must_use]
    pub fn sum(self) -> Sum {
        let summing = self.reader.into_inner().summing;
        summing.unwrap_or_default().finish()
    }
}

/// The header that `numpy.save` writes for a C-order matrix `[rows, columns]`.
///
/// # Source
/// `numpy/lib/_format_impl.py`: `_write_array_header`, `_wrap_header`.
#[must_use]
pub fn header(rows: usize, columns: usize, precision: Precision) -> Vec<u8> {
    /// Room that NumPy leaves so that the number of rows can grow in place: 21 digits in all.
    const ROWS_DIGITS: usize = 21;
    const ALIGN: usize = 64;
    let descr = precision.descr();
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    text.extend(std::iter::repeat_n(
        ' ',
        ROWS_DIGITS.saturating_sub(rows.to_string().len()),
    ));
    // Magic, version, length, text and the line feed; NumPy adds a whole block when it fits exactly.
    let unpadded = 10 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', ALIGN - unpadded % ALIGN));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("two numbers fit in far less than 64 KiB");
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The header of a NumPy file that holds a matrix of floats in C order.
#[derive(Debug, PartialEq)]
struct Header {
    rows: usize,
    columns: usize,
    precision: Precision,
    /// Where the numbers begin.
    offset: u64,
}

impl Header {
    fn read(reader: &mut impl Read) -> Result<Self, HeaderError> {
        let mut start = [0u8; 8];
        reader
            .read_exact(&mut start)
            .map_err(|_| HeaderError::Magic)?;
        if !start.starts_with(MAGIC) {
            return Err(HeaderError::Magic);
        }
        let (length, before) = match (start[6], start[7]) {
            (1, 0) => {
                let mut length = [0u8; 2];
                reader
                    .read_exact(&mut length)
                    .map_err(|_| HeaderError::CutOff)?;
                (u32::from(u16::from_le_bytes(length)), 10u64)
            }
            (2 | 3, 0) => {
                let mut length = [0u8; 4];
                reader
                    .read_exact(&mut length)
                    .map_err(|_| HeaderError::CutOff)?;
                (u32::from_le_bytes(length), 12)
            }
            (major, minor) => return Err(HeaderError::Version(major, minor)),
        };
        if length > MAX_HEADER_BYTES {
            return Err(HeaderError::Syntax(format!("it claims {length} bytes")));
        }
        let mut text = vec![0u8; length as usize];
        reader
            .read_exact(&mut text)
            .map_err(|_| HeaderError::CutOff)?;
        // 1.0 and 2.0 are Latin-1, 3.0 is UTF-8; what a float matrix needs is ASCII in all three.
        let text = String::from_utf8_lossy(&text);
        let dict = Dict::parse(&text)?;
        dict.into_header(before + u64::from(length))
    }

    /// Length of the whole file.
    fn file_bytes(&self) -> Result<u64, HeaderError> {
        self.rows
            .checked_mul(self.columns)
            .and_then(|n| n.checked_mul(self.precision.size_bytes()))
            // A Vec holds at most isize::MAX bytes, and ours holds f32 whatever the file does.
            .filter(|_| {
                (self.rows.saturating_mul(self.columns))
                    <= isize::MAX.unsigned_abs() / size_of::<f32>()
            })
            .and_then(|n| u64::try_from(n).ok())
            .and_then(|n| n.checked_add(self.offset))
            .ok_or(HeaderError::TooLarge(self.rows, self.columns))
    }
}

/// The three entries of the dictionary, as they stand in the text.
#[derive(Default)]
struct Dict<'a> {
    descr: Option<&'a str>,
    fortran_order: Option<&'a str>,
    shape: Option<&'a str>,
}

impl<'a> Dict<'a> {
    /// Splits a Python dictionary literal of NumPy's kind: quoted keys in any order; values are
    /// quoted strings, `True`, `False`, or bracketed.
    fn parse(text: &'a str) -> Result<Self, HeaderError> {
        let syntax = |what: &str| HeaderError::Syntax(what.to_owned());
        let mut dict = Self::default();
        let mut rest = text
            .trim()
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .ok_or_else(|| syntax("it is not a dictionary"))?
            .trim_start();
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(|| syntax("a key is not quoted"))?;
            let after = after
                .trim_start()
                .strip_prefix(':')
                .ok_or_else(|| syntax("a key has no value"))?
                .trim_start();
            let end = value_end(after);
            let value = after[..end].trim_end();
            match key {
                "descr" => dict.descr = Some(value),
                "fortran_order" => dict.fortran_order = Some(value),
                "shape" => dict.shape = Some(value),
                other => return Err(HeaderError::Syntax(format!("unknown key {other}"))),
            }
            rest = after[end..].trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        Ok(dict)
    }

    fn into_header(self, offset: u64) -> Result<Header, HeaderError> {
        let missing = |key: &str| HeaderError::Syntax(format!("{key} is missing"));
        let descr = self.descr.ok_or_else(|| missing("descr"))?;
        let precision = match quoted(descr) {
            Some(("<f2", "")) => Precision::F16,
            Some(("<f4", "")) => Precision::F32,
            Some(("<f8", "")) => Precision::F64,
            _ => return Err(HeaderError::Dtype(descr.to_owned())),
        };
        match self.fortran_order.ok_or_else(|| missing("fortran_order"))? {
            "False" => {}
            "True" => return Err(HeaderError::FortranOrder),
            other => return Err(HeaderError::Syntax(format!("fortran_order is {other}"))),
        }
        let shape = self.shape.ok_or_else(|| missing("shape"))?;
        match lengths(shape).as_deref() {
            Some(&[rows, columns]) => Ok(Header {
                rows,
                columns,
                precision,
                offset,
            }),
            Some(other) => Err(HeaderError::Dimensions(other.len())),
            None => Err(HeaderError::Syntax(format!("the shape is {shape}"))),
        }
    }
}

/// A quoted string at the start of `text`, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// Where the value at the start of `text` ends: at a comma outside quotes and brackets.
fn value_end(text: &str) -> usize {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => return at,
            (None, _) => {}
        }
    }
    text.len()
}

/// The numbers of a tuple. Python 2 wrote long integers as `5L`.
fn lengths(tuple: &str) -> Option<Vec<usize>> {
    let inner = tuple.strip_prefix('(')?.strip_suffix(')')?.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    inner
        .split(',')
        .map(|n| n.trim().trim_end_matches('L').parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
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

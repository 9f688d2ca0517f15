//! The header of a NumPy file: written as `numpy.save` does, read in every way that NumPy writes one.

use super::precision::Precision;
use std::io::Read;

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

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The header of a NumPy file that holds a matrix of floats in C order.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) precision: Precision,
    /// Where the numbers begin.
    pub(super) offset: u64,
}

impl Header {
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, HeaderError> {
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
    pub(super) fn file_bytes(&self) -> Result<u64, HeaderError> {
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

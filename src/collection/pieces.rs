//! A table, read in pieces by all processors.

use crate::features::sum::Sum;
use crate::parallel::in_parallel;
use memchr::memchr;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes that are read at a time.
const PIECE: usize = 4 << 20;

/// The lines of `file` in `rows`, some of them at a time.
pub(super) fn pieces(file: &[u8], rows: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut begin = rows.start;
    while begin < rows.end {
        let least = (begin + PIECE).min(rows.end);
        let end = memchr(b'\n', &file[least..]).map_or(rows.end, |at| least + at + 1);
        pieces.push(begin..end);
        begin = end;
    }
    pieces
}

/// As [`in_parallel`], and meanwhile the checksum of `file`, of which a processor has to take all bytes one after the other.
pub(super) fn summed_in_parallel(
    file: &[u8],
    n: usize,
    work: impl Fn(usize) -> Option<()> + Sync,
) -> Option<Sum> {
    let sum = Mutex::new(None);
    in_parallel(n + 1, |index| match index.checked_sub(1) {
        Some(index) => work(index),
        None => {
            *sum.lock().unwrap_or_else(PoisonError::into_inner) = Some(Sum::of(file));
            Some(())
        }
    })?;
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

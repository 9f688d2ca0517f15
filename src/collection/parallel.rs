//! A table, read in pieces by all processors.

use crate::features::sum::Sum;
use memchr::memchr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Does the `n` parts of a work with all processors, in any order; stops at the first that cannot be done.
pub(super) fn in_parallel(n: usize, work: impl Fn(usize) -> Option<()> + Sync) -> Option<()> {
    let next = AtomicUsize::new(0);
    let go = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= n {
                return Some(());
            }
            if work(index).is_none() {
                next.store(n, Ordering::Relaxed);
                return None;
            }
        }
    };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        // A system without threads to give has this one.
        let others: Vec<_> = (1..n_threads.min(n))
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, go).ok())
            .collect();
        let mine = go();
        let others = others.into_iter().map(|other| other.join().ok().flatten());
        others.fold(mine, |done, other| done.and(other))
    })
}

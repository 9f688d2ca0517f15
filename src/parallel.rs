//! Work that all processors share.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does the `n` parts of a work with all processors, begun in order; stops at the first that cannot be done.
pub(crate) fn in_parallel(n: usize, work: impl Fn(usize) -> Option<()> + Sync) -> Option<()> {
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

/// What `of_piece` makes of the pieces of `range`, each `size` long but for the last, in their order; all processors make
/// them.
pub(crate) fn in_pieces<T: Default + Send>(
    range: Range<usize>,
    size: usize,
    of_piece: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let n_pieces = range.len().div_ceil(size);
    let pieces: Vec<Mutex<T>> = (0..n_pieces).map(|_| Mutex::default()).collect();
    in_parallel(n_pieces, |piece| {
        let start = range.start + piece * size;
        let made = of_piece(start..range.end.min(start + size));
        *pieces[piece].lock().unwrap_or_else(PoisonError::into_inner) = made;
        Some(())
    });
    (pieces.into_iter())
        .map(|piece| piece.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

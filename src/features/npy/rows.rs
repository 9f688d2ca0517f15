//! Which rows can be used.

use crate::features::Raw;
use crate::features::kernel::with_all_the_processor_has;
use crate::features::norm::Norm;
use crate::features::numbers::Numbers;
use crate::parallel::in_parallel;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Rows that a thread looks at at a time.
const ROWS: usize = 1 << 10;

/// Looks at the length of each row and notes its factor, with all processors. Gives the number of rows whose length was
/// off, or the first row that cannot be used.
pub(super) fn look_at_rows(
    numbers: &Numbers,
    columns: usize,
    factors: &mut [f32],
) -> Result<usize, (usize, Norm)> {
    let n_off = AtomicUsize::new(0);
    let first_bad = Mutex::new(None::<(usize, Norm)>);
    let blocks: Vec<_> = factors.chunks_mut(ROWS).map(Mutex::new).collect();
    let looked = in_parallel(blocks.len(), |block| {
        let mut components = vec![0f32; columns];
        let mut factors = blocks[block].lock().unwrap_or_else(PoisonError::into_inner);
        for (index, factor) in factors.iter_mut().enumerate() {
            let row = block * ROWS + index;
            let raw = numbers.get(row * columns..(row + 1) * columns);
            let norm = with_all_the_processor_has(
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
                let mut first = first_bad.lock().unwrap_or_else(PoisonError::into_inner);
                if first.is_none_or(|(before, _)| row < before) {
                    *first = Some((row, norm));
                }
                // Blocks are begun in order: those before this one are looked at by others to their end.
                return None;
            }
        }
        Some(())
    });
    let first_bad = first_bad.into_inner();
    match first_bad.unwrap_or_else(PoisonError::into_inner) {
        Some(bad) => Err(bad),
        None => {
            looked.expect("all rows can be used");
            Ok(n_off.into_inner())
        }
    }
}

//! How many copies of a tower are loaded, and how many threads each run has.
//!
//! A run on several threads waits for the slowest of them after each matrix product, and what the machine does besides
//! (decoding the next images) makes one of them slow again and again. Runs on a thread each wait for nobody: measured
//! with ONNX Runtime 1.32, ViT-B/32 and two cores, two such runs at a time do 1.1 to 1.3 times as many images, one by
//! one or in batches, and the bits of the vectors are the same. The price is memory, the weights once for each copy.

use crate::encoder::model::files::with_weights;
use std::num::NonZeroUsize;
use std::path::Path;

/// What a model is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aim {
    /// That one answer comes soon: all threads work on it.
    #[default]
    Soon,
    /// That many images are encoded in all: each thread has its own, as far as memory allows.
    Many,
}

/// Most bytes of weights in all copies of a tower; if one copy has more, it is the only one.
const COPIES_BYTES: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Threads {
    pub(super) n_copies: usize,
    pub(super) per_copy: usize,
}

impl Threads {
    /// All threads on one run at a time.
    pub(super) fn together(wanted: Option<NonZeroUsize>) -> Self {
        // ONNX Runtime counts the machine's cores; this counts those that a container may use.
        let n_threads = wanted.or_else(|| std::thread::available_parallelism().ok());
        Self {
            n_copies: 1,
            per_copy: n_threads.map_or(1, NonZeroUsize::get),
        }
    }

    /// As many runs at a time as there may be copies of `file`.
    pub(super) fn apart(wanted: Option<NonZeroUsize>, file: &Path) -> Self {
        Self::together(wanted).divided(size_bytes(file))
    }

    /// Each copy has as many threads as the others.
    fn divided(self, size_bytes: u64) -> Self {
        let n_threads = self.per_copy;
        let most = usize::try_from(COPIES_BYTES / size_bytes.max(1)).unwrap_or(usize::MAX);
        let n_copies = (1..=most.min(n_threads))
            .rev()
            .find(|n_copies| n_threads.is_multiple_of(*n_copies))
            .unwrap_or(1);
        Self {
            n_copies,
            per_copy: n_threads / n_copies,
        }
    }
}

/// Bytes of a tower with the weights beside it; more than any memory where they cannot be told.
fn size_bytes(file: &Path) -> u64 {
    let [graph, weights @ ..] =
        with_weights(file).map(|file| std::fs::metadata(file).map(|facts| facts.len()));
    let weights: u64 = weights.into_iter().flatten().sum();
    graph.map_or(u64::MAX, |graph| graph.saturating_add(weights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn weights_beside_the_file_count() {
        let dir = tempfile::tempdir().unwrap();
        let graph = dir.path().join("vision_model.onnx");
        assert_eq!(size_bytes(&graph), u64::MAX);
        for (name, size_bytes) in [
            ("vision_model.onnx", 1000),
            ("vision_model.onnx_data", 2 << 30),
        ] {
            File::create(dir.path().join(name))
                .unwrap()
                .set_len(size_bytes)
                .unwrap();
        }
        assert_eq!(size_bytes(&graph), 1000 + (2 << 30));
        let expected = Threads {
            n_copies: 1,
            per_copy: 4,
        };
        assert_eq!(Threads::apart(NonZeroUsize::new(4), &graph), expected);
    }

    #[test]
    fn the_threads_are_divided_evenly_among_the_copies_that_memory_allows() {
        let (tiny, base, large) = (1, 351 << 20, 1_200 << 20);
        for (n_threads, size_bytes, n_copies, per_copy) in [
            (1, tiny, 1, 1),
            (2, tiny, 2, 1),
            (2, base, 2, 1),
            (2, large, 1, 2),
            (16, base, 2, 8),
            (16, 90 << 20, 8, 2),
            (7, base, 1, 7),
            (7, tiny, 7, 1),
            (4, u64::MAX, 1, 4),
            (4, 0, 4, 1),
        ] {
            let together = Threads::together(NonZeroUsize::new(n_threads));
            let expected = Threads { n_copies, per_copy };
            assert_eq!(
                together.divided(size_bytes),
                expected,
                "{n_threads} {size_bytes}"
            );
        }
    }
}

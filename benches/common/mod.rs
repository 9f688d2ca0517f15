//! What the benchmarks share.

use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use clip_search::features::Features;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Width of the embeddings.
pub(crate) const D: usize = 512;

/// Numbers in (-1, 1) from a seed: xorshift64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = u16::try_from(self.0 >> 48).expect("16 bits are left");
        f32::from(bits) / 32_768.0 - 1.0
    }

    pub(crate) fn embedding(&mut self) -> Embedding {
        let raw = (0..D).map(|_| self.next()).collect();
        Embedding::new(raw).expect("random numbers have a direction")
    }
}

/// Gives each text a direction of its own, at no cost: the model is not what is measured here.
pub(crate) struct NoModel;

impl Encoder for NoModel {
    fn width(&self) -> usize {
        D
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        let seed = |text: &&str| {
            text.bytes()
                .fold(7, |seed: u64, b| seed * 31 + u64::from(b))
        };
        Ok(texts.iter().map(|t| Random(seed(t)).embedding()).collect())
    }

    fn preprocess(&self, _: &[u8]) -> Result<Pixels, ImageError> {
        Err(ImageError::Empty)
    }

    fn encode_images(&self, _: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        Ok(Vec::new())
    }
}

/// The median of `runs` runs, after one that warms up.
pub(crate) fn median<T>(runs: usize, mut work: impl FnMut() -> T) -> Duration {
    black_box(work());
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The floor of any search: every number of the matrix is read once.
pub(crate) fn one_pass(matrix: &[f32]) -> [f32; 16] {
    let add = |sum: [f32; 16], x: [f32; 16]| std::array::from_fn(|i| sum[i] + x[i]);
    (matrix.as_chunks::<16>().0.iter().copied()).fold([0f32; 16], add)
}

/// The vectors one after the other.
pub(crate) fn flat(features: &Features) -> Vec<f32> {
    (0..features.len())
        .flat_map(|row| features.row(row).into_owned())
        .collect()
}

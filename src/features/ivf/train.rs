//! Which vectors are alike: k-means.

use super::Lists;
use crate::features::Features;
use crate::features::kernel::{quick_dot, with_all_the_processor_has};
use crate::parallel::in_parallel;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Vectors that a list's centroid is found by: more would hardly move it.
const SAMPLED_PER_LIST: usize = 32;

/// Turns of k-means: after these hardly a vector changes its list.
const TURNS: usize = 8;

/// Vectors that are compared with all centroids at a time: with 4096 of these 4 MiB of products. For each such product of
/// matrices the centroids are put in order once.
const TOGETHER: usize = 256;

/// Such pieces that a thread does before it asks what is next.
const PIECES: usize = 4;

/// The lists of `features`, and their rows, list by list.
///
/// There are `n_lists`, or as many as there are vectors. With the same features, on the same processor, these are the same
/// lists.
#[must_use]
pub fn lists_of(features: &Features, n_lists: usize) -> (Lists, Vec<u32>) {
    let (n, width) = (features.len(), features.width());
    let n_lists = n_lists.min(n);
    let step = (n / (n_lists * SAMPLED_PER_LIST).max(1)).max(1);
    let mut sample = vec![0f32; n.div_ceil(step) * width];
    for (row, out) in (0..n)
        .step_by(step)
        .zip(sample.chunks_exact_mut(width.max(1)))
    {
        features.read_row(row, out);
    }
    let mut centroids = beginning(&sample, width, n_lists);
    let n_sampled = n.div_ceil(step);
    for _ in 0..TURNS {
        let nearest = nearest(n_sampled, &centroids, width, &|rows, out| {
            out.copy_from_slice(&sample[rows.start * width..rows.end * width]);
        });
        centroids = means(&sample, &nearest, &centroids, width);
    }
    drop(sample);
    let nearest = nearest(n, &centroids, width, &|rows, out| {
        for (row, out) in rows.zip(out.chunks_exact_mut(width.max(1))) {
            features.read_row(row, out);
        }
    });
    let (starts, order) = by_list(&nearest, n_lists);
    let lists = Lists::new(width, centroids, starts);
    (lists.expect("they lie one after the other"), order)
}

/// Vectors of the sample, any but always the same.
fn beginning(sample: &[f32], width: usize, n_lists: usize) -> Vec<f32> {
    let mut vectors: Vec<&[f32]> = sample.chunks_exact(width.max(1)).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut vectors);
    vectors[..n_lists.min(vectors.len())].concat()
}

/// The list that each of `n` vectors is in, and how near it is to its centroid.
///
/// # Shapes
/// - `read`: writes the vectors of these numbers, `[rows.len(), d]`.
fn nearest(
    n: usize,
    centroids: &[f32],
    width: usize,
    read: &(dyn Fn(Range<usize>, &mut [f32]) + Sync),
) -> Vec<Nearest> {
    let n_lists = centroids.len() / width.max(1);
    // Of equal length the nearest centroid is the one with the largest product; a longer one is further away.
    let halves: Vec<f32> = (centroids.chunks_exact(width.max(1)))
        .map(|centroid| quick_dot(centroid, centroid) / 2.0)
        .collect();
    let columns = of_rows(centroids, n_lists, width);
    let at_once = TOGETHER * PIECES;
    let mut found = vec![Nearest::default(); n];
    let pieces: Vec<Mutex<&mut [Nearest]>> = found.chunks_mut(at_once).map(Mutex::new).collect();
    let done = in_parallel(pieces.len(), |piece| {
        let mut found = (pieces[piece].lock()).unwrap_or_else(PoisonError::into_inner);
        let mut vectors = vec![0f32; TOGETHER * width];
        let mut products = vec![0f32; TOGETHER * n_lists];
        for (nth, found) in found.chunks_mut(TOGETHER).enumerate() {
            let start = piece * at_once + nth * TOGETHER;
            let vectors = &mut vectors[..found.len() * width];
            read(start..start + found.len(), vectors);
            let products = &mut products[..found.len() * n_lists];
            let rows = of_rows(vectors, found.len(), width);
            let mut out = ArrayViewMut2::from_shape((found.len(), n_lists), &mut *products)
                .expect("as many products as there are pairs");
            general_mat_mul(1.0, &rows, &columns.t(), 0.0, &mut out);
            for (found, products) in found.iter_mut().zip(products.chunks_exact(n_lists.max(1))) {
                *found = Nearest::of(products, &halves);
            }
        }
        Some(())
    });
    done.expect("no piece gives up");
    drop(pieces);
    found
}

fn of_rows(numbers: &[f32], n: usize, width: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((n, width), numbers).expect("n rows of this width")
}

/// The list that a vector is in.
#[derive(Debug, Clone, Copy, Default)]
struct Nearest {
    list: u32,
    /// The higher, the nearer is its centroid.
    score: f32,
}

impl Nearest {
    /// The best by products with the centroids, of whose squares these are the halves; of equal ones the first.
    fn of(products: &[f32], halves: &[f32]) -> Self {
        let scores = || {
            products
                .iter()
                .zip(halves)
                .map(|(product, half)| product - half)
        };
        let best = with_all_the_processor_has(
            #[inline(always)]
            || {
                scores().fold(
                    f32::NEG_INFINITY,
                    |best, score| if score > best { score } else { best },
                )
            },
        );
        let list = scores().position(|score| score >= best).unwrap_or(0);
        Self {
            list: u32::try_from(list).expect("there are fewer lists than rows"),
            score: best,
        }
    }
}

/// The mean of each list. One that lost all its vectors is begun anew with one of those that are furthest from theirs.
fn means(sample: &[f32], nearest: &[Nearest], centroids: &[f32], width: usize) -> Vec<f32> {
    let n_lists = centroids.len() / width.max(1);
    let mut sums = vec![0f64; centroids.len()];
    let mut counts = vec![0u32; n_lists];
    for (vector, nearest) in sample.chunks_exact(width.max(1)).zip(nearest) {
        let list = index(nearest.list);
        counts[list] += 1;
        for (sum, x) in sums[list * width..][..width].iter_mut().zip(vector) {
            *sum += f64::from(*x);
        }
    }
    let mut furthest: Vec<usize> = (0..nearest.len()).collect();
    furthest.sort_by(|a, b| nearest[*a].score.total_cmp(&nearest[*b].score));
    let mut furthest = furthest.into_iter();
    let mut means = Vec::with_capacity(centroids.len());
    for (list, count) in counts.iter().enumerate() {
        let sums = &sums[list * width..][..width];
        if *count > 0 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a mean is no larger than what it is of"
            )]
            means.extend(sums.iter().map(|sum| (sum / f64::from(*count)) as f32));
        } else if let Some(vector) = furthest.next() {
            means.extend(&sample[vector * width..][..width]);
        } else {
            means.extend(&centroids[list * width..][..width]);
        }
    }
    means
}

/// Where each list begins, and the rows list by list.
fn by_list(nearest: &[Nearest], n_lists: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0; n_lists + 1];
    for nearest in nearest {
        starts[index(nearest.list) + 1] += 1;
    }
    for list in 0..n_lists {
        starts[list + 1] += starts[list];
    }
    let mut next = starts.clone();
    let mut order = vec![0; nearest.len()];
    for (row, nearest) in (0..).zip(nearest) {
        let place = &mut next[index(nearest.list)];
        order[*place] = row;
        *place += 1;
    }
    (starts, order)
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("a list of those that there are")
}

//! How much of an answer the lists of a collection find, measured on itself.

use crate::embedding::Embedding;
use crate::features::Features;
use crate::features::int8::quantise::Centre;
use crate::features::ivf::{DEPTHS, Lists, Recall};
use crate::features::nearest::{Hit, Lookup};
use crate::search::VectorSearch;
use crate::search::exact::Exact;
use anyhow::ensure;

/// Queries of each kind. With 1000 best images each, a recall of 0.98 is known to within 0.01.
const QUERIES: usize = 128;

/// Queries that are searched for at a time: each row is read once for so many.
const TOGETHER: usize = 32;

/// Rows whose mean a text is about, at most.
const ABOUT: usize = 3;

/// How much of a text is about pictures; the rest is noise in all directions, which pictures do not have. So the best scores
/// of such queries are low and near to each other, as those of texts with CLIP models are, and the best images lie in more
/// lists than with any picture. Measured on collections whose texts are known (`benches/approximate.py`): as many lists are
/// needed for these queries as for the texts, or a few more.
const SIGNAL: f32 = 0.4;

/// The recall of `lists`, which hold the rows of `features` in this `order`: that of pictures of the collection or of
/// queries like texts, whichever is lower.
///
/// # Errors
/// If the features were changed meanwhile.
pub(super) fn recall_of(
    features: &Features,
    lists: &Lists,
    order: &[u32],
) -> anyhow::Result<Recall> {
    let mut list_of_row = vec![0u32; features.len()];
    for list in 0..lists.len() {
        for place in lists.places(list) {
            list_of_row[order[place] as usize] = u32::try_from(list)?;
        }
    }
    let exact = Exact::new(features.clone());
    let mut random = fastrand::Rng::with_seed(1);
    let pictures = pictures(features, &mut random);
    let texts = texts(features, &mut random);
    let mut lower: Option<Recall> = None;
    for (queries, is_of_collection) in [(pictures, true), (texts, false)] {
        let mut needed = Vec::with_capacity(queries.len());
        for queries in queries.chunks(TOGETHER) {
            let lookups: Vec<Lookup<'_>> = (queries.iter())
                .map(|query| Lookup {
                    query,
                    min_score: f64::NEG_INFINITY,
                    limit: Some(DEPTHS[DEPTHS.len() - 1] + usize::from(is_of_collection)),
                })
                .collect();
            let (found, _) = exact.each(&lookups, None, &|| false)?;
            for (query, hits) in queries.iter().zip(&found) {
                // The picture itself is found by whatever way.
                let hits = &hits[usize::from(is_of_collection).min(hits.len())..];
                let reached = reached(lists, query.as_slice());
                needed.push(DEPTHS.map(|depth| {
                    (hits.iter().take(depth))
                        .map(|Hit { row, .. }| reached[list_of_row[*row] as usize])
                        .collect()
                }));
            }
        }
        let recall = Recall::measured(&needed);
        lower = Some(match lower {
            None => recall,
            Some(other) => recall.at_most(&other),
        });
    }
    ensure!(
        features.check().is_ok(),
        "the features were changed meanwhile"
    );
    Ok(lower.expect("there are two kinds of queries"))
}

/// By list, the share of all rows that a search for `query` has read once it has read that list.
fn reached(lists: &Lists, query: &[f32]) -> Vec<f64> {
    let mut reached = vec![1.0; lists.len()];
    let mut n_read = 0;
    for list in lists.nearest_first(query) {
        n_read += lists.places(list).len();
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^52")]
        {
            reached[list] = n_read as f64 / lists.n_rows() as f64;
        }
    }
    reached
}

/// Pictures of the collection.
fn pictures(features: &Features, random: &mut fastrand::Rng) -> Vec<Embedding> {
    (0..QUERIES)
        .filter_map(|_| vector(features.row(any_row(features, random)?).to_vec()))
        .collect()
}

/// Queries like texts: somewhat like a picture of the collection or like what a few of them have in common, and not like
/// any of them.
fn texts(features: &Features, random: &mut fastrand::Rng) -> Vec<Embedding> {
    let width = features.width();
    // What pictures have in common, and a text has not.
    let mean = Centre::of(features).0;
    (0..QUERIES)
        .filter_map(|nth| {
            let mut about = vec![0f32; width];
            for _ in 0..1 + nth % ABOUT {
                let picture = features.row(any_row(features, random)?);
                for ((sum, x), mean) in about.iter_mut().zip(&*picture).zip(&mean) {
                    *sum += x - mean;
                }
            }
            let noise = (0..width).map(|_| random.f32() - 0.5).collect();
            let (about, noise) = (vector(about)?, vector(noise)?);
            let rest = (1.0 - SIGNAL * SIGNAL).sqrt();
            let both = (about.as_slice().iter()).zip(noise.as_slice());
            vector(both.map(|(x, y)| SIGNAL * x + rest * y).collect())
        })
        .collect()
}

fn any_row(features: &Features, random: &mut fastrand::Rng) -> Option<usize> {
    (!features.is_empty()).then(|| random.usize(..features.len()))
}

/// That of some numbers, if they have a direction.
fn vector(numbers: Vec<f32>) -> Option<Embedding> {
    Embedding::new(numbers).ok()
}

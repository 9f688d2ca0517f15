//! `features.ivf`: an inverted file, the features in lists of what is alike, a bit for each number.
//!
//! Each list has a centroid; a vector is in the list with the nearest one. A search that reads the lists with the centroids
//! nearest to its query, and no others, finds most of the best images at a part of the price. How many of them it finds
//! was measured when the file was made, and stands in it. Their bits tell which images of a list are worth being scored.
//!
//! # Format
//! As that of all [derived](super::derived) files, with `CLIPIVF2`, n, d and the number of lists m; then
//! - `f32[3, 21]`: the [`Recall`].
//! - `f32[m, d]`: the centroids. `u64[m + 1]`: where each list begins, and the last one ends.
//! - `f32[d, d]`: the rotation, by which a vector less its centroid is turned before its signs are taken.
//! - `u32[n]`: the rows, one list after the other, ascending within each.
//! - As many zeros as it takes to a multiple of 64 bytes.
//! - `u64[n, ⌈d / 64⌉]`: the signs, in the same order, the first number's in the lowest bit; 1 is positive.
//! - `f32[n]`: by row, what its signs stand for; `f32[n]`: by row, how far a score is off, as a deviation.
//!
//! # Source
//! J. Sivic and A. Zisserman, Video Google, ICCV 2003; H. Jégou, M. Douze and C. Schmid, Product quantization for nearest
//! neighbor search, IEEE TPAMI 33 (2011), section IV.

mod bits;
mod encode;
mod lists;
mod recall;
mod rotation;
mod train;
mod write;

use super::derived::{Bytes, Derived, DerivedError, Magic};
use super::int8::number;
use super::npy::{FeaturesIn, SumOf};
use super::sum::Sum;
use super::{ChangedFile, Features};
use bits::Bits;
pub(crate) use bits::{BitQuery, Estimates};
pub use lists::Lists;
pub use recall::{DEPTHS, Recall};
use rotation::Rotation;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
pub use train::lists_of;
pub use write::write;

/// What the file begins with.
const MAGIC: &Magic = b"CLIPIVF2";

/// The features of a collection in lists of what is alike; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ivf(Arc<File>);

#[derive(Debug)]
struct File {
    bytes: Arc<Bytes>,
    /// Where the rows begin.
    rows_start: usize,
    lists: Lists,
    recall: Recall,
    rotation: Rotation,
    /// In the order of the lists.
    bits: Bits,
}

impl Ivf {
    /// Opens the file at `path`, which must be of the `features` with the checksum `features_sum`; `None` if there is no
    /// such file. Its own checksum is computed if `sum_of` includes it.
    ///
    /// # Errors
    /// [`DerivedError`] if it cannot be used.
    pub fn open(
        path: &Path,
        features: &Features,
        features_sum: &Sum,
        sum_of: SumOf,
        features_in: FeaturesIn,
    ) -> Result<Option<Self>, DerivedError> {
        let Some(file) = Derived::<3>::open(path, MAGIC, features, features_sum, features_in)?
        else {
            return Ok(None);
        };
        let (n, width) = (features.len(), features.width());
        let starts = usize::try_from(file.numbers[2])
            .ok()
            .and_then(|n_lists| Starts::of(n, width, n_lists));
        let content = (starts.as_ref())
            .and_then(|starts| starts.bits.checked_add(bits::bytes_of(n, width)?))
            .and_then(|end| end.checked_sub(Derived::<3>::HEADER_BYTES));
        file.check(content, sum_of)?;
        let starts = starts.expect("it has a length, which was checked");
        let all = file.bytes.all();
        let recall = Recall::read(all, Derived::<3>::HEADER_BYTES)
            .ok_or_else(|| file.damaged("its recall is none"))?;
        let lists = Lists::new(
            width,
            (0..starts.n_lists * width)
                .map(|nth| number(all, starts.centroids, nth))
                .collect(),
            all[starts.lists..starts.rotation]
                .as_chunks::<8>()
                .0
                .iter()
                .map(|start| usize::try_from(u64::from_le_bytes(*start)).unwrap_or(usize::MAX))
                .collect(),
        );
        let lists = lists
            .filter(|lists| lists.n_rows() == n)
            .ok_or_else(|| file.damaged("its lists do not follow one after the other"))?;
        if !is_permutation(all[starts.rows..starts.rows + n * 4].as_chunks().0) {
            return Err(file.damaged("its lists do not hold each row once"));
        }
        let rotation = (0..width * width).map(|nth| number(all, starts.rotation, nth));
        let rotation = Rotation::new(width, rotation.collect())
            .ok_or_else(|| file.damaged("its rotation is none"))?;
        let bytes = Arc::clone(&file.bytes);
        let ivf = Self(Arc::new(File {
            bits: Bits::new(bytes, starts.bits, n, width),
            bytes: file.bytes,
            rows_start: starts.rows,
            lists,
            recall,
            rotation,
        }));
        ivf.check()?;
        Ok(Some(ivf))
    }

    /// How many lists the file at `path` has, whatever features it was made of; `None` if it is none.
    #[must_use]
    pub fn n_lists_in(path: &Path) -> Option<usize> {
        const START: usize = size_of::<Magic>() + 3 * 8;
        let mut header = [0; START];
        std::fs::File::open(path)
            .ok()?
            .read_exact(&mut header)
            .ok()?;
        let n_lists = header.strip_prefix(MAGIC)?.as_chunks::<8>().0.get(2)?;
        usize::try_from(u64::from_le_bytes(*n_lists)).ok()
    }

    /// Which vectors are together.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.0.lists
    }

    /// How much of an answer is found by how many rows.
    #[must_use]
    pub fn recall(&self) -> &Recall {
        &self.0.recall
    }

    /// The row at a place of the lists.
    pub(crate) fn row(&self, place: usize) -> u32 {
        let at = self.0.rows_start + place * 4;
        let row = self.0.bytes.all()[at..].first_chunk();
        u32::from_le_bytes(*row.expect("a place of the lists"))
    }

    /// The rows at `places` of the lists.
    #[cfg(test)]
    pub(crate) fn rows(&self, places: Range<usize>) -> impl Iterator<Item = u32> + Clone {
        let start = self.0.rows_start;
        let rows = &self.0.bytes.all()[start + places.start * 4..start + places.end * 4];
        rows.as_chunks()
            .0
            .iter()
            .map(|row| u32::from_le_bytes(*row))
    }

    /// A query as [`estimate`](Self::estimate) takes it.
    ///
    /// # Shapes
    /// - `query`: `[d]`, of unit norm
    pub(crate) fn bit_query(&self, query: &[f32]) -> BitQuery {
        BitQuery::new(query, &self.0.rotation)
    }

    /// Estimates the scores of the rows at `places`, all in the same `list`.
    pub(crate) fn estimate(
        &self,
        query: &BitQuery,
        list: usize,
        places: Range<usize>,
        out: &mut Estimates,
    ) {
        let centroid = self.lists().centroid(list);
        self.0.bits.estimate(query, centroid, places, out);
    }

    /// Whether what was read so far is what was there when it was opened.
    ///
    /// # Errors
    /// [`ChangedFile`] if the file was written to since, and ever after.
    pub(crate) fn check(&self) -> Result<(), ChangedFile> {
        self.0.bytes.check()
    }
}

/// Where the parts of a file begin.
struct Starts {
    n_lists: usize,
    centroids: usize,
    lists: usize,
    rotation: usize,
    rows: usize,
    bits: usize,
}

/// The bits begin at a multiple of so many bytes: no row of 512 of them lies in two lines of the cache.
const LINE: usize = 64;

impl Starts {
    /// Those of a file of `n` rows, if one can be as long.
    fn of(n: usize, width: usize, n_lists: usize) -> Option<Self> {
        let centroids = Derived::<3>::HEADER_BYTES + Recall::BYTES;
        let numbers = |rows: usize| rows.checked_mul(width)?.checked_mul(4);
        let lists = numbers(n_lists)?.checked_add(centroids)?;
        let rotation = (n_lists.checked_add(1)?)
            .checked_mul(8)?
            .checked_add(lists)?;
        let rows = numbers(width)?.checked_add(rotation)?;
        let rows_end = n.checked_mul(4)?.checked_add(rows)?;
        Some(Self {
            n_lists,
            centroids,
            lists,
            rotation,
            rows,
            bits: rows_end.checked_next_multiple_of(LINE)?,
        })
    }
}

/// Whether each number below their number is among `rows`.
fn is_permutation(rows: &[[u8; 4]]) -> bool {
    let mut seen = vec![false; rows.len()];
    (rows.iter()).all(|row| {
        let row = usize::try_from(u32::from_le_bytes(*row)).unwrap_or(usize::MAX);
        seen.get_mut(row)
            .is_some_and(|seen| !std::mem::replace(seen, true))
    })
}

/// The lists of `features`, as they are read from a file at `path`: for tests of what searches with them.
#[cfg(test)]
pub(crate) fn made_at(path: &Path, features: &Features, n_lists: usize, recall: &Recall) -> Ivf {
    let sum = Sum::of(b"features.npy");
    let (lists, order) = lists_of(features, n_lists);
    let mut bytes = Vec::new();
    write(features, &sum, &lists, &order, recall, &mut bytes).expect("memory can be written");
    std::fs::write(path, bytes).expect("there is room");
    let opened = Ivf::open(path, features, &sum, SumOf::All, FeaturesIn::Mapped);
    opened.expect("it was just written").expect("it is there")
}

/// As [`made_at`], with a file that is gone again.
#[cfg(test)]
pub(crate) fn made(features: &Features, n_lists: usize, recall: &Recall) -> Ivf {
    let dir = tempfile::tempdir().expect("a folder for tests");
    made_at(&dir.path().join("features.ivf"), features, n_lists, recall)
}

#[cfg(test)]
mod tests;

//! Images that show the same: found by hashing their vectors, since comparing all with all takes N² products; pure.

use std::collections::{BTreeMap, HashMap};

/// From this cosine on two pictures count as the same: another size or compression of a picture stays above it,
/// another picture of the same thing below.
pub(super) const SAME: f32 = 0.995;

/// So many vectors are compared with all others within a second.
const FEW: usize = 1000;

/// Tables of hashes. Two vectors at [`SAME`] stand some 8 degrees apart as seen from the middle of all, so that a plane
/// parts them once in twenty: a table finds 44 % of such pairs, and all tables miss one in ten thousand.
const TABLES: usize = 16;
/// Bits of a hash: planes through the middle of the vectors, which side of each a vector is on.
const BITS: usize = 16;
/// Most vectors of one hash that each is compared with. Larger groups are found through chains of neighbours.
const WINDOW: usize = 64;

/// The rows of `vectors`, each of `width` components and unit length, in groups that show the same; only groups of
/// several, in the order of their first rows, each in ascending order.
///
/// What it gives depends on the vectors alone.
pub(super) fn groups(vectors: &[&[f32]]) -> Vec<Vec<usize>> {
    match vectors.len() <= FEW {
        true => of_all_pairs(vectors),
        false => of_hashes(vectors),
    }
}

fn of_all_pairs(vectors: &[&[f32]]) -> Vec<Vec<usize>> {
    let mut sets = Sets::new(vectors.len());
    for (row, vector) in vectors.iter().enumerate() {
        for (other, another) in vectors.iter().enumerate().skip(row + 1) {
            if dot(vector, another) >= SAME {
                sets.join(row, other);
            }
        }
    }
    sets.groups()
}

/// Finds nearly all of them, unless most vectors are of one group: that stands in the middle then, where every plane
/// goes through.
fn of_hashes(vectors: &[&[f32]]) -> Vec<Vec<usize>> {
    let Some(width) = vectors.first().map(|row| row.len()) else {
        return Vec::new();
    };
    let middle = middle(vectors, width);
    let mut sets = Sets::new(vectors.len());
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for _ in 0..TABLES {
        let planes: Vec<Vec<f32>> = (0..BITS)
            .map(|_| (0..width).map(|_| random.next()).collect())
            .collect();
        let offsets: Vec<f32> = planes.iter().map(|plane| dot(plane, &middle)).collect();
        let mut table: HashMap<u32, Vec<usize>> = HashMap::new();
        for (row, vector) in vectors.iter().enumerate() {
            let hash = (planes.iter().zip(&offsets)).fold(0u32, |hash, (plane, offset)| {
                (hash << 1) | u32::from(dot(plane, vector) > *offset)
            });
            table.entry(hash).or_default().push(row);
        }
        for rows in table.values() {
            for (at, &row) in rows.iter().enumerate() {
                for &other in &rows[at + 1..rows.len().min(at + 1 + WINDOW)] {
                    if sets.root(row) != sets.root(other)
                        && dot(vectors[row], vectors[other]) >= SAME
                    {
                        sets.join(row, other);
                    }
                }
            }
        }
    }
    sets.groups()
}

/// The mean: vectors of one model stand in a narrow cone, which planes through zero would not divide.
fn middle(vectors: &[&[f32]], width: usize) -> Vec<f32> {
    let mut sums = vec![0f64; width];
    for vector in vectors {
        for (sum, x) in sums.iter_mut().zip(*vector) {
            *sum += f64::from(*x);
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a mean of numbers below one"
    )]
    let mean = |sum: f64| (sum / vectors.len() as f64) as f32;
    sums.into_iter().map(mean).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Xorshift, from -1 to 1: the same numbers for everybody.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
        let share = (self.0 >> 40) as f32 / (1u64 << 24) as f32;
        share * 2.0 - 1.0
    }
}

/// Rows that belong together (union-find).
struct Sets(Vec<usize>);

impl Sets {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, mut row: usize) -> usize {
        while self.0[row] != row {
            self.0[row] = self.0[self.0[row]];
            row = self.0[row];
        }
        row
    }

    /// The smaller row stands for both.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn groups(mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for row in 0..self.0.len() {
            groups.entry(self.root(row)).or_default().push(row);
        }
        groups.into_values().filter(|rows| rows.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(mut vector: Vec<f32>) -> Vec<f32> {
        let length = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
        vector
    }

    /// Vectors in a cone, as those of CLIP, with some that are nearly the same.
    fn vectors(seed: u64, n: usize, n_twins: usize) -> Vec<Vec<f32>> {
        let mut random = Random(seed | 1);
        let mut all: Vec<Vec<f32>> = (0..n)
            .map(|_| {
                unit(
                    (0..64)
                        .map(|at| random.next() + if at == 0 { 6.0 } else { 0.0 })
                        .collect(),
                )
            })
            .collect();
        for twin in 0..n_twins {
            let of = all[twin * 3 % n].clone();
            all.push(unit(
                of.into_iter().map(|x| x + 0.008 * random.next()).collect(),
            ));
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn hashes_find_what_comparing_all_with_all_finds(seed in any::<u64>(), n in 60usize..120, n_twins in 0usize..20) {
            let all = vectors(seed, n, n_twins);
            let rows: Vec<&[f32]> = all.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(of_hashes(&rows), of_all_pairs(&rows));
        }
    }

    #[test]
    fn many_of_the_same_are_one_group() {
        let one = unit(vec![1.0; 16]);
        let rows: Vec<&[f32]> = vec![one.as_slice(); 1001];
        assert_eq!(groups(&rows), [(0..1001).collect::<Vec<_>>()]);
        assert_eq!(groups(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(groups(&[one.as_slice()]), Vec::<Vec<usize>>::new());
    }
}

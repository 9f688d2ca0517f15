//! Images that show the same: found by hashing their vectors, since comparing all with all takes N² products; pure.

use std::collections::{BTreeMap, HashMap, VecDeque};

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

/// The rows that show the same, in groups; only groups of several, in the order of their first rows, each in ascending
/// order. `vector` gives that of each of the `n` rows, of unit length, as often as it is asked: no more than [`FEW`] are
/// held at a time.
///
/// What it gives depends on the vectors alone.
pub(super) fn groups<V: AsRef<[f32]>>(n: usize, vector: impl Fn(usize) -> V) -> Vec<Vec<usize>> {
    match n <= FEW {
        true => of_all_pairs(n, vector),
        false => of_hashes(n, vector),
    }
}

fn of_all_pairs<V: AsRef<[f32]>>(n: usize, vector: impl Fn(usize) -> V) -> Vec<Vec<usize>> {
    let mut sets = Sets::new(n);
    let vectors: Vec<V> = (0..n).map(vector).collect();
    for (row, vector) in vectors.iter().enumerate() {
        for (other, another) in vectors.iter().enumerate().skip(row + 1) {
            if dot(vector.as_ref(), another.as_ref()) >= SAME {
                sets.join(row, other);
            }
        }
    }
    sets.groups()
}

/// Finds nearly all of them, unless most vectors are of one group: that stands in the middle then, where every plane
/// goes through.
fn of_hashes<V: AsRef<[f32]>>(n: usize, vector: impl Fn(usize) -> V) -> Vec<Vec<usize>> {
    if n == 0 {
        return Vec::new();
    }
    let width = vector(0).as_ref().len();
    let middle = middle(n, width, &vector);
    let mut sets = Sets::new(n);
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for _ in 0..TABLES {
        let planes: Vec<Vec<f32>> = (0..BITS)
            .map(|_| (0..width).map(|_| random.next()).collect())
            .collect();
        let offsets: Vec<f32> = planes.iter().map(|plane| dot(plane, &middle)).collect();
        let mut table: HashMap<u32, Vec<usize>> = HashMap::new();
        for row in 0..n {
            let vector = vector(row);
            let hash = (planes.iter().zip(&offsets)).fold(0u32, |hash, (plane, offset)| {
                (hash << 1) | u32::from(dot(plane, vector.as_ref()) > *offset)
            });
            table.entry(hash).or_default().push(row);
        }
        let mut before = VecDeque::with_capacity(WINDOW + 1);
        for rows in table.values() {
            for &row in rows {
                let vector = vector(row);
                for (other, another) in &before {
                    if sets.root(row) != sets.root(*other)
                        && dot(vector.as_ref(), V::as_ref(another)) >= SAME
                    {
                        sets.join(row, *other);
                    }
                }
                before.push_back((row, vector));
                if before.len() > WINDOW {
                    before.pop_front();
                }
            }
            before.clear();
        }
    }
    sets.groups()
}

/// The mean: vectors of one model stand in a narrow cone, which planes through zero would not divide.
fn middle<V: AsRef<[f32]>>(n: usize, width: usize, vector: impl Fn(usize) -> V) -> Vec<f32> {
    let mut sums = vec![0f64; width];
    for row in 0..n {
        for (sum, x) in sums.iter_mut().zip(vector(row).as_ref()) {
            *sum += f64::from(*x);
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a mean of numbers below one"
    )]
    let mean = |sum: f64| (sum / n as f64) as f32;
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
    use std::cell::Cell;

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
            let row = |row: usize| &all[row];
            prop_assert_eq!(of_hashes(all.len(), row), of_all_pairs(all.len(), row));
        }
    }

    #[test]
    fn many_of_the_same_are_one_group() {
        let one = unit(vec![1.0; 16]);
        assert_eq!(groups(1001, |_| &one), [(0..1001).collect::<Vec<_>>()]);
        for n in [0, 1] {
            assert_eq!(groups(n, |_| &one), Vec::<Vec<usize>>::new());
        }
    }

    /// A vector as one of half precision is: made when it is asked for.
    struct Held<'a>(&'a Cell<[usize; 2]>, &'a [f32]);

    impl<'a> Held<'a> {
        fn new(held: &'a Cell<[usize; 2]>, vector: &'a [f32]) -> Self {
            let [now, most] = held.get();
            held.set([now + 1, most.max(now + 1)]);
            Self(held, vector)
        }
    }

    impl Drop for Held<'_> {
        fn drop(&mut self) {
            let [now, most] = self.0.get();
            self.0.set([now - 1, most]);
        }
    }

    impl AsRef<[f32]> for Held<'_> {
        fn as_ref(&self) -> &[f32] {
            self.1
        }
    }

    #[test]
    fn few_vectors_of_many_are_held_at_a_time() {
        let all = vectors(7, FEW, 100);
        let held = Cell::new([0, 0]);
        let found = groups(all.len(), |row| Held::new(&held, &all[row]));
        assert!(found.len() > 90, "{found:?}");
        let [now, most] = held.get();
        assert_eq!(now, 0);
        assert!((2..=WINDOW + 1).contains(&most), "{most}");
    }
}

//! Some of the rows of a collection.

use roaring::RoaringBitmap;

/// A row as the number that it is kept as.
#[inline(always)]
pub(super) fn number(row: usize) -> u32 {
    u32::try_from(row).expect("a collection has fewer than 2^32 images")
}

/// And back again.
#[inline(always)]
pub(super) fn index(number: u32) -> usize {
    usize::try_from(number).expect("a row of the collection")
}

/// A set of rows, read in ascending order. A million rows of two million take 250 kB, any hundred 200 bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows(RoaringBitmap);

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.len()).expect("a collection has fewer rows")
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `row` is among them.
    #[must_use]
    pub fn contains(&self, row: usize) -> bool {
        u32::try_from(row).is_ok_and(|row| self.0.contains(row))
    }

    /// Whether the row is among them that is kept as this number.
    pub(super) fn has(&self, number: u32) -> bool {
        self.0.contains(number)
    }

    /// The rows, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(index)
    }

    /// The rows as the numbers that they are kept as.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.0.iter().collect()
    }

    /// Those that are among `others`, too.
    #[must_use]
    pub fn among(&self, others: &Self) -> Self {
        Self(&self.0 & &others.0)
    }
}

impl FromIterator<usize> for Rows {
    /// # Panics
    /// At a row above 2^32: a collection has fewer.
    fn from_iter<I: IntoIterator<Item = usize>>(rows: I) -> Self {
        Self(rows.into_iter().map(number).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rows_are_a_set(
            a in proptest::collection::vec(0..200_000_usize, 0..400),
            b in proptest::collection::vec(0..300_usize, 0..400),
        ) {
            let rows: Rows = a.iter().chain(&b).copied().collect();
            let expected: BTreeSet<usize> = a.iter().chain(&b).copied().collect();
            prop_assert!(rows.iter().eq(expected.iter().copied()));
            prop_assert_eq!((rows.len(), rows.is_empty()), (expected.len(), expected.is_empty()));
            let others: Rows = b.iter().copied().collect();
            let both: BTreeSet<usize> = b.iter().copied().collect();
            prop_assert!(rows.among(&others).iter().eq(both.iter().copied()));
            for row in 0..300 {
                prop_assert_eq!(others.contains(row), both.contains(&row));
            }
        }
    }
}

//! The rows of what is looked for, by a number that is computed from it.

/// Rows by a number: for each range of numbers the rows that have one of it. It takes six to eight bytes a row, and
/// whoever looks something up compares with one or two rows.
#[derive(Debug, Clone, Default)]
pub(super) struct RowOf {
    /// Of each range, where its rows begin; and the end.
    starts: Vec<u32>,
    /// In ascending order within a range.
    rows: Vec<u32>,
}

impl RowOf {
    /// Of rows with these numbers, which should be spread evenly.
    ///
    /// # Panics
    /// If there are more than 2^32 - 1 rows.
    pub(super) fn new(numbers: &[u64]) -> Self {
        let n = u32::try_from(numbers.len()).expect("fewer than 2^32 rows");
        let n_ranges = numbers.len().next_power_of_two() / 2;
        let mut starts = vec![0u32; n_ranges.max(1) + 1];
        let range = |number: u64| range(number, n_ranges.max(1));
        for number in numbers {
            starts[range(*number) + 1] += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut rows = vec![0; numbers.len()];
        let mut next = starts.clone();
        for (row, number) in (0..n).zip(numbers) {
            let at = &mut next[range(*number)];
            rows[*at as usize] = row;
            *at += 1;
        }
        Self { starts, rows }
    }

    /// Whether any two rows that may have the same number are `same`.
    pub(super) fn any_two(&self, same: impl Fn(usize, usize) -> bool) -> bool {
        self.starts.windows(2).any(|ends| {
            let rows = &self.rows[ends[0] as usize..ends[1] as usize];
            (rows.iter().enumerate())
                .any(|(n, a)| rows[..n].iter().any(|b| same(*a as usize, *b as usize)))
        })
    }

    /// The rows that may have `number`, in ascending order.
    pub(super) fn candidates(&self, number: u64) -> impl Iterator<Item = usize> {
        let rows = match self.starts.len() {
            0 => &[][..],
            n => {
                let range = range(number, n - 1);
                &self.rows[self.starts[range] as usize..self.starts[range + 1] as usize]
            }
        };
        rows.iter().map(|row| *row as usize)
    }
}

/// Of `n_ranges` of the same size, a power of two of them, that of `number`.
fn range(number: u64, n_ranges: usize) -> usize {
    // The highest bits; of one range, none.
    let bits = n_ranges.trailing_zeros();
    let range = number.checked_shr(u64::BITS - bits).unwrap_or(0);
    usize::try_from(range).expect("a range is below their number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_row_is_a_candidate_for_its_number(
            numbers in prop::collection::vec(prop_oneof![any::<u64>(), 0u64..3], 0..200),
            other in any::<u64>(),
        ) {
            let row_of = RowOf::new(&numbers);
            for number in numbers.iter().chain([&other]) {
                let found: Vec<usize> = (row_of.candidates(*number))
                    .filter(|row| numbers[*row] == *number)
                    .collect();
                let wanted: Vec<usize> =
                    (0..numbers.len()).filter(|row| numbers[*row] == *number).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}

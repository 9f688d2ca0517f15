//! The best k of rows whose scores are only estimated so far.

use super::bounds::Estimate;

/// Every row that may be one of the best `k`.
#[derive(Debug)]
pub(super) struct Best {
    k: usize,
    rows: Vec<Estimate>,
    /// At least `k` rows have a score of this or more: a row that cannot reach it is none of the best.
    threshold: f32,
    /// With so many rows it is worth looking which of them cannot be among the best any more.
    many: usize,
}

/// Rows that are kept without looking which of them cannot be among the best any more.
const SPARE: usize = 1024;

impl Best {
    pub(super) fn of(k: usize) -> Self {
        Self {
            k,
            rows: Vec::new(),
            many: k.saturating_mul(2).saturating_add(SPARE),
            threshold: match k {
                0 => f32::INFINITY,
                _ => f32::NEG_INFINITY,
            },
        }
    }

    /// Rows below this need not be shown.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Takes more rows, in whatever order.
    pub(super) fn extend(&mut self, rows: &[Estimate]) {
        let threshold = self.threshold;
        (self.rows).extend(rows.iter().filter(|row| row.high >= threshold));
        if self.rows.len() >= self.many {
            self.drop_hopeless();
            // Where thousands of pictures are alike (blank pages), thousands stay: they are not looked at for each that
            // is added.
            self.many = self.many.max(self.rows.len().saturating_mul(2));
        }
    }

    /// The rows that may be one of the best `k`, by row: the same whatever the order in which they came.
    ///
    /// The k rows with the highest lower bounds have at least the k-th of these as their scores. So has each of the best k,
    /// and any other with the score of the last of them; each of them has an upper bound of at least as much.
    pub(super) fn finish(mut self) -> Vec<Estimate> {
        self.drop_hopeless();
        self.rows.sort_unstable_by_key(|row| row.row);
        self.rows
    }

    /// Drops the rows that cannot be among the best any more, which raises the threshold.
    pub(super) fn drop_hopeless(&mut self) {
        if self.k == 0 {
            self.rows.clear();
        } else if self.rows.len() > self.k {
            let by_low = |a: &Estimate, b: &Estimate| b.low.total_cmp(&a.low);
            let (_, last, _) = self.rows.select_nth_unstable_by(self.k - 1, by_low);
            let threshold = last.low;
            self.rows.retain(|row| row.high >= threshold);
            self.threshold = threshold;
        }
    }
}

//! The last builds as lines, for `clip-search inspect`; pure.

use crate::build::runs::Run;
use crate::print::duration;
use indicatif::DecimalBytes;

/// What the columns hold. All but the first two are numbers.
const COLUMNS: [&str; 10] = [
    "ended", "mode", "exit", "images", "added", "changed", "removed", "failed", "bytes", "took",
];

/// Columns that begin at the same place in each line; the others end there.
const N_WORDS: usize = 2;

/// A line for the names of the columns and one for each of `runs`; none if there is none.
pub(super) fn lines(runs: &[Run]) -> Vec<String> {
    if runs.is_empty() {
        return Vec::new();
    }
    let cells: Vec<[String; COLUMNS.len()]> = std::iter::once(COLUMNS.map(str::to_owned))
        .chain(runs.iter().map(cells))
        .collect();
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max();
    let widths: Vec<usize> = (0..COLUMNS.len()).filter_map(width).collect();
    let line = |row: &[String; COLUMNS.len()]| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column < N_WORDS {
            true => format!("{cell:width$}"),
            false => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    cells.iter().map(line).collect()
}

fn cells(run: &Run) -> [String; COLUMNS.len()] {
    [
        run.ended.to_string(),
        run.mode.clone(),
        run.outcome.exit_code().to_string(),
        run.images.to_string(),
        run.added.to_string(),
        run.changed.to_string(),
        run.removed.to_string(),
        run.failed.to_string(),
        DecimalBytes(run.bytes).to_string(),
        duration(run.seconds).to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Outcome;
    use crate::harvest::discovery::moment::Moment;

    #[test]
    fn columns_stand_below_one_another() {
        assert!(lines(&[]).is_empty());
        let night = Run {
            ended: Moment::parse("2026-01-02T03:04:05Z").unwrap(),
            seconds: 4000,
            mode: "DISCOVERY".to_owned(),
            outcome: Outcome::Finished,
            images: 500_000,
            added: 12,
            changed: 3,
            removed: 2,
            failed: 1,
            bytes: 1_500_000,
        };
        let first = Run {
            mode: "CSV".to_owned(),
            outcome: Outcome::Interrupted,
            images: 9,
            seconds: 61,
            ..night.clone()
        };
        let expected = "\
            ended                 mode       exit  images  added  changed  removed  failed    bytes       took\n\
            2026-01-02T03:04:05Z  DISCOVERY     0  500000     12        3        2       1  1.50 MB  1 h 6 min\n\
            2026-01-02T03:04:05Z  CSV         130       9     12        3        2       1  1.50 MB  1 min 1 s";
        assert_eq!(lines(&[night, first]).join("\n"), expected);
    }
}

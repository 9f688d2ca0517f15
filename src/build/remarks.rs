//! What is to be said about the rows of an input that are taken although something is odd with them.

use super::table::shorten;

/// Oddities of one kind: how many rows, and the first.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Rows {
    n: usize,
    first: usize,
}

impl Rows {
    /// One more: row `row`, counted from 1.
    pub(super) fn add(&mut self, row: usize) {
        if self.n == 0 {
            self.first = row;
        }
        self.n += 1;
    }

    fn told(self) -> Option<String> {
        match self.n {
            0 => None,
            1 => Some(format!("row {}", self.first)),
            n => Some(format!("{n} rows, the first row {}", self.first)),
        }
    }
}

/// What was noticed while a table was read.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Rows with fewer cells than the header.
    pub(super) short: Rows,
    /// Rows with more.
    pub(super) long: Rows,
    /// Rows whose image stands in another row in another spelling.
    pub(super) spelled: Rows,
    /// Rows in Windows-1252.
    windows: Rows,
    /// The first cell in Windows-1252, as it is read.
    windows_cell: Option<String>,
    /// The name in the header of the column that was meant.
    pub(super) written: Option<String>,
    /// The new name of the user's own column of the name of ours.
    pub(super) renamed: Option<String>,
    /// Why not all rows of the table were read.
    pub(super) cut: Option<String>,
}

impl Remarks {
    /// Row `row` had a cell in Windows-1252, if there is one, which is now `cell`.
    pub(super) fn was_windows(&mut self, row: usize, cell: Option<String>) {
        if let Some(cell) = cell {
            self.windows.add(row);
            self.windows_cell.get_or_insert(cell);
        }
    }

    /// One line each; `column` is the one that was asked for.
    pub(super) fn lines(&self, column: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(written) = &self.written {
            lines.push(format!(
                "the column {} is taken for {column}, and called so in images.csv",
                shorten(written, 60)
            ));
        }
        if let Some(renamed) = &self.renamed {
            lines.push(format!(
                "the column localIdentifier of the input is called {renamed} in images.csv, where localIdentifier is the image id"
            ));
        }
        if let Some(rows) = self.short.told() {
            lines.push(format!(
                "{rows}: fewer cells than the header; the missing ones are taken as empty"
            ));
        }
        if let Some(rows) = self.long.told() {
            lines.push(format!(
                "{rows}: more cells than the header; what has no header is left out of images.csv; is a cell with a separator in it not quoted?"
            ));
        }
        if let Some(rows) = self.spelled.told() {
            lines.push(format!(
                "{rows}: the same image as in another row, which spells its URL otherwise (a slash at its end, capitals, info.json); each is an image of its own"
            ));
        }
        if let (Some(rows), Some(cell)) = (self.windows.told(), &self.windows_cell) {
            lines.push(format!(
                "{rows}: not UTF-8, read as Windows-1252 ({:?}); if that is wrong, save the table as UTF-8",
                shorten(cell, 60)
            ));
        }
        if let Some(cut) = &self.cut {
            lines.push(cut.clone());
        }
        lines
    }
}

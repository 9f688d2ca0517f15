//! The columns of `images.csv`: those of the input, and the image id.

use super::remarks::Remarks;
use super::table::Found;
use crate::data_dir::ID_COLUMN;
use crate::image_id::image_id;
use csv::ByteRecord;

/// Whose a column of the input is that has the name of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdColumn {
    /// It holds image ids, as in an `images.csv` of an earlier build.
    Ours,
    /// It holds something else, which is kept under another name.
    Users,
}

/// The columns of `images.csv`.
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) url: usize,
    pub(super) id: usize,
    /// Columns of the input.
    pub(super) n_input: usize,
    /// Where the input has a column of the name of the id column, and it is ours.
    own: Option<usize>,
}

impl Columns {
    pub(super) fn of(
        header: &[String],
        wanted: &str,
        found: &Found,
        whose: IdColumn,
        remarks: &mut Remarks,
    ) -> Self {
        let mut names = header.to_vec();
        if found.written.is_some() {
            // Whoever reads images.csv is told the same name.
            names[found.at] = wanted.to_owned();
            remarks.written.clone_from(&found.written);
        }
        let named = names.iter().position(|name| name.trim() == ID_COLUMN);
        let own = named.filter(|_| whose == IdColumn::Ours);
        if let (Some(at), IdColumn::Users) = (named, whose) {
            let free = free_name(&names);
            names[at].clone_from(&free);
            remarks.renamed = Some(free);
        }
        let id = own.unwrap_or(names.len());
        if own.is_none() {
            names.push(ID_COLUMN.to_owned());
        }
        Self {
            names,
            url: found.at,
            id,
            n_input: header.len(),
            own,
        }
    }

    /// Whether the column that is said to be ours holds nothing in this row or its image id, `id`: early
    /// ones are over `cell`, the URL as it stands in its cell.
    pub(super) fn has_id_only(&self, record: &ByteRecord, id: &str, cell: &str) -> bool {
        let own = self.own.and_then(|own| record.get(own));
        let own = own.unwrap_or_default().trim_ascii();
        own.is_empty() || own == id.as_bytes() || own == image_id(cell).as_bytes()
    }

    /// Whether the row has more cells than the header. Empty ones are what a comma at its end leaves.
    pub(super) fn is_exceeded_by(&self, record: &ByteRecord) -> bool {
        let mut more = record.iter().skip(self.n_input);
        more.any(|cell| !cell.is_empty())
    }
}

/// A name for the user's own column.
fn free_name(names: &[String]) -> String {
    let mut free = format!("{ID_COLUMN}_input");
    for n in 2.. {
        if !names.iter().any(|name| name.trim() == free) {
            break;
        }
        free = format!("{ID_COLUMN}_input_{n}");
    }
    free
}

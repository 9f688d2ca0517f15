//! Reading `sizes.csv`.

use super::identity::Identity;
use super::ids::{self, Ids};
use super::open::CollectionError;
use super::pieces::{pieces, summed_in_parallel};
use super::sizes::{COLUMNS, ImageSize, N_CELLS, N_REQUIRED};
use super::table::{Table, line_of};
use super::verify::check_there;
use crate::data_dir::{IDENTITY, SIZES};
use crate::features::sum::Sum;
use csv::ByteRecord;
use memchr::{memchr, memchr_iter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Why `sizes.csv` cannot be used. The collection can: only its sizes are unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum SizesError {
    /// It cannot be read, or is no such table.
    #[error(transparent)]
    Table(#[from] CollectionError),
    /// It is not the file that `features.json` was written with.
    #[error(
        "{path} is not the file that {identity_path} was written with: it is damaged or was replaced (BLAKE2b {found} instead of {wanted})"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// `features.json`.
        identity_path: PathBuf,
        /// Its checksum.
        found: Sum,
        /// The one in `features.json`.
        wanted: Sum,
    },
    /// A row is not what a build writes.
    #[error("{path}, line {line}: {reason}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// It has fewer or more rows than there are images.
    #[error("{path} has sizes of {n_sizes} images, and imageIds.csv has {n_ids} ids")]
    Counts {
        /// The file.
        path: PathBuf,
        /// Rows in it.
        n_sizes: usize,
        /// Rows of `imageIds.csv`.
        n_ids: usize,
    },
}

/// The sizes of the images called `ids` in the data directory `dir`, in their order; `None` if it has no such
/// file. `identity` is that of the directory.
pub(super) fn read(
    dir: &Path,
    identity: Option<&Identity>,
    ids: &Ids,
) -> Result<Option<Vec<Option<ImageSize>>>, SizesError> {
    let path = dir.join(SIZES);
    match check_there(&path) {
        // Whoever copied the other files alone has a whole collection.
        Err(CollectionError::Missing(_)) => return Ok(None),
        there => there?,
    }
    let content = std::fs::read(&path).map_err(|source| CollectionError::Read {
        path: path.clone(),
        source,
    })?;
    let plain = plain_rows(&content, ids);
    if let Some(wanted) = identity.and_then(|identity| identity.blake2b_256.sizes.as_ref()) {
        let found = match &plain {
            Some((_, sum)) => sum.clone(),
            None => Sum::of(&content),
        };
        if found != *wanted {
            return Err(SizesError::Replaced {
                path,
                identity_path: dir.join(IDENTITY),
                found,
                wanted: wanted.clone(),
            });
        }
    }
    match plain {
        Some((sizes, _)) => Ok(Some(sizes)),
        None => rows(&path, ids).map(Some),
    }
}

fn rows(path: &Path, ids: &Ids) -> Result<Vec<Option<ImageSize>>, SizesError> {
    let mut table = Table::open(path)?;
    let id_column = table.column(COLUMNS[0])?;
    let mut columns = [None; N_CELLS];
    for (n, (column, name)) in (1..).zip(columns.iter_mut().zip(&COLUMNS[1..])) {
        *column = match n < N_REQUIRED {
            true => Some(table.column(name)?),
            false => table.find(name),
        };
    }
    let mut sizes = Vec::with_capacity(ids.len());
    let mut n_sizes = 0;
    let mut record = ByteRecord::new();
    while table.next(&mut record)? {
        let bad = |reason: String| SizesError::Row {
            path: path.to_owned(),
            line: line_of(&record),
            reason,
        };
        n_sizes += 1;
        // Those that are too many are only counted.
        let row = sizes.len();
        if row == ids.len() {
            continue;
        }
        let id = table.text(&record, id_column)?;
        if !ids.is(row, id) {
            let expected = ids.get(row);
            return Err(bad(format!(
                "the id is {id:?}, and imageIds.csv has {expected} in this place"
            )));
        }
        let mut cells = [""; N_CELLS];
        for (cell, column) in cells.iter_mut().zip(columns) {
            if let Some(column) = column {
                *cell = table.text(&record, column)?;
            }
        }
        sizes.push(ImageSize::from_cells(cells).map_err(bad)?);
    }
    if n_sizes == ids.len() {
        Ok(sizes)
    } else {
        Err(SizesError::Counts {
            path: path.to_owned(),
            n_sizes,
            n_ids: ids.len(),
        })
    }
}

/// The sizes of the images called `ids` in a file as builds write it, read by all processors, and its checksum. `None` if
/// anything is otherwise: [`rows`] reads whatever is such a table, and says what is wrong.
fn plain_rows(file: &[u8], ids: &Ids) -> Option<(Vec<Option<ImageSize>>, Sum)> {
    let head_end = memchr(b'\n', file)?;
    let columns = file[..head_end].split(|byte| *byte == b',');
    let n_columns = columns.clone().count();
    let is_known = columns.eq(COLUMNS.iter().take(n_columns).map(|name| name.as_bytes()));
    if !is_known || !(N_REQUIRED..=COLUMNS.len()).contains(&n_columns) {
        return None;
    }
    let pieces = pieces(file, head_end + 1..file.len());
    let mut begins = Vec::with_capacity(pieces.len());
    let mut n_rows = 0;
    for piece in &pieces {
        begins.push(n_rows);
        n_rows += memchr_iter(b'\n', &file[piece.clone()]).count();
    }
    if n_rows != ids.len() || file.last() != Some(&b'\n') {
        return None;
    }
    let found = Mutex::new(vec![Vec::new(); pieces.len()]);
    let sum = summed_in_parallel(file, pieces.len(), |index| {
        let lines = file[pieces[index].clone()].split(|byte| *byte == b'\n');
        let mut sizes = Vec::new();
        for (row, line) in (begins[index]..).zip(lines) {
            // After the end of the last line.
            if line.is_empty() {
                continue;
            }
            let mut cells = std::str::from_utf8(line).ok()?.split(',');
            let id = ids::digest(cells.next()?.as_bytes())?;
            let mut of_image = [""; COLUMNS.len() - 1];
            for cell in of_image.iter_mut().take(n_columns - 1) {
                *cell = cells.next()?;
            }
            if cells.next().is_some() || !ids.is_digest(row, &id) {
                return None;
            }
            sizes.push(ImageSize::from_cells(of_image).ok()?);
        }
        found.lock().unwrap_or_else(PoisonError::into_inner)[index] = sizes;
        Some(())
    })?;
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sizes: Vec<_> = found.into_iter().flatten().collect();
    (sizes.len() == ids.len()).then_some((sizes, sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_id::image_id;

    #[test]
    fn sizes_of_each_version_are_plain_and_others_are_not() {
        let (a, b) = (image_id("a"), image_id("b"));
        let ids = Ids::of_texts(&[a.clone(), b.clone()]);
        let first = format!(
            "image_id,width,height,version,profile,measured\n{a},4,3,2,level2,info\n{b},,,,,\n"
        );
        let now = format!(
            "{}\n{a},4,3,2,level2,info,2,1,\n{b},,,,,,,,\n",
            COLUMNS.join(",")
        );
        for file in [&first, &now] {
            let (sizes, sum) = plain_rows(file.as_bytes(), &ids).unwrap();
            assert_eq!(sizes[0].unwrap().width.get(), 4);
            assert_eq!(sizes[0].unwrap().largest.is_some(), file == &now);
            assert_eq!(sizes[1], None);
            assert_eq!(sum, Sum::of(file.as_bytes()));
        }
        for other in [
            first.replace("width,height", "height,width"),
            first.replace("4,3", "4,\"3\""),
            first.replace("4,3", "4, 3"),
            first.replace("4,3", "4,3,5"),
            first.replace('\n', "\r\n"),
            first.replace(&format!("{b},,,,,\n"), ""),
            first.replace(&b, &a),
            first.replace("info\n", "info\n\n"),
            format!("{first}{b},,,,,\n"),
            first.trim_end().to_owned(),
            String::new(),
        ] {
            assert!(plain_rows(other.as_bytes(), &ids).is_none(), "{other}");
        }
    }
}

//! Writing `features.ivf`.

use super::encode::write_rows;
use super::rotation::Rotation;
use super::{Lists, MAGIC, Recall};
use crate::features::sum::Sum;
use crate::features::{Features, derived};
use std::io::{self, Write};

/// Writes the file of `features`, whose own file has the checksum `features_sum`: `order` has their rows list by list.
///
/// # Errors
/// Those of `out`, and if the features were changed while they were read.
pub fn write(
    features: &Features,
    features_sum: &Sum,
    lists: &Lists,
    order: &[u32],
    recall: &Recall,
    out: &mut impl Write,
) -> io::Result<()> {
    let n_lists = [lists.len() as u64];
    derived::write(MAGIC, features, &n_lists, features_sum, out, |out| {
        recall.write(out)?;
        for x in lists.centroids() {
            out.write_all(&x.to_le_bytes())?;
        }
        for start in lists.starts() {
            out.write_all(&(*start as u64).to_le_bytes())?;
        }
        let rotation = Rotation::any(features.width());
        for x in rotation.rows() {
            out.write_all(&x.to_le_bytes())?;
        }
        write_rows(features, lists, order, &rotation, out)
    })
}

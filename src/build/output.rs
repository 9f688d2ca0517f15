//! The files of the collection, complete and in the order of the input.

use super::files::{self, DataDir, Draft};
use super::journal::{Id, Journal};
use super::source::Image;
use crate::collection::open::{FEATURES, IMAGE_IDS};
use crate::features::npy::{self, Precision};
use crate::image_id;
use anyhow::{Context, bail};
use std::io::Write;

/// Replaces the collection by the vectors that `journal` has of `images`.
///
/// `features.npy` and `imageIds.csv` cannot be replaced in one step, and a new one beside an old one
/// of the same length would give wrong images with no sign of it. So the old ids go first and the
/// new ones come last: whoever is killed in between leaves a collection that no reader takes for
/// whole, and the next build completes it from the journal.
pub(super) fn publish(
    dir: &DataDir,
    images: &[Image],
    images_csv: Draft,
    journal: &mut Journal,
    precision: Precision,
) -> anyhow::Result<()> {
    let ids: Vec<&Id> = images
        .iter()
        .map(|i| &i.id)
        .filter(|id| journal.contains(id))
        .collect();
    if ids.is_empty() {
        bail!(
            "no image has a vector, so nothing is replaced; failures.csv says what happened to each"
        );
    }
    let ids_path = dir.path(IMAGE_IDS);
    let features = Draft::write(&dir.path(FEATURES), |file| {
        let width = journal.width();
        file.write_all(&npy::header(ids.len(), width, precision))?;
        let mut bytes = Vec::with_capacity(width * precision.size_bytes());
        for id in &ids {
            let vector = journal.get(id)?.context("the journal knew this image")?;
            bytes.clear();
            precision.write_row(&vector, &mut bytes);
            file.write_all(&bytes)?;
        }
        anyhow::Ok(())
    })?;
    let image_ids = Draft::write(&ids_path, |file| {
        writeln!(file, "image_id")?;
        for id in &ids {
            writeln!(file, "{}", image_id::hex(*id))?;
        }
        std::io::Result::Ok(())
    })?;
    files::remove(&ids_path)?;
    images_csv.publish()?;
    features.publish()?;
    image_ids.publish()
}

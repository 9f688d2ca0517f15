//! The files of the collection, complete and in the order of the input.

use super::files::{self, DataDir, Draft};
use super::journal::{Id, Journal};
use super::source::Image;
use crate::collection::identity::{IDENTITY, Identity, Sums};
use crate::collection::open::{FEATURES, IMAGE_IDS};
use crate::encoder::ModelLabel;
use crate::encoder::probe::Probe;
use crate::features::npy::{self, Precision};
use crate::features::sum::Summing;
use crate::image_id;
use anyhow::{Context, bail};
use std::io::Write;

/// The model that made the vectors.
pub(super) struct Maker {
    pub(super) label: Option<ModelLabel>,
    pub(super) probe: Probe,
}

/// Replaces the collection by the vectors that `journal` has of `images`.
///
/// `features.npy` and `imageIds.csv` cannot be replaced in one step, and a new one beside an old one
/// of the same length would give wrong images with no sign of it. So the old ids go first and the
/// new ones come last: whoever is killed in between leaves a collection that no reader takes for
/// whole, and the next build completes it from the journal. A reader that opened one file before and
/// one after is told by the checksums in `features.json`.
pub(super) fn publish(
    dir: &DataDir,
    images: &[Image],
    images_csv: Draft,
    journal: &mut Journal,
    precision: Precision,
    maker: &Maker,
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
    let (mut features_sum, mut ids_sum) = (Summing::default(), Summing::default());
    let features = Draft::write(&dir.path(FEATURES), |file| {
        let width = journal.width();
        let header = npy::header(ids.len(), width, precision);
        features_sum.update(&header);
        file.write_all(&header)?;
        let mut bytes = Vec::with_capacity(width * precision.size_bytes());
        for id in &ids {
            let vector = journal.get(id)?.context("the journal knew this image")?;
            bytes.clear();
            precision.write_row(&vector, &mut bytes);
            features_sum.update(&bytes);
            file.write_all(&bytes)?;
        }
        anyhow::Ok(())
    })?;
    let image_ids = Draft::write(&ids_path, |file| {
        let header = std::iter::once("image_id".to_owned());
        for line in header.chain(ids.iter().map(|id| image_id::hex(*id))) {
            let line = line + "\n";
            ids_sum.update(line.as_bytes());
            file.write_all(line.as_bytes())?;
        }
        std::io::Result::Ok(())
    })?;
    let sums = Sums {
        features: features_sum.finish(),
        image_ids: ids_sum.finish(),
        sizes: None,
    };
    let identity = Identity::new(
        maker.label.clone(),
        &maker.probe,
        journal.image_width_px(),
        ids.len(),
        sums,
    );
    let identity = Draft::write(&dir.path(IDENTITY), |file| {
        file.write_all(identity.to_json().as_bytes())
    })?;
    files::remove(&ids_path)?;
    images_csv.publish()?;
    features.publish()?;
    identity.publish()?;
    image_ids.publish()
}

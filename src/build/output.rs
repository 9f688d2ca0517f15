//! The files of the collection, complete and in the order of the input.

use super::MANIFESTS;
use super::files::{self, DataDir, Draft};
use super::index;
use super::journal::{Id, Journal};
use super::metadata::METADATA;
use super::part::Part;
use super::sizes::Sizes;
use super::source::Image;
use crate::collection::identity::{Identity, Sums};
use crate::collection::sizes;
use crate::data_dir::{FEATURES, IDENTITY, IMAGE_IDS, IMAGE_IDS_COLUMN, SIZES};
use crate::encoder::ModelLabel;
use crate::encoder::probe::Probe;
use crate::features::npy::{self, Precision};
use crate::features::sum::{Sum, Summing, SummingWriter};
use crate::image_id;
use anyhow::{Context, bail};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The model that made the vectors.
pub(super) struct Maker {
    pub(super) label: Option<ModelLabel>,
    pub(super) probe: Probe,
}

/// The files of a collection, ready to replace those of another.
pub(super) struct Files {
    pub(super) images_csv: Draft,
    pub(super) features: Draft,
    pub(super) features_sum: Sum,
    pub(super) sizes: Draft,
    pub(super) identity: Draft,
    pub(super) image_ids: Draft,
    /// What lies beside them.
    pub(super) others: Vec<Draft>,
}

impl Files {
    /// Replaces the collection.
    ///
    /// `features.npy` and `imageIds.csv` cannot be replaced in one step, and a new one beside an old one
    /// of the same length would give wrong images with no sign of it. So the old ids go first and the
    /// new ones come last: whoever is killed in between leaves a collection that no reader takes for
    /// whole, and the next build completes it from the journal. A reader that opened one file before and
    /// one after is told by the checksums in `features.json`.
    pub(super) fn publish(self, dir: &DataDir) -> anyhow::Result<()> {
        let beside_features = index::drafted_anew(dir, self.features.part(), &self.features_sum)?;
        files::remove(&dir.path(IMAGE_IDS))?;
        self.images_csv.publish()?;
        self.features.publish()?;
        for file in beside_features {
            file.publish()?;
        }
        self.sizes.publish()?;
        self.identity.publish()?;
        for other in self.others {
            other.publish()?;
        }
        self.image_ids.publish()
    }
}

/// Replaces the collection by the vectors that `journal` has of `images`, which are those of `part` where not all
/// are built.
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the things that a collection is made of"
)]
pub(super) fn publish(
    dir: &DataDir,
    images: &[Image],
    (images_csv, triples, metadata): (Draft, Option<Draft>, Option<Draft>),
    part: Option<&Part>,
    journal: &mut Journal,
    known_sizes: &Sizes,
    precision: Precision,
    maker: &Maker,
) -> anyhow::Result<()> {
    let ids: Vec<&Id> = images
        .iter()
        .map(|i| &i.id)
        .filter(|id| journal.contains(id))
        .collect();
    // A shard may be small, and the others have vectors.
    if ids.is_empty() && part.is_none() {
        bail!(
            "no image has a vector, so nothing is replaced; failures.csv says what happened to each"
        );
    }
    let ids_path = dir.path(IMAGE_IDS);
    let mut features_sum = Summing::default();
    let features = Draft::write(&dir.path(FEATURES), |file| {
        let mut file = SummingWriter(file, &mut features_sum);
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
    let header = std::iter::once(format!("{IMAGE_IDS_COLUMN}\n"));
    let lines = ids.iter().map(|id| image_id::hex(*id) + "\n");
    let (image_ids, ids_sum) = write_lines(&ids_path, header.chain(lines))?;
    let header = std::iter::once(sizes::COLUMNS.join(",") + "\n");
    let lines = ids.iter().map(|id| {
        let known = known_sizes.get(id);
        sizes::line(&image_id::hex(*id), known.map(|known| known.size))
    });
    let (sizes, sizes_sum) = write_lines(&dir.path(SIZES), header.chain(lines))?;
    let features_sum = features_sum.finish();
    let sums = Sums {
        features: features_sum.clone(),
        image_ids: ids_sum,
        sizes: Some(sizes_sum),
    };
    let identity = Identity::new(
        maker.label.clone(),
        &maker.probe,
        journal.requested(),
        ids.len(),
        sums,
    );
    let identity_json = identity.to_json();
    let identity = Draft::write(&dir.path(IDENTITY), |file| {
        file.write_all(identity_json.as_bytes())
    })?;
    let mut others = Vec::new();
    if let Some(part) = part {
        let rdf = [(MANIFESTS, triples.as_ref()), (METADATA, metadata.as_ref())];
        others.extend(part.drafts(dir, images, journal, &identity_json, rdf)?);
    }
    others.extend(triples);
    others.extend(metadata);
    Files {
        images_csv,
        features,
        features_sum,
        sizes,
        identity,
        image_ids,
        others,
    }
    .publish(dir)
}

/// Removes the downloads of `images`, where the vector is safe in `journal`.
pub(super) fn remove_downloads(
    dir: &DataDir,
    images: &[Image],
    journal: &Journal,
) -> anyhow::Result<()> {
    for image in images.iter().filter(|image| journal.contains(&image.id)) {
        let path = dir.image(&image_id::hex(&image.id));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| {
                    format!(
                        "the collection is written, but {} cannot be removed",
                        path.display()
                    )
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the downloads of images that are not among `images`: they have left the collection, in this run or in one
/// that was killed before it came to this. Only what this program wrote: an image whose download it kept has a vector in
/// `journal`.
pub(super) fn remove_vanished(
    dir: &DataDir,
    images: &[Image],
    journal: &Journal,
) -> anyhow::Result<()> {
    let folder = dir.path("images");
    let unreadable = || {
        format!(
            "the collection is written, but {} cannot be read",
            folder.display()
        )
    };
    let named: HashSet<&Id> = images.iter().map(|image| &image.id).collect();
    let mut n_removed = 0;
    for entry in std::fs::read_dir(&folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let Some(id) = image_id::from_hex(stem) else {
            continue;
        };
        let is_vanished = !named.contains(&id) && journal.contains(&id);
        // As this program writes it, and no other spelling of the same number.
        if is_vanished && path == dir.image(&image_id::hex(&id)) && path.is_file() {
            std::fs::remove_file(&path).with_context(|| {
                format!(
                    "the collection is written, but {} cannot be removed",
                    path.display()
                )
            })?;
            n_removed += 1;
        }
    }
    if n_removed > 0 {
        tracing::info!("{n_removed} downloads of images that have left the collection are removed");
    }
    Ok(())
}

/// A file of these lines, as a draft, and its checksum.
fn write_lines(path: &Path, lines: impl Iterator<Item = String>) -> anyhow::Result<(Draft, Sum)> {
    let mut sum = Summing::default();
    let draft = Draft::write(path, |file| {
        let mut file = SummingWriter(file, &mut sum);
        for line in lines {
            file.write_all(line.as_bytes())?;
        }
        std::io::Result::Ok(())
    })?;
    Ok((draft, sum.finish()))
}

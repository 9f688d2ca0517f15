//! Images of the collection that the input does not name any more: they go, within a limit, or stay.

use super::failures::Stage;
use super::files::Draft;
use super::iiif;
use super::journal::{Id, Journal};
use super::limit::Limit;
use super::options::{BuildOptions, Source};
use super::sizes::{Known, Sizes};
use super::source::{Image, Input};
use super::table;
use crate::collection::Collection;
use crate::data_dir::{ID_COLUMN, IMAGE_IDS, IMAGES};
use crate::embedding::Embedding;
use crate::encoder::probe::Probe;
use crate::image_id;
use anyhow::{Context, bail, ensure};
use csv::ByteRecord;
use std::collections::HashSet;
use std::path::Path;

/// What becomes of the images that have vanished from the input.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    /// Those that go.
    pub(super) n_removed: usize,
    /// Those that stay, in the order of the collection.
    pub(super) kept: Vec<Image>,
}

/// A share is no measure for so few images: who tries a program with a handful replaces them all.
const HANDFUL: usize = 5;

/// Compares the images of `input` with those of the collection. With `--prune no` those that have vanished are
/// added to `images_csv`, the draft of the new `images.csv`.
///
/// An input without any image changes nothing: it ends as a collection without a vector, which is never written.
///
/// # Errors
/// If more images have vanished than `--max-prune` allows, or `images.csv` cannot be read or written.
pub(super) fn compare(
    options: &BuildOptions,
    input: &Input,
    images_csv: &mut Draft,
) -> anyhow::Result<Vanished> {
    let published = published(&options.data_dir);
    // Only a shard may come to have no image, and be written.
    let is_whole = options.shard.is_none();
    if published.is_empty() || (input.images.is_empty() && is_whole) {
        return Ok(Vanished::default());
    }
    let named: HashSet<&Id> = input.images.iter().map(|image| &image.id).collect();
    let vanished: Vec<Id> = (published.iter().copied())
        .filter(|id| !named.contains(id))
        .collect();
    if vanished.is_empty() {
        return Ok(Vanished::default());
    }
    let is_partial = matches!(options.source, Source::Manifests(_))
        && (input.failures.iter()).any(|failure| failure.stage == Stage::Manifest);
    if is_partial && options.prune {
        let n = vanished.len();
        ensure!(
            options.shard.is_none(),
            "{n} images of the collection in {} are not in the input any more, and manifests could not be read, so that they may be back; nothing is changed; run the same command again later",
            options.data_dir.display()
        );
        tracing::warn!(
            "{n} images that are not in the input any more stay in the collection, since manifests could not be read; failures.csv names these"
        );
    }
    if !options.prune || is_partial {
        let kept = keep(options, input, &vanished, images_csv)?;
        return Ok(Vanished {
            n_removed: vanished.len() - kept.len(),
            kept,
        });
    }
    if !may_go(options.max_prune, vanished.len(), published.len()) {
        bail!(
            "{}",
            refusal(options, input, vanished.len(), published.len())
        );
    }
    Ok(Vanished {
        n_removed: vanished.len(),
        kept: Vec::new(),
    })
}

fn may_go(limit: Limit, n_vanished: usize, n_published: usize) -> bool {
    let is_share = matches!(limit, Limit::Percent(share) if share > 0.0);
    limit.allow(n_vanished, n_published) || (is_share && n_vanished <= HANDFUL)
}

fn refusal(options: &BuildOptions, input: &Input, n_vanished: usize, n: usize) -> String {
    let lost = match &input.failures[..] {
        [] => String::new(),
        [first, ..] => format!(
            " ({} rows of the input could not be read, the first because: {})",
            input.failures.len(),
            first.reason
        ),
    };
    format!(
        "{n_vanished} of the {n} images of the collection in {} are not in the input any more{lost}, and --max-prune allows {}; nothing is changed; let them go with `--max-prune {n_vanished}`, or keep them with `--prune no`",
        options.data_dir.display(),
        options.max_prune
    )
}

/// The images of the collection in `dir`, in its order: those with a vector or, where a build was cut off while it
/// wrote them, all. What cannot be read is not there; a build replaces it.
fn published(dir: &Path) -> Vec<Id> {
    let ids = ids_of(&dir.join(IMAGE_IDS), None);
    let ids = ids.or_else(|_| ids_of(&dir.join(IMAGES), Some(ID_COLUMN)));
    ids.unwrap_or_default()
}

/// The ids in `column`, or in the first one.
fn ids_of(path: &Path, column: Option<&str>) -> csv::Result<Vec<Id>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let header = reader.byte_headers()?;
    let at = match column {
        Some(name) => position(header, name),
        None => Some(0),
    };
    let mut ids = Vec::new();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let cell = at.and_then(|at| record.get(at));
        ids.extend(cell.and_then(parse_id));
    }
    Ok(ids)
}

/// Adds the rows of the collection's `images.csv` with the ids `vanished` to the new one: what stands in columns of
/// the same names.
fn keep(
    options: &BuildOptions,
    input: &Input,
    vanished: &[Id],
    images_csv: &mut Draft,
) -> anyhow::Result<Vec<Image>> {
    let path = options.data_dir.join(IMAGES);
    let unreadable = || {
        format!(
            "{} cannot be read, whose rows --prune no keeps; copy it anew, or let them go with --prune yes",
            path.display()
        )
    };
    let columns = csv::Reader::from_path(images_csv.part())
        .and_then(|mut reader| reader.byte_headers().cloned())
        .with_context(|| format!("{} cannot be read", images_csv.part().display()))?;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(&path)
        .with_context(unreadable)?;
    let old = reader.byte_headers().with_context(unreadable)?.clone();
    let wanted = table::bare(&options.iiif_column);
    let names: Vec<String> = (old.iter())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let url_column = table::find(&names, wanted).ok().map(|found| found.at);
    let id_column = position(&old, ID_COLUMN);
    let places: Vec<Option<usize>> = (columns.iter())
        .map(|name| position(&old, &String::from_utf8_lossy(name)))
        .collect();
    let new_url = position(&columns, wanted);
    let left_out: Vec<&str> = (names.iter().enumerate())
        .filter(|(at, _)| !places.contains(&Some(*at)) && Some(*at) != url_column)
        .map(|(_, name)| name.as_str())
        .collect();
    if !left_out.is_empty() {
        tracing::warn!(
            "images that are kept lose what stands in columns that the input does not have: {}",
            table::shorten(&left_out.join(", "), 200)
        );
    }
    let mut missing: HashSet<&Id> = vanished.iter().collect();
    let mut kept = Vec::new();
    images_csv.append(|file| {
        let mut csv = csv::Writer::from_writer(file);
        let mut record = ByteRecord::new();
        while reader
            .read_byte_record(&mut record)
            .with_context(unreadable)?
        {
            let id = id_column.and_then(|at| record.get(at)).and_then(parse_id);
            let Some(id) = id.filter(|id| missing.contains(id)) else {
                continue;
            };
            let Some(url) = url_of(&record, url_column, &id) else {
                continue;
            };
            missing.remove(&id);
            let cells = (0..columns.len()).map(|at| match places[at] {
                _ if new_url == Some(at) => url.as_bytes(),
                Some(old) => record.get(old).unwrap_or_default(),
                None => b"",
            });
            csv.write_record(cells)?;
            kept.push(Image {
                row: input.n_rows + kept.len() + 1,
                url: iiif::image_url(&url).map_or_else(|_| url.clone(), Into::into),
                id,
            });
        }
        csv.flush()?;
        anyhow::Ok(())
    })?;
    Ok(kept)
}

/// The URL of a row: in the column that is called so, or else the cell of which the row has the id.
fn url_of(record: &ByteRecord, column: Option<usize>, id: &Id) -> Option<String> {
    let text = |cell: &[u8]| {
        let cell = String::from_utf8_lossy(cell);
        Some(cell.trim().to_owned()).filter(|cell| !cell.is_empty())
    };
    let named = column.and_then(|at| record.get(at)).and_then(text);
    named.or_else(|| {
        let mut cells = record.iter().filter_map(text);
        cells.find(|cell| image_id::digest(cell) == *id)
    })
}

/// Brings vectors and sizes of `kept` images, which no journal knows any more, from the collection to the journals,
/// if the same model made them of pictures of the same size. Others are fetched and encoded like new ones.
///
/// # Errors
/// If a journal cannot be written.
pub(super) fn restore(
    options: &BuildOptions,
    kept: &[Image],
    probe: &Probe,
    journal: &mut Journal,
    sizes: &mut Sizes,
) -> anyhow::Result<()> {
    if kept.iter().all(|image| journal.contains(&image.id)) {
        return Ok(());
    }
    let column = Some(options.iiif_column.as_str());
    let collection = Collection::open_with_column(&options.data_dir, column)
        .or_else(|_| Collection::open_with_column(&options.data_dir, None));
    let collection = match collection {
        Ok(collection) => collection,
        Err(error) => {
            tracing::warn!("the vectors of images that are kept are made anew: {error}");
            return Ok(());
        }
    };
    let is_same = collection.identity().is_some_and(|identity| {
        identity.model.fingerprint == image_id::hex(&probe.fingerprint())
            && identity.requested == journal.requested()
    });
    if !is_same {
        return Ok(());
    }
    for image in kept {
        let row = collection.row_of_id(&image_id::hex(&image.id));
        let Some(row) = row.filter(|_| !journal.contains(&image.id)) else {
            continue;
        };
        let vector = collection.features().row(row).to_vec();
        journal
            .append(image.id, &Embedding::new(vector)?)
            .context("the journal cannot be written")?;
        if let (None, Some(size)) = (sizes.get(&image.id), collection.size(row)) {
            let known = Known {
                size,
                is_final: true,
            };
            let noted = sizes.note(image.id, known);
            noted.context("the known sizes cannot be written")?;
        }
    }
    Ok(())
}

fn position(header: &ByteRecord, name: &str) -> Option<usize> {
    let clean = |name: &[u8]| {
        let name = String::from_utf8_lossy(name);
        name.trim_start_matches('\u{feff}').trim().to_owned()
    };
    header
        .iter()
        .position(|column| clean(column) == clean(name.as_bytes()))
}

/// The id that `cell` shows.
fn parse_id(cell: &[u8]) -> Option<Id> {
    image_id::from_hex(std::str::from_utf8(cell).ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_may_always_go_unless_a_number_is_given() {
        for (limit, n_vanished, n_published, expected) in [
            ("10%", 100, 1000, true),
            ("10%", 101, 1000, false),
            ("10%", 5, 5, true),
            ("10%", 5, 8, true),
            ("10%", 6, 8, false),
            ("0%", 1, 8, false),
            ("0", 1, 8, false),
            ("3", 4, 8, false),
            ("100%", 8, 8, true),
        ] {
            let limit = limit.parse().unwrap();
            assert_eq!(
                may_go(limit, n_vanished, n_published),
                expected,
                "{n_vanished} of {n_published}, {limit}"
            );
        }
    }

    #[test]
    fn ids_are_forty_digits() {
        let id = image_id::digest("x");
        assert_eq!(parse_id(image_id::hex(&id).as_bytes()), Some(id));
        for text in ["", "12", "+123456789012345678901234567890123456789", "gg"] {
            assert_eq!(parse_id(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_id("é".repeat(20).as_bytes()), None);
    }
}

//! A folder of pictures as the input of a build: read from the disk, named by the URLs under which
//! `clip-search iiif-serve` serves them.
//!
//! Nothing is copied to `DATA/images`: the folder has the originals, and a copy of them all would take the same room
//! again and tell nothing of changes.

pub(super) mod made;
mod rows;

use super::failures::{Failure, Stage};
use super::files::Draft;
use super::journal::{Id, Journal};
use super::options::BuildOptions;
use super::sizes::{Known, Sizes};
use super::source::{self, Image, Input};
use crate::blocking::blocking;
use crate::collection::sizes::{ImageSize, Measured};
use crate::encoder::{Encoder, Pixels, decode};
use crate::iiif::folder::{self, SERVICE};
use crate::iiif::stamp::Stamp;
use crate::unreadable::unreadable;
use anyhow::{Context, bail};
use made::{Made, MadeOf};
use rows::Row;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// Longest file that is read. One of 100 megapixels with 16 bits a sample, uncompressed, has 800 MB.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The files behind the rows of an input.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    /// In the order of the input.
    rows: Vec<Row>,
}

/// The images of the folder `dir`, `images_csv` as a draft, and the files.
///
/// # Errors
/// If the folder cannot be read, has no image, or the draft cannot be written.
pub(super) async fn read(
    dir: &Path,
    base_url: &Url,
    options: &BuildOptions,
    images_csv: PathBuf,
) -> anyhow::Result<(Input, Draft, Arc<Files>)> {
    let (dir, base) = (
        dir.to_owned(),
        base_url.as_str().trim_end_matches('/').to_owned(),
    );
    let (data_dir, column) = (options.data_dir.clone(), options.iiif_column.clone());
    blocking(move || {
        let name = format!("the folder {}", dir.display());
        let listing = folder::list(&dir, Some(&data_dir))
            .map_err(|error| unreadable(&name, &error, "--folder"))?;
        let left_out = rows::left_out(&listing.left_out);
        if listing.entries.is_empty() {
            let left_out = left_out.map_or(String::new(), |left_out| format!("; {left_out}"));
            bail!(
                "{name} (--folder) has no images, so nothing is replaced: no file in it or in a folder in it ends with .{}{left_out}",
                folder::ENDINGS.join(", .")
            );
        }
        let rows = listing.entries.into_iter().map(|entry| Row::of(&dir, entry));
        let rows = rows.collect();
        let files = Arc::new(Files { dir, rows });
        let open = || Ok(rows::table(&files, &name, &column, &base));
        let (mut input, images_csv) = source::read(open, &column, &images_csv)?;
        input.remarks.extend(left_out);
        Ok((input, images_csv, files))
    })
    .await
}

/// Reads files of a build, and knows which vectors are theirs.
#[derive(Debug)]
pub(super) struct Reading {
    files: Arc<Files>,
    made: Mutex<Made>,
    /// Images that had a vector of their files as these were before.
    changed: HashSet<Id>,
}

/// A picture that is ready for the model.
pub(super) struct Picture {
    pub(super) pixels: Pixels,
    pub(super) of: OfFile,
}

/// The file that a picture was made of, as it was then.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfFile {
    stamp: Stamp,
    pub(super) size: ImageSize,
}

impl Reading {
    /// Forgets the vectors and sizes of `images` that were not made of these files as they are now. `path`: where
    /// it is written down what each vector was made of.
    pub(super) fn open(
        path: &Path,
        model: [u8; 20],
        sync_every: usize,
        files: Arc<Files>,
        images: &[Image],
        (journal, sizes): (&mut Journal, &mut Sizes),
    ) -> anyhow::Result<Self> {
        let made = Made::open(path, model, sync_every)?;
        let mut changed = HashSet::new();
        for image in images {
            let now = files.file(image).map(|(_, stamp)| stamp);
            let known = made.get(&image.id);
            match known.filter(|of| of.holds(&image.id, journal)) {
                Some(of) if Some(of.stamp) == now => sizes
                    .note(image.id, known_size(of.size))
                    .context("the size of an image cannot be written down")?,
                other => {
                    changed.extend(other.map(|_| image.id));
                    journal.forget(&image.id);
                    sizes.forget(&image.id);
                }
            }
        }
        let made = Mutex::new(made);
        Ok(Self {
            files,
            made,
            changed,
        })
    }

    /// Whether an image had a vector of another file of the same name.
    pub(super) fn has_changed(&self, id: &Id) -> bool {
        self.changed.contains(id)
    }

    /// Reads and decodes the file of an image.
    ///
    /// # Errors
    /// If it cannot be read or is no picture that the model takes.
    pub(super) fn picture(&self, image: &Image, encoder: &dyn Encoder) -> Result<Picture, Failure> {
        let failed = |stage, reason: String| Failure::new(image.row, &image.url, stage, reason);
        let (path, _) = self
            .files
            .file(image)
            .ok_or_else(|| failed(Stage::Read, "it is no file of the folder".to_owned()))?;
        let (bytes, stamp) = read_file(&path)
            .map_err(|reason| failed(Stage::Read, format!("{}: {reason}", path.display())))?;
        let undecoded =
            |reason: String| failed(Stage::Decode, format!("{}: {reason}", path.display()));
        let pixels = (encoder.preprocess(&bytes)).map_err(|error| undecoded(error.to_string()))?;
        let (width, height) = decode::dimensions(Cursor::new(&bytes))
            .map_err(|error| undecoded(error.to_string()))?;
        let size = ImageSize::new(width.into(), height.into(), Measured::Info, Some(SERVICE))
            .ok_or_else(|| undecoded(format!("it has {width} x {height} pixels")))?;
        Ok(Picture {
            pixels,
            of: OfFile { stamp, size },
        })
    }

    /// Takes note of what the vector of an image was made of, when `journal` has it.
    pub(super) fn note(&self, id: Id, of: OfFile, journal: &Journal) -> std::io::Result<()> {
        let Some(place) = journal.place(&id) else {
            return Ok(());
        };
        let OfFile { stamp, size } = of;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.note(id, MadeOf { stamp, place, size })
    }

    /// Makes all that is known survive a power failure.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.sync()
    }
}

/// Forgets the vectors and sizes of `images` that were made of files, for a build that takes pictures as servers
/// give them. `path` as of [`Reading::open`].
pub(super) fn forget_files(
    path: &Path,
    model: [u8; 20],
    images: &[Image],
    (journal, sizes): (&mut Journal, &mut Sizes),
) -> anyhow::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let made = Made::open(path, model, 1)?;
    for Image { id, .. } in images {
        if made.get(id).is_some_and(|of| of.holds(id, journal)) {
            journal.forget(id);
            sizes.forget(id);
        }
    }
    Ok(())
}

fn known_size(size: ImageSize) -> Known {
    Known {
        size,
        is_final: true,
    }
}

/// The bytes of a file, and what it was like before they were read: if it is written to meanwhile, the next build
/// finds another one.
fn read_file(path: &Path) -> Result<(Vec<u8>, Stamp), String> {
    let read = || {
        let mut file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let mut bytes = Vec::new();
        if stamp.size_bytes <= MAX_FILE_BYTES {
            file.by_ref()
                .take(MAX_FILE_BYTES + 1)
                .read_to_end(&mut bytes)?;
        }
        Ok((bytes, stamp))
    };
    let (bytes, stamp) =
        read().map_err(|error: std::io::Error| format!("cannot be read: {error}"))?;
    if stamp.size_bytes.max(bytes.len() as u64) > MAX_FILE_BYTES {
        return Err(format!("the file is longer than {MAX_FILE_BYTES} bytes"));
    }
    Ok((bytes, stamp))
}

impl Files {
    /// The file of an image, and what it was like when the folder was listed.
    fn file(&self, image: &Image) -> Option<(PathBuf, Stamp)> {
        match self.rows.get(image.row.checked_sub(1)?)? {
            Row::File { id, stamp } => Some((self.dir.join(id), *stamp)),
            Row::Lost(_) => None,
        }
    }
}

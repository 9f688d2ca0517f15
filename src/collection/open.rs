//! Opening a data directory: `features.npy`, `imageIds.csv`, `images.csv` and, where it is there, `sizes.csv`
//! become a [`Collection`].

use super::Collection;
use super::identity::{Identity, IdentityError};
use super::report::in_full;
use super::sizes;
use super::table::{Table, line_of};
use super::verify::{check_identity, check_there};
use crate::data_dir::{FEATURES, ID_COLUMN, IMAGE_IDS, IMAGES, URL_COLUMN};
use crate::features::npy::{self, FeaturesError, FeaturesIn, Precision, SumOf};
use crate::iiif::image_iri;
use crate::image_id::image_id;
use csv::ByteRecord;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The only column of [`IMAGE_IDS`].
const IMAGE_IDS_COLUMN: &str = "image_id";
/// Rows of `images.csv` that are looked at to find the URL column.
const SAMPLE: usize = 100;

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectionError {
    /// A file of the collection is not there.
    #[error("{0} is missing; run `clip-search build` first")]
    Missing(PathBuf),
    /// A file of the collection is there, and the system does not let us see it.
    #[error("{path} cannot be read; let the user that runs this program read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file of the collection stands in for what is to be fetched.
    #[error(
        "{0} is a Git LFS pointer, not the file itself; run `git lfs pull` where it was cloned, or copy the file anew"
    )]
    LfsPointer(PathBuf),
    /// `features.json` cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file is not the one that `features.json` was written with.
    #[error(
        "{path} is not the file that {identity_path} was written with: it is damaged or was replaced ({difference}); copy the files of the folder anew, or run `clip-search build` again; if another program wrote them, delete {identity_path}"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// `features.json`.
        identity_path: PathBuf,
        /// What is there instead of what.
        difference: String,
    },
    /// `features.npy` cannot be used.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A CSV file cannot be read.
    #[error("{path} cannot be read")]
    Csv {
        /// The file.
        path: PathBuf,
        /// The system's or the parser's words.
        source: csv::Error,
    },
    /// A CSV file lacks a column.
    #[error("{path} has no column {wanted}; its columns are {}", .columns.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column looked for.
        wanted: String,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// No column can be the one with the IIIF URLs.
    #[error(
        "{path}: no column holds URLs whose image id is in {ID_COLUMN}; name the column with --iiif-column, one of {}",
        .columns.join(", ")
    )]
    NoUrlColumn {
        /// The file.
        path: PathBuf,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// The two files of the features do not belong together.
    #[error(
        "{ids_path} has {n_ids} ids, but {features_path} has {n_rows} rows; run `clip-search build` again or copy both files anew"
    )]
    Counts {
        /// `imageIds.csv`.
        ids_path: PathBuf,
        /// Ids in it.
        n_ids: usize,
        /// `features.npy`.
        features_path: PathBuf,
        /// Rows in it.
        n_rows: usize,
    },
    /// An id stands twice in `imageIds.csv`.
    #[error("{path}, line {line}: the id {id} stood already in line {first_line}")]
    DuplicateId {
        /// The file.
        path: PathBuf,
        /// Line of the second.
        line: u64,
        /// The id.
        id: String,
        /// Line of the first.
        first_line: u64,
    },
    /// An image with a vector has no URL.
    #[error("{path}, line {line}: {images_path} has no URL for the id {id}")]
    NoUrl {
        /// `imageIds.csv`.
        path: PathBuf,
        /// Line of the id.
        line: u64,
        /// The id.
        id: String,
        /// `images.csv`.
        images_path: PathBuf,
    },
    /// A URL is not text.
    #[error("{path}, line {line}: the column {column} is not valid UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The column.
        column: String,
    },
}

/// A collection with what was noticed while opening it.
pub(super) struct Opened {
    pub(super) collection: Collection,
    pub(super) precision: Precision,
    pub(super) n_renormalised: usize,
    pub(super) iiif_column: String,
    pub(super) n_images: usize,
    /// Images with a vector whose id is not the BLAKE2b id of their URL.
    pub(super) n_foreign_ids: usize,
    /// Whether there is a `sizes.csv` that fits.
    pub(super) has_sizes: bool,
    /// Why there are no sizes although there is such a file.
    pub(super) sizes_problem: Option<String>,
}

/// Files whose checksum costs nothing that an operator would notice at the start: about a second, once.
pub(super) const CHEAP_SUM: SumOf = SumOf::UpTo(1 << 30);

pub(super) fn open(
    dir: &Path,
    iiif_column: Option<&str>,
    sum_of: SumOf,
    features_in: FeaturesIn,
) -> Result<Opened, CollectionError> {
    let [features_path, ids_path, images_path] =
        [FEATURES, IMAGE_IDS, IMAGES].map(|name| dir.join(name));
    for path in [&features_path, &ids_path, &images_path] {
        check_there(path)?;
    }
    let identity = Identity::read(dir)?;
    // Without an identity there is nothing to compare with.
    let sum_of = identity.as_ref().map_or(SumOf::UpTo(0), |_| sum_of);
    let npy = npy::read_summed(&features_path, sum_of, features_in)?;
    let ids = Ids::read(&ids_path)?;
    if ids.names.len() != npy.features.len() {
        return Err(CollectionError::Counts {
            ids_path,
            n_ids: ids.names.len(),
            features_path,
            n_rows: npy.features.len(),
        });
    }
    if let Some(identity) = &identity {
        check_identity(dir, identity, &npy)?;
    }
    let images = Images::read(&images_path, iiif_column, &ids)?;
    let mut urls = Vec::with_capacity(ids.names.len());
    let mut n_foreign_ids = 0;
    for ((id, line), url) in ids.names.iter().zip(&ids.lines).zip(images.urls) {
        let url = url.ok_or_else(|| CollectionError::NoUrl {
            path: ids_path.clone(),
            line: *line,
            id: id.clone(),
            images_path: images_path.clone(),
        })?;
        // The id is over the cell as it stands; queries know the image by an IRI.
        n_foreign_ids += usize::from(image_id(&url) != *id);
        urls.push(image_iri(&url).into_owned());
    }
    let (sizes, sizes_problem) = match sizes::read(dir, identity.as_ref(), &ids.names) {
        Ok(sizes) => (sizes, None),
        Err(error) => {
            let problem = format!(
                "{}; the sizes of the images are unknown until `clip-search build` is run again",
                in_full(&error)
            );
            (None, Some(problem))
        }
    };
    let has_sizes = sizes.is_some();
    let mut collection = Collection::new(npy.features, ids.names, urls);
    if let Some(sizes) = sizes {
        collection = collection.with_sizes(sizes);
    }
    collection.identity = identity;
    Ok(Opened {
        collection,
        precision: npy.precision,
        n_renormalised: npy.n_renormalised,
        iiif_column: images.column,
        n_images: images.n_images,
        n_foreign_ids,
        has_sizes,
        sizes_problem,
    })
}

/// `imageIds.csv`.
struct Ids {
    names: Vec<String>,
    lines: Vec<u64>,
    row_of: HashMap<String, usize>,
}

impl Ids {
    fn read(path: &Path) -> Result<Self, CollectionError> {
        let mut table = Table::open(path)?;
        let column = table.column(IMAGE_IDS_COLUMN)?;
        let mut ids = Self {
            names: Vec::new(),
            lines: Vec::new(),
            row_of: HashMap::new(),
        };
        let mut record = ByteRecord::new();
        while table.next(&mut record)? {
            let line = line_of(&record);
            let id = table.text(&record, column)?.to_owned();
            if let Some(first) = ids.row_of.insert(id.clone(), ids.names.len()) {
                return Err(CollectionError::DuplicateId {
                    path: path.to_owned(),
                    line,
                    id,
                    first_line: ids.lines[first],
                });
            }
            ids.names.push(id);
            ids.lines.push(line);
        }
        Ok(ids)
    }
}

/// What is needed of `images.csv`.
struct Images {
    column: String,
    n_images: usize,
    /// Per row of the features.
    urls: Vec<Option<String>>,
}

impl Images {
    fn read(path: &Path, wanted: Option<&str>, ids: &Ids) -> Result<Self, CollectionError> {
        let mut table = Table::open(path)?;
        let id_column = table.find(ID_COLUMN);
        let mut sample = Vec::new();
        let mut record = ByteRecord::new();
        while sample.len() < SAMPLE && table.next(&mut record)? {
            sample.push(std::mem::take(&mut record));
        }
        let column = match (wanted, id_column) {
            (Some(wanted), _) => table.column(wanted)?,
            (None, Some(id_column)) => match table.find(URL_COLUMN) {
                Some(column) => column,
                None => url_column(&sample, table.columns.len(), id_column).ok_or_else(|| {
                    CollectionError::NoUrlColumn {
                        path: path.to_owned(),
                        columns: table.columns.clone(),
                    }
                })?,
            },
            (None, None) => table.column(URL_COLUMN)?,
        };
        let mut images = Self {
            column: table.columns[column].clone(),
            n_images: 0,
            urls: vec![None; ids.names.len()],
        };
        for record in &sample {
            images.add(&table, record, column, id_column, ids)?;
        }
        while table.next(&mut record)? {
            images.add(&table, &record, column, id_column, ids)?;
        }
        Ok(images)
    }

    fn add(
        &mut self,
        table: &Table,
        record: &ByteRecord,
        column: usize,
        id_column: Option<usize>,
        ids: &Ids,
    ) -> Result<(), CollectionError> {
        self.n_images += 1;
        let row = match id_column {
            Some(id_column) => ids.row_of.get(table.text(record, id_column)?),
            // Early collections have no id column; their ids are over the cell as it stands.
            None => ids.row_of.get(&image_id(table.raw_text(record, column)?)),
        };
        if let Some(row) = row
            && self.urls[*row].is_none()
        {
            let url = table.text(record, column)?;
            if !url.is_empty() {
                self.urls[*row] = Some(url.to_owned());
            }
        }
        Ok(())
    }
}

/// The column whose cells have their image id in `id_column`: that of most rows of the sample.
fn url_column(sample: &[ByteRecord], n_columns: usize, id_column: usize) -> Option<usize> {
    let matches = |column: usize| {
        sample
            .iter()
            .filter(|record| {
                let cell = |column| record.get(column).and_then(|c| std::str::from_utf8(c).ok());
                cell(column).is_some_and(|url| cell(id_column) == Some(image_id(url).as_str()))
            })
            .count()
    };
    (0..n_columns)
        .map(|column| (matches(column), column))
        .filter(|(n, _)| *n > 0)
        // max_by_key takes the last of equals; the first column is the more likely one.
        .rev()
        .max_by_key(|(n, _)| *n)
        .map(|(_, column)| column)
}

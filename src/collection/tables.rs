//! `imageIds.csv` and `images.csv` in whatever form a CSV file may have, with complaints that name the line.

use super::ids;
use super::open::CollectionError;
use super::table::{Table, line_of};
use super::urls::{Part, Urls};
use crate::data_dir::{ID_COLUMN, IMAGE_IDS_COLUMN, URL_COLUMN};
use crate::image_id::image_id;
use csv::ByteRecord;
use std::collections::HashMap;
use std::hash::RandomState;
use std::path::Path;

/// Rows of `images.csv` that are looked at to find the URL column.
const SAMPLE: usize = 100;

/// The images of a collection, as the two tables list them.
pub(super) struct Listed {
    pub(super) ids: ids::Ids,
    pub(super) urls: Urls,
    /// The column of `images.csv` with the IIIF URLs.
    pub(super) column: String,
    /// Rows of `images.csv`.
    pub(super) n_images: usize,
    /// Images whose id is not the one of their URL.
    pub(super) n_foreign_ids: usize,
}

/// `imageIds.csv`.
pub(super) struct IdList {
    names: Vec<String>,
    lines: Vec<u64>,
    row_of: HashMap<String, usize>,
}

impl IdList {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// With the URLs of the ids in `images.csv`.
    pub(super) fn with_images(
        self,
        ids_path: &Path,
        images_path: &Path,
        iiif_column: Option<&str>,
    ) -> Result<Listed, CollectionError> {
        let images = Images::read(images_path, iiif_column, &self)?;
        let mut urls = Part::new(&RandomState::new());
        let mut n_foreign_ids = 0;
        for ((id, line), url) in self.names.iter().zip(&self.lines).zip(images.urls) {
            let url = url.ok_or_else(|| CollectionError::NoUrl {
                path: ids_path.to_owned(),
                line: *line,
                id: id.clone(),
                images_path: images_path.to_owned(),
            })?;
            // The id is over the cell as it stands; queries know the image by an IRI.
            n_foreign_ids += usize::from(image_id(&url) != *id);
            urls.push(&url);
        }
        Ok(Listed {
            ids: ids::Ids::of_texts(&self.names),
            urls: Urls::of([urls]),
            column: images.column,
            n_images: images.n_images,
            n_foreign_ids,
        })
    }

    pub(super) fn read(path: &Path) -> Result<Self, CollectionError> {
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
    fn read(path: &Path, wanted: Option<&str>, ids: &IdList) -> Result<Self, CollectionError> {
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
        ids: &IdList,
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

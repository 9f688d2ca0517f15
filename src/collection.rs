//! A collection: the images of one data directory, with their URLs and features.

pub mod identity;
mod ids;
pub mod kinship;
mod names;
pub mod open;
mod pieces;
mod plain;
pub mod report;
pub mod requested;
mod row_of;
pub mod sizes;
mod sizes_file;
pub mod stamp;
mod table;
mod tables;
mod urls;
pub(crate) mod verify;

use crate::features::Features;
use crate::features::int8::Int8;
use crate::features::ivf::Ivf;
use crate::features::npy::FeaturesIn;
use crate::iiif::image_iri;
use identity::Identity;
use ids::Ids;
use open::CollectionError;
use sizes::ImageSize;
use std::borrow::Cow;
use std::path::Path;
use urls::Urls;

/// The images of a data directory that have an embedding, in the order of `features.npy`.
#[derive(Debug, Clone)]
pub struct Collection {
    features: Features,
    int8: Option<Int8>,
    ivf: Option<Ivf>,
    ids: Ids,
    urls: Urls,
    identity: Option<Identity>,
    /// By row; empty where no size is known.
    sizes: Vec<Option<ImageSize>>,
}

impl Collection {
    /// Takes one id and one IIIF URL per row of `features`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[must_use]
    pub fn new(features: Features, ids: Vec<String>, urls: Vec<String>) -> Self {
        let mut part = urls::Part::new(&std::hash::RandomState::new());
        for url in &urls {
            part.push(url);
        }
        Self::of(features, Ids::of_texts(&ids), Urls::of([part]))
    }

    fn of(features: Features, ids: Ids, urls: Urls) -> Self {
        assert_eq!(features.len(), ids.len(), "one id per row");
        assert_eq!(features.len(), urls.len(), "one URL per row");
        Self {
            features,
            int8: None,
            ivf: None,
            ids,
            urls,
            identity: None,
            sizes: Vec::new(),
        }
    }

    /// With the size of each image, as far as it is known, in the order of the rows.
    ///
    /// # Panics
    /// If there is not one for each row.
    #[must_use]
    pub fn with_sizes(self, sizes: Vec<Option<ImageSize>>) -> Self {
        assert_eq!(sizes.len(), self.len(), "one size per row");
        Self { sizes, ..self }
    }

    /// Opens the data directory `dir`, as `clip-search build` or the original service left it.
    ///
    /// The column of `images.csv` with the IIIF URLs is `iiif_url`, or otherwise the one whose values
    /// have their image id in `localIdentifier`. A `sizes.csv` that does not fit is told as a warning, and the
    /// sizes are unknown then.
    ///
    /// # Errors
    /// [`CollectionError`] names the file, and the row or line where one is at fault.
    pub fn open(dir: &Path) -> Result<Self, CollectionError> {
        Self::open_with_column(dir, None)
    }

    /// As [`Self::open`], with the IIIF URLs in the column `iiif_column`, if given.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_column(
        dir: &Path,
        iiif_column: Option<&str>,
    ) -> Result<Self, CollectionError> {
        Self::open_in(dir, iiif_column, FeaturesIn::default())
    }

    /// As [`Self::open_with_column`], with the features in memory or in the mapped file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_in(
        dir: &Path,
        iiif_column: Option<&str>,
        features_in: FeaturesIn,
    ) -> Result<Self, CollectionError> {
        let opened = open::open(dir, iiif_column, open::CHEAP_SUM, features_in)?;
        let problems = [
            opened.sizes_problem,
            opened.int8_problem,
            opened.ivf_problem,
        ];
        for problem in problems.iter().flatten() {
            tracing::warn!("{problem}");
        }
        Ok(opened.collection)
    }

    /// The embeddings, `[n, d]`.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The same in a byte for each number, where the data directory has them.
    #[must_use]
    pub fn int8(&self) -> Option<&Int8> {
        self.int8.as_ref()
    }

    /// The same in lists of what is alike, where the data directory has them.
    #[must_use]
    pub fn ivf(&self) -> Option<&Ivf> {
        self.ivf.as_ref()
    }

    /// Which model made the features, where the data directory says so.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The id of the image in `row`: 40 hex digits.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn id(&self, row: usize) -> String {
        self.ids.get(row)
    }

    /// The IIIF URL of the image in `row`, with what no IRI can hold percent-encoded.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn url(&self, row: usize) -> String {
        self.urls.get(row)
    }

    /// What the URLs have before their paths (`https://iiif.example.org`), each once.
    pub fn authorities(&self) -> impl Iterator<Item = &str> {
        self.urls.authorities()
    }

    /// How large the image in `row` is, and which service scales it; `None` if that is not known.
    ///
    /// # Panics
    /// If sizes are known and `row >= self.len()`.
    #[must_use]
    pub fn size(&self, row: usize) -> Option<ImageSize> {
        match self.sizes.as_slice() {
            [] => None,
            sizes => sizes[row],
        }
    }

    /// Whether the URL of the image in `row` is an IRI, so that RDF can name the image.
    #[must_use]
    pub fn has_iri(&self, row: usize) -> bool {
        self.urls.has_iri(row)
    }

    /// The row of the image with this IIIF URL, as an IRI or as it stands in `images.csv`.
    #[must_use]
    pub fn row_of_url(&self, url: &str) -> Option<usize> {
        self.urls.row_of(url).or_else(|| match image_iri(url) {
            Cow::Borrowed(_) => None,
            Cow::Owned(iri) => self.urls.row_of(&iri),
        })
    }

    /// The row of the image with this id.
    #[must_use]
    pub fn row_of_id(&self, id: &str) -> Option<usize> {
        self.ids.row_of(id)
    }
}

//! What the service tells about images: the sizes that the collection knows, and what the page query gives.

use super::AppState;
use super::error::Causes;
use crate::describe::image::DescribedImage;
use crate::sparql::{Cancellation, QueryError};
use std::collections::HashSet;

/// Most images that one page query is asked about.
pub(super) const MAX_ASKED: usize = 200;

impl AppState {
    /// The rows that `known` finds for `names`, each once, in the order of the names.
    pub(super) fn rows(names: &[String], known: impl Fn(&str) -> Option<usize>) -> Vec<usize> {
        let mut seen = HashSet::new();
        let rows = names.iter().filter_map(|name| known(name));
        rows.filter(|row| seen.insert(*row)).collect()
    }

    /// The images in `rows`, in this order, with what the collection itself knows about them.
    pub(super) fn undescribed(&self, rows: &[usize]) -> Vec<DescribedImage> {
        let collection = self.sparql.engine().collection();
        let images = rows.iter();
        images
            .map(|row| DescribedImage::new(collection, *row))
            .collect()
    }

    /// The images in `rows`, in this order, with what is known about them. Blocks.
    ///
    /// A page query that fails costs what it would have told, and no more: the log says why.
    pub(super) fn described(
        &self,
        rows: &[usize],
        cancellation: &Cancellation,
    ) -> Vec<DescribedImage> {
        let mut images = self.undescribed(rows);
        for some in images.chunks_mut(MAX_ASKED) {
            match self.describe(some, cancellation) {
                Ok(()) => {}
                Err(QueryError::Cancelled) => break,
                Err(error) => {
                    tracing::warn!(
                        "the page query (--page-query) fails, and images are shown without what it tells: {}",
                        Causes(&error)
                    );
                    break;
                }
            }
        }
        images
    }

    fn describe(
        &self,
        images: &mut [DescribedImage],
        cancellation: &Cancellation,
    ) -> Result<(), QueryError> {
        let urls: Vec<&str> = images.iter().map(|image| image.url.as_str()).collect();
        let page_query = &self.settings.page_query;
        let found = page_query.describe(&self.sparql, &urls, cancellation)?;
        for image in images {
            // Two rows of a collection may have one URL.
            image.fields = found.get(&image.url).cloned().unwrap_or_default();
        }
        Ok(())
    }
}

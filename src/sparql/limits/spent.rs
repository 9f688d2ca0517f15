//! What a query has used of what it may use.

use crate::sparql::options::SparqlOptions;
use crate::sparql::request::error::RequestError;

/// What a query has used of what it may use, see [`SparqlOptions`].
#[derive(Debug, Clone, Default)]
pub(in crate::sparql) struct Spent {
    n_hits: usize,
    /// Rows of tables that were made of the hits.
    n_rows: usize,
    /// Images fetched or decoded.
    n_images: usize,
}

impl Spent {
    /// Counts `n` hits of the request that is `written` so.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if they would not fit in memory.
    pub(in crate::sparql) fn hits(
        &mut self,
        n: usize,
        options: &SparqlOptions,
        written: &str,
    ) -> Result<(), RequestError> {
        add(&mut self.n_hits, n, options, written)
    }

    /// Counts `n` rows of a table of its hits.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if they would not fit in memory.
    pub(in crate::sparql) fn rows(
        &mut self,
        n: usize,
        options: &SparqlOptions,
        written: &str,
    ) -> Result<(), RequestError> {
        add(&mut self.n_rows, n, options, written)
    }

    /// Counts an image that is to be fetched or decoded.
    ///
    /// # Errors
    /// [`RequestError::TooManyImages`] if that would be more than an operator allows.
    pub(in crate::sparql) fn image(
        &mut self,
        options: &SparqlOptions,
        written: &str,
    ) -> Result<(), RequestError> {
        if self.n_images == options.max_query_images {
            return Err(RequestError::TooManyImages {
                subject: written.to_owned(),
                limit: options.max_query_images,
            });
        }
        self.n_images += 1;
        Ok(())
    }
}

fn add(
    total: &mut usize,
    n: usize,
    options: &SparqlOptions,
    written: &str,
) -> Result<(), RequestError> {
    *total += n;
    if *total > options.max_hits {
        return Err(RequestError::TooManyHits {
            subject: written.to_owned(),
            limit: options.max_hits,
        });
    }
    Ok(())
}

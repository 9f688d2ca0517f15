//! Fetching what a query names: bounded in size and time, and never from inside the operator's network.

/// Why a remote image cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not an absolute http or https URL.
    #[error("{0} is not an http or https URL")]
    NotHttp(String),
}

/// Fetches URLs that come from queries, so from strangers.
#[derive(Debug, Clone)]
pub struct Fetcher {}

impl Fetcher {
    /// The body behind `url`. Blocks; call it from a thread that may block.
    ///
    /// # Errors
    /// [`FetchError`] names the URL and what is wrong.
    pub fn get_blocking(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::NotHttp(url.to_owned()))
    }
}

//! What a file is like, to see whether it has changed.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

/// What a file is like; one that is like it was is taken to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size_bytes: u64,
    /// Time of the last change, nanoseconds since 1970; negative before.
    pub(crate) modified_ns: i128,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |since: u128| i128::try_from(since).unwrap_or(i128::MAX);
        let modified_ns = match metadata
            .modified()
            .map(|time| time.duration_since(UNIX_EPOCH))
        {
            Ok(Ok(since)) => nanoseconds(since.as_nanos()),
            Ok(Err(before)) => -nanoseconds(before.duration().as_nanos()),
            // A system that has no such times.
            Err(_) => 0,
        };
        Self {
            size_bytes: metadata.len(),
            modified_ns,
        }
    }
}

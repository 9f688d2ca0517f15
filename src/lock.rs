//! A lock file: one process at a time.

use anyhow::Context;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Keeps other processes from the same lock while the file is open.
///
/// # Errors
/// `taken` if another process has it; else what keeps the file from being opened or locked.
pub(crate) fn exclusive(path: &Path, taken: impl FnOnce() -> String) -> anyhow::Result<File> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => anyhow::bail!(taken()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

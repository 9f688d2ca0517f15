//! Work that blocks, from code that must not.

use anyhow::Context;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// Those of `work`, and if it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("the work ended early")?
}

//! How large images are: as their info.json has it, or else as they were delivered.

use super::download::asking::Answer;
use super::download::{Downloader, Source};
use super::journal::Id;
use super::sizes::{Known, Sizes};
use super::source::Image;
use crate::collection::sizes::{ImageSize, Measured};
use crate::encoder::decode;
use anyhow::Context;
use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of sizes, and whether more is asked for.
#[derive(Debug)]
pub(super) struct Measuring {
    sizes: Mutex<Sizes>,
    asks_info: bool,
}

impl Measuring {
    pub(super) fn new(sizes: Sizes, asks_info: bool) -> Self {
        Self {
            sizes: Mutex::new(sizes),
            asks_info,
        }
    }

    /// Whether more may be learned of the size of an image.
    pub(super) fn wants(&self, id: &Id) -> bool {
        self.lock()
            .get(id)
            .is_none_or(|known| self.asks_info && !known.is_final)
    }

    /// What the server says of the size of an image, if it is to be asked.
    pub(super) async fn ask(
        &self,
        downloader: &Downloader,
        source: &Source,
        image: &Image,
    ) -> Answer {
        match self.asks_info {
            true => downloader.size(source, &image.url).await,
            false => Answer::Unanswered,
        }
    }

    /// Takes note of the size of an image: what the server says of it counts, `delivered` otherwise, or what is
    /// known already.
    pub(super) fn learn(
        &self,
        id: Id,
        answer: Answer,
        delivered: Option<ImageSize>,
    ) -> anyhow::Result<()> {
        let delivered = delivered.or_else(|| Some(self.lock().get(&id)?.size));
        let (size, is_final) = match answer {
            Answer::Size(size) => (Some(size), true),
            Answer::Nothing => (delivered, true),
            Answer::Unanswered => (delivered, false),
        };
        let Some(size) = size else {
            return Ok(());
        };
        self.lock()
            .note(id, Known { size, is_final })
            .context("the size of an image cannot be written down")
    }

    /// All that is known, safe on the disk.
    pub(super) fn into_sizes(self) -> anyhow::Result<Sizes> {
        let mut sizes = self
            .sizes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        sizes.sync().context("the sizes cannot be synced")?;
        Ok(sizes)
    }

    fn lock(&self) -> MutexGuard<'_, Sizes> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The size of the picture in `bytes`, upright; `None` if it is no picture.
pub(super) fn measure(bytes: &[u8]) -> Option<ImageSize> {
    let (width, height) = decode::dimensions(Cursor::new(bytes)).ok()?;
    ImageSize::new(width.into(), height.into(), Measured::Delivered, None)
}

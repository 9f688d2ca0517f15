//! Images that their servers have in tiles alone: fetched one by one and put together.

use super::error::DownloadError;
use super::host::Host;
use super::{Downloader, Picture};
use crate::encoder::decode;
use crate::iiif::tiles::{Spelling, Tile, Tiling};
use image::RgbImage;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use tokio::sync::OwnedSemaphorePermit;

/// An image that comes in tiles.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tiled {
    /// The service, without a slash at its end.
    pub(super) base: String,
    /// What the quality is called.
    pub(super) quality: &'static str,
    pub(super) tiling: Tiling,
}

impl Downloader {
    /// The image of these tiles, as PNG: what is put together loses nothing more. And a place, as of any picture.
    pub(super) async fn get_tiled(
        &self,
        host: &Host,
        tiled: &Tiled,
    ) -> Result<Picture, DownloadError> {
        let Tiling { width, height, .. } = tiled.tiling;
        let mut whole = RgbImage::new(width, height);
        let mut spelling = None;
        let mut held = None;
        for tile in &tiled.tiling.tiles {
            // Whoever waits for a place must hold none.
            drop(held.take());
            let (url, bytes, place) = self.get_tile(host, tiled, tile, &mut spelling).await?;
            held = Some(place);
            let part = decoded(url, bytes, *tile).await?;
            imageops::replace(&mut whole, &part, tile.x.into(), tile.y.into());
        }
        let place = held.expect("an image has one tile at least");
        Ok(Picture {
            bytes: encoded(tiled.base.clone(), whole).await?,
            taken: None,
            place,
        })
    }

    /// A tile by the name that the server has for it. `spelling` is how that of the first was spelled.
    async fn get_tile(
        &self,
        host: &Host,
        tiled: &Tiled,
        tile: &Tile,
        spelling: &mut Option<Spelling>,
    ) -> Result<(String, Vec<u8>, OwnedSemaphorePermit), DownloadError> {
        let tried = match *spelling {
            Some(known) => vec![known],
            None => Spelling::ALL.to_vec(),
        };
        let mut refused = None;
        for as_spelled in tried {
            let Some(url) = tile.url(&tiled.base, tiled.quality, as_spelled) else {
                continue;
            };
            match self.get_picture(host, &url).await {
                Ok(Picture { bytes, place, .. }) => {
                    *spelling = Some(as_spelled);
                    return Ok((url, bytes, place));
                }
                Err(error) if error.leads_on() => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refused.expect("each tile can be spelled in two ways"))
    }
}

/// Whether a side is as long as it should be, but for a server that rounds in another way.
fn is_rounded(found_px: u32, wanted_px: u32) -> bool {
    found_px.abs_diff(wanted_px) <= 1
}

async fn decoded(url: String, bytes: Vec<u8>, tile: Tile) -> Result<RgbImage, DownloadError> {
    let limit_px = u64::from(tile.width) * u64::from(tile.height) * 4;
    let decode = move || decode::decode(&bytes, limit_px).map_err(|error| error.to_string());
    let part = off_thread(decode).await;
    let part = part.and_then(|part| {
        let (width, height) = (tile.width, tile.height);
        if part.dimensions() == (width, height) {
            Ok(part)
        } else if is_rounded(part.width(), width) && is_rounded(part.height(), height) {
            Ok(imageops::resize(&part, width, height, FilterType::Triangle))
        } else {
            Err(format!(
                "it has {} x {} pixels, and the tile {width} x {height}",
                part.width(),
                part.height(),
            ))
        }
    });
    part.map_err(|reason| DownloadError::Tile { url, reason })
}

async fn encoded(base: String, whole: RgbImage) -> Result<Vec<u8>, DownloadError> {
    let encode = move || {
        let mut png = Vec::new();
        whole
            .write_with_encoder(PngEncoder::new(&mut png))
            .map_err(|error| error.to_string())?;
        Ok(png)
    };
    let png = off_thread(encode).await;
    png.map_err(|reason| DownloadError::Tile { url: base, reason })
}

/// Work that would hold up the other downloads.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_panic| Err("the decoder panicked".to_owned()))
}

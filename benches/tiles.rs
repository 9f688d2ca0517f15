//! What a tile of a large photograph costs `iiif-serve`, beside what it costs to decode the whole file for each.
//!
//! The photograph is 6000 x 4000 pixels of waves and grain as JPEG. The ratios are what counts.

#[expect(dead_code, reason = "no search is measured here")]
mod common;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use clip_search::http::iiif::iiif_router;
use clip_search::iiif::render::{RenderError, picture, render};
use clip_search::iiif::request::ImageRequest;
use common::median;
use futures_util::future::try_join_all;
use std::path::Path;
use std::time::{Duration, Instant};
use tower::ServiceExt;

const WIDTH: u32 = 6000;
const HEIGHT: u32 = 4000;
/// Tiles that a viewer asks for at once.
const N_TILES: u32 = 20;

type AnyError = Box<dyn std::error::Error>;

/// Waves and grain: neither flat nor noise, so that the file is about as large as a camera's.
fn photograph(path: &Path) -> image::ImageResult<()> {
    let image = image::RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 28;
        let level = |phase: u32| {
            let at = (x / 3 + y / 5 + x / 90 * (y / 70) + phase) % 480;
            u8::try_from(at.min(480 - at) + grain).expect("at most 240 and 15")
        };
        image::Rgb([level(0), level(60), level(150)])
    });
    image.save(path)
}

/// The tile of this number in full size.
fn tile(n: u32) -> String {
    let (x, y) = (n % 5 * 512, n / 5 * 512);
    format!("{x},{y},512,512/512,512/0/default.jpg")
}

/// The answer of the server.
async fn served(router: &Router, request: &str) -> Result<Bytes, AnyError> {
    let request = Request::get(format!("/a.jpg/{request}")).body(Body::empty())?;
    let response = router.clone().oneshot(request).await?;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    match status.is_success() {
        true => Ok(body),
        false => Err(status.to_string().into()),
    }
}

/// The answer with nothing kept.
fn decoded_for(path: &Path, request: &ImageRequest) -> Result<Vec<u8>, RenderError> {
    render(&picture(path)?, request)
}

fn report(what: &str, time: Duration, before: Duration) {
    let (ms, before_ms) = (time.as_secs_f64() * 1e3, before.as_secs_f64() * 1e3);
    let ratio = before_ms / ms;
    println!("{what:<40} {ms:>9.2} ms, {before_ms:>9.2} ms decoded for each: {ratio:>6.1} x");
}

fn main() -> Result<(), AnyError> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("a.jpg");
    photograph(&path)?;
    println!(
        "a JPEG of {WIDTH} x {HEIGHT} and {} kB",
        path.metadata()?.len() / 1000
    );
    let runtime = tokio::runtime::Runtime::new()?;
    let router = iiif_router(dir.path().to_owned(), None);

    // Nothing is kept yet: all tiles wait for one picture.
    let tiles: Vec<String> = (0..N_TILES).map(tile).collect();
    let started = Instant::now();
    runtime.block_on(try_join_all(tiles.iter().map(|tile| served(&router, tile))))?;
    let first = started.elapsed();

    let quarter = "2048,1024,2048,2048/512,512/0/default.jpg".to_owned();
    let whole = "full/1000,/0/default.jpg".to_owned();
    for (what, request) in [
        ("a tile of 512 x 512", tile(8)),
        ("a tile of 2048 x 2048 in 512 x 512", quarter),
        ("the whole, 1000 wide", whole),
    ] {
        let parts: Vec<&str> = request.split('/').collect();
        let parsed = ImageRequest::parse(parts[0], parts[1], parts[2], parts[3])?;
        decoded_for(&path, &parsed)?;
        let before = median(5, || decoded_for(&path, &parsed));
        runtime.block_on(served(&router, &request))?;
        let after = median(15, || runtime.block_on(served(&router, &request)));
        report(what, after, before);
        if request == tiles[8] {
            report("20 tiles at once, the first of it", first, before * N_TILES);
        }
    }
    Ok(())
}

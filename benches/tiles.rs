//! What a tile of a large photograph costs `iiif-serve`, beside what it costs to decode the whole file for each.
//!
//! The photograph is 6000 x 4000 pixels of waves and grain as JPEG. The ratios are what counts.

#[expect(dead_code, reason = "no search is measured here")]
mod common;

use axum::body::Body;
use axum::http::Request;
use clip_search::http::iiif::iiif_router;
use clip_search::iiif::render::{picture, render};
use clip_search::iiif::request::ImageRequest;
use common::median;
use std::path::Path;
use std::time::{Duration, Instant};
use tower::ServiceExt;

const WIDTH: u32 = 6000;
const HEIGHT: u32 = 4000;
/// Tiles that a viewer asks for at once when a picture is opened and zoomed.
const N_TILES: u32 = 20;

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

fn report(what: &str, time: Duration, before: Duration) {
    let (ms, ratio) = (
        time.as_secs_f64() * 1e3,
        before.as_secs_f64() / time.as_secs_f64(),
    );
    println!("{what:<58} {ms:>9.2} ms   {ratio:>7.1} x as fast as decoding for each");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("a.jpg");
    photograph(&path)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let router = iiif_router(dir.path().to_owned(), None);
    let get = async |request: String| {
        let uri = format!("/a.jpg/{request}");
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        status.is_success().then_some(body).ok_or(status)
    };
    let tile = |n: u32| {
        format!(
            "{},{},512,512/512,512/0/default.jpg",
            n % 5 * 512,
            n / 5 * 512
        )
    };

    // Nothing is kept yet: all tiles wait for one picture.
    let started = Instant::now();
    runtime.block_on(futures_util::future::join_all(
        (0..N_TILES).map(tile).map(&get),
    ));
    let first = started.elapsed();

    for (what, request) in [
        ("a tile in full size", tile(8)),
        (
            "a tile of a quarter of the size",
            "2048,1024,2048,2048/512,512/0/default.jpg".to_owned(),
        ),
        (
            "the whole, 1000 wide",
            "full/1000,/0/default.jpg".to_owned(),
        ),
    ] {
        let parts: Vec<&str> = request.split('/').collect();
        let parsed = ImageRequest::parse(parts[0], parts[1], parts[2], parts[3])?;
        let before = median(5, || {
            picture(&path).and_then(|whole| render(&whole, &parsed))
        });
        report(&format!("{what}, decoded for it"), before, before);
        report(
            what,
            median(15, || runtime.block_on(get(request.clone()))),
            before,
        );
        if what == "a tile in full size" {
            report(
                "20 tiles at once, the first of a picture",
                first,
                before * N_TILES,
            );
        }
    }
    Ok(())
}

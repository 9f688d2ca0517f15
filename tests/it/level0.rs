//! Static files of IIIF (level 0), as libvips and the package iiif of PyPI write them: images in tiles alone.

use crate::build::{failures, options, run};
use crate::{process, support};
use axum::Router;
use axum::extract::Path as UrlPath;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clip_search::build::options::{Delivery, Source};
use clip_search::image_id::image_id;
use image::RgbImage;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

const WIDTH: u32 = 1003;
const HEIGHT: u32 = 905;

/// Red from left to right, green downwards: each place has its colour.
fn picture() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| colour(x, y, WIDTH, HEIGHT))
}

fn colour(x: u32, y: u32, width: u32, height: u32) -> image::Rgb<u8> {
    let part = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap();
    image::Rgb([part(x, width), part(y, height), 128])
}

/// The files below `root`, and the paths that were asked for.
pub(crate) async fn serve(root: PathBuf) -> (String, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let noted = log.clone();
    let file = async move |UrlPath(path): UrlPath<String>| -> Response {
        noted.lock().unwrap().push(path.clone());
        match fs::read(root.join(path)) {
            Ok(bytes) => bytes.into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        }
    };
    let base = support::serve(Router::new().route("/{*path}", get(file))).await;
    (base, log)
}

/// Builds the image `name` below `root` with pictures of `width_px`, and gives the picture that was stored, and the
/// paths that were asked for.
async fn built(root: &Path, name: &str, width_px: u32) -> (RgbImage, Vec<String>) {
    let (base, log) = serve(root.to_owned()).await;
    let dir = tempfile::tempdir().unwrap();
    let (csv, data) = (dir.path().join("in.csv"), dir.path().join("data"));
    let url = format!("{base}/{name}");
    fs::write(&csv, format!("iiif_url\n{url}\n")).unwrap();
    let mut options = options(Source::Csv(csv), &data);
    options.delivery = Some(Delivery::Width(width_px.try_into().unwrap()));
    let result = run(options).await;
    assert!(result.is_ok(), "{result:?} {:?}", failures(&data));
    let sizes = fs::read_to_string(data.join("sizes.csv")).unwrap();
    assert!(sizes.contains(",1003,905,"), "{sizes}");
    assert!(sizes.contains(",level0,info"), "{sizes}");
    let stored = fs::read(data.join(format!("images/{}.jpg", image_id(&url)))).unwrap();
    let asked = log.lock().unwrap().clone();
    (image::load_from_memory(&stored).unwrap().to_rgb8(), asked)
}

/// JPEG of each tile loses a little.
fn assert_is_whole(found: &RgbImage, width: u32, height: u32, what: &str) {
    assert_eq!(found.dimensions(), (width, height), "{what}");
    for (x, y, pixel) in found.enumerate_pixels() {
        let expected = colour(x, y, width, height);
        let differs = (0..3).any(|c| pixel[c].abs_diff(expected[c]) > 8);
        assert!(!differs, "{what}, {x},{y}: {pixel:?} is not {expected:?}");
    }
}

async fn assert_comes(root: &Path, name: &str) {
    for (width_px, width, height, n_tiles) in [(640, WIDTH, HEIGHT, 16), (400, 502, 453, 4)] {
        let (picture, asked) = built(root, name, width_px).await;
        assert_is_whole(&picture, width, height, &format!("{name} at {width_px}"));
        let n_asked = asked.iter().filter(|path| !path.contains("/full/")).count();
        // The info.json, one tile that was spelled in the way of another version, and the question whether there is one
        // that shows all.
        assert!(
            (n_tiles + 1..=n_tiles + 3).contains(&n_asked),
            "{name}: {asked:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tiles_of_libvips_are_put_together() {
    if !support::vips() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original.png");
    picture().save(&original).unwrap();
    for layout in ["iiif", "iiif3"] {
        process::run(
            Command::new("vips")
                .current_dir(dir.path())
                .args(["dzsave", "original.png", layout, "--layout", layout])
                .args(["--tile-size", "256"]),
        )
        .ok();
        assert_comes(dir.path(), layout).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tiles_of_iiif_static_are_put_together() {
    let Some(python) = support::python("iiif") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    picture().save(dir.path().join("original.png")).unwrap();
    for version in ["2.1", "3.0"] {
        let script = Path::new(&python).with_file_name("iiif_static.py");
        process::run(
            Command::new(&python)
                .current_dir(dir.path())
                .arg(script)
                .args(["-d", version, "-t", "256", "--api-version", version])
                .args(["--prefix", "http://127.0.0.1", "original.png"]),
        )
        .ok();
        assert_comes(&dir.path().join(version), "original").await;
    }
}

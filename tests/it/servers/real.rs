//! Image servers that others wrote: all that they have is built, and what is asked for is the smallest that the model
//! sees as well as a large picture.

use super::pictures::{self, Picture, Shape};
use super::proxy::{self, Exchange, Log};
use crate::build::{failures, options};
use crate::demo::free_port;
use crate::process::{self, Running, program};
use crate::{encoder, level0, support};
use clip_search::build::options::{Delivery, Source};
use clip_search::build::{self};
use clip_search::collection::Collection;
use clip_search::encoder::Encoder;
use clip_search::image_id::image_id;
use std::fs;
use std::future::pending;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The width that the original service asks for.
const WIDTH_PX: u32 = 640;
/// How much nearer to the full picture a picture of that width may be, on average.
const MARGIN: f32 = 0.01;

/// The pictures of one server in one version of the Image API.
struct Service<'a> {
    /// For the table.
    name: &'a str,
    /// Where it answers, without a path.
    server: &'a str,
    /// What stands before a picture's name, and after it.
    path: [&'a str; 2],
    /// What the whole picture is called; none where the server has none.
    full: Option<&'a str>,
}

/// What a build came to for one picture.
struct Built {
    n_requests: usize,
    n_bytes: usize,
    /// Sides of what is stored.
    sides: (u32, u32),
    cosine: f32,
}

#[tokio::test(flavor = "multi_thread")]
async fn iiif_processor() {
    let Some([node, script]) = support::iiif_processor() else {
        return;
    };
    let (dir, pictures) = folder();
    let mut command = program(&node);
    let (_running, server) = Running::server(command.arg(script).arg(dir.path()));
    for (name, path, full) in [
        ("iiif-processor 2.1", "/iiif/2/", "full/full/0/default.jpg"),
        ("iiif-processor 3.0", "/iiif/3/", "full/max/0/default.jpg"),
    ] {
        let service = Service {
            name,
            server: &server,
            path: [path, ".jpg"],
            full: Some(full),
        };
        compare(&service, &pictures, dir.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_server_of_python() {
    let Some(python) = support::python("iiif,flask") else {
        return;
    };
    let (dir, pictures) = folder();
    let at = dir.path().to_str().unwrap();
    let port = free_port().to_string();
    let script = Path::new(&python).with_file_name("iiif_testserver.py");
    let mut command = program(&python);
    // It writes a file with its process id.
    command.current_dir(at).arg(script);
    command.args(["--host", "127.0.0.1", "--port", &port, "--image-dir", at]);
    let mut running = Running::start(&mut command);
    let server = format!("http://127.0.0.1:{port}");
    until_it_answers(&mut running, &server).await;
    for (version, full) in [
        ("1.1", "full/full/0/native.jpg"),
        ("2.0", "full/full/0/default.jpg"),
        ("2.1", "full/full/0/default.jpg"),
        ("3.0", "full/max/0/default.jpg"),
    ] {
        let service = Service {
            name: &format!("iiif {version}"),
            server: &server,
            path: [&format!("/{version}_pil/"), ""],
            full: Some(full),
        };
        compare(&service, &pictures, dir.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn static_files_of_libvips() {
    if !support::vips() {
        return;
    }
    let (dir, pictures) = folder();
    for layout in ["iiif", "iiif3"] {
        let root = dir.path().join(layout);
        fs::create_dir(&root).unwrap();
        for picture in &pictures {
            let file = dir.path().join(&picture.name).with_extension("jpg");
            let mut command = Command::new("vips");
            command.current_dir(&root).arg("dzsave").arg(file);
            process::run(command.args([&picture.name, "--layout", layout])).ok();
        }
        let (server, _) = level0::serve(root).await;
        let service = Service {
            name: &format!("vips {layout}"),
            server: &server,
            path: ["/", ""],
            full: None,
        };
        compare(&service, &pictures, dir.path()).await;
    }
}

/// A folder with pictures of all shapes.
fn folder() -> (TempDir, Vec<Picture>) {
    let dir = tempfile::tempdir().unwrap();
    let pictures = pictures::write(dir.path());
    (dir, pictures)
}

async fn until_it_answers(running: &mut Running, url: &str) {
    let client = proxy::client();
    while client.get(url).send().await.is_err() {
        assert!(running.is_running(), "the server has ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Builds the pictures both ways, and prints what that brings.
async fn compare(service: &Service<'_>, pictures: &[Picture], files: &Path) {
    let encoder = Arc::new(encoder::demo());
    let short_px = encoder.short_edge_px().unwrap();
    let (base, log) = proxy::serve(service.server).await;
    let [before, after] = service.path;
    let urls: Vec<String> = (pictures.iter())
        .map(|picture| format!("{base}{before}{}{after}", picture.name))
        .collect();
    let full = full_vectors(service, pictures, files, &urls, &*encoder).await;
    let naive = asked_without_knowing(&urls).await;
    log.take();
    let wide = built(
        &urls,
        &full,
        encoder.clone(),
        &log,
        Delivery::Width(WIDTH_PX.try_into().unwrap()),
    )
    .await;
    let smallest = built(&urls, &full, encoder, &log, Delivery::Smallest).await;

    println!(
        "\n{:20} {:22} {:>11} | {:>8} | {:>7} {:>3} {:>9} {:>6} | {:>7} {:>3} {:>9} {:>6} | {:>6}",
        service.name,
        "image",
        "pixels",
        "/640,/",
        "640",
        "n",
        "stored",
        "cosine",
        "small",
        "n",
        "stored",
        "cosine",
        "ratio"
    );
    for (n, picture) in pictures.iter().enumerate() {
        let (wide, smallest) = (&wide[n], &smallest[n]);
        #[expect(clippy::cast_precision_loss, reason = "bytes of pictures")]
        let ratio = wide.n_bytes as f64 / smallest.n_bytes as f64;
        let sides = |(width, height): (u32, u32)| format!("{width}x{height}");
        println!(
            "{:20} {:22} {:>11} | {:>8} | {:>7} {:>3} {:>9} {:.4} | {:>7} {:>3} {:>9} {:.4} | {:>6.2}",
            "",
            picture.name,
            sides((picture.width, picture.height)),
            naive[n].map_or_else(|| "-".to_owned(), |n_bytes| n_bytes.to_string()),
            wide.n_bytes,
            wide.n_requests,
            sides(wide.sides),
            wide.cosine,
            smallest.n_bytes,
            smallest.n_requests,
            sides(smallest.sides),
            smallest.cosine,
            ratio
        );
        let short = smallest.sides.0.min(smallest.sides.1);
        let own = picture.width.min(picture.height);
        assert!(
            short >= short_px.min(own),
            "{}: {:?}",
            picture.name,
            smallest.sides
        );
        // 640 pixels of a scroll are 43 pixels high, which is not enough.
        let is_less = smallest.n_bytes <= wide.n_bytes || picture.shape == Shape::Scroll;
        assert!(
            is_less,
            "{}: {} bytes, not {}",
            picture.name, smallest.n_bytes, wide.n_bytes
        );
    }
    let mean = |all: &[Built]| {
        let ordinary = (all.iter().zip(pictures))
            .filter(|(_, picture)| picture.shape.is_ordinary())
            .map(|(built, _)| built.cosine);
        let (sum, n) = ordinary.fold((0.0, 0.0), |(sum, n), cosine| (sum + cosine, n + 1.0));
        sum / n
    };
    let (of_wide, of_smallest) = (mean(&wide), mean(&smallest));
    let total = |all: &[Built]| all.iter().map(|built| built.n_bytes).sum::<usize>();
    println!(
        "{:20} mean of the ordinary: {of_wide:.5} and {of_smallest:.5}; bytes of all: {} and {}",
        "",
        total(&wide),
        total(&smallest)
    );
    assert!(
        of_smallest >= of_wide - MARGIN,
        "{of_smallest} is not near {of_wide}"
    );
    assert!(total(&smallest) < total(&wide));
}

/// The vectors of the pictures in full size, as the server gives them, or else as its files are.
async fn full_vectors(
    service: &Service<'_>,
    pictures: &[Picture],
    files: &Path,
    urls: &[String],
    encoder: &dyn Encoder,
) -> Vec<Vec<f32>> {
    let client = proxy::client();
    let mut vectors = Vec::new();
    for (picture, url) in pictures.iter().zip(urls) {
        let bytes = match service.full {
            Some(full) => {
                let answer = client.get(format!("{url}/{full}")).send().await.unwrap();
                answer
                    .error_for_status()
                    .unwrap()
                    .bytes()
                    .await
                    .unwrap()
                    .to_vec()
            }
            None => fs::read(files.join(&picture.name).with_extension("jpg")).unwrap(),
        };
        let pixels = encoder.preprocess(&bytes).unwrap();
        let embedding = encoder.encode_images(&[pixels]).unwrap().remove(0);
        vectors.push(embedding.as_slice().to_vec());
    }
    vectors
}

/// The bytes of `/full/640,/0/default.jpg`, where the server answers with a picture.
async fn asked_without_knowing(urls: &[String]) -> Vec<Option<usize>> {
    let client = proxy::client();
    let mut all = Vec::new();
    for url in urls {
        let url = format!("{url}/full/{WIDTH_PX},/0/default.jpg");
        let answer = client.get(url).send().await.unwrap();
        all.push(match answer.status().is_success() {
            true => Some(answer.bytes().await.unwrap().len()),
            false => None,
        });
    }
    all
}

/// What a build of the images at `urls` brings, in their order.
async fn built(
    urls: &[String],
    full: &[Vec<f32>],
    encoder: Arc<dyn Encoder>,
    log: &Log,
    delivery: Delivery,
) -> Vec<Built> {
    let dir = tempfile::tempdir().unwrap();
    let (csv, data) = (dir.path().join("in.csv"), dir.path().join("data"));
    fs::write(&csv, format!("iiif_url\n{}\n", urls.join("\n"))).unwrap();
    let mut options = options(Source::Csv(csv), &data);
    options.delivery = Some(delivery);
    let summary = build::run(options, encoder, pending()).await.unwrap();
    assert_eq!(summary.encoded, urls.len(), "{:?}", failures(&data));
    let asked = log.take();
    let collection = Collection::open(&data).unwrap();
    (urls.iter().zip(full))
        .map(|(url, full)| {
            let path = url::Url::parse(url).unwrap().path().to_owned() + "/";
            let of_image = |exchange: &&Exchange| exchange.path.starts_with(&path);
            let asked: Vec<&Exchange> = asked.iter().filter(of_image).collect();
            let stored = data.join(format!("images/{}.jpg", image_id(url)));
            let stored = image::load_from_memory(&fs::read(stored).unwrap()).unwrap();
            let vector = collection
                .features()
                .row(collection.row_of_url(url).unwrap());
            Built {
                n_requests: asked.len(),
                n_bytes: asked.iter().map(|exchange| exchange.n_bytes).sum(),
                sides: (stored.width(), stored.height()),
                cosine: vector.iter().zip(full).map(|(a, b)| a * b).sum(),
            }
        })
        .collect()
}

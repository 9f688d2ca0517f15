//! How large images are: what `build` learns from info.json or from the picture, and what it costs.

use crate::build::{failures, files, options, run};
use crate::process::{self, clip_search};
use crate::support::{self, TinyEncoder};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};
use clip_search::build::limit::Limit;
use clip_search::build::merge::{self, MergeOptions};
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::shard::Shard;
use clip_search::build::{self, Outcome};
use clip_search::collection::Collection;
use clip_search::collection::report::{self, SizeCounts};
use clip_search::collection::sizes::{
    ApiVersion, ImageService, ImageSize, Largest, Measured, Profile,
};
use clip_search::features::sum::Sum;
use clip_search::iiif::tiles::Spelling;
use clip_search::image_id::image_id;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server of pictures of 64 x 48 pixels whose services are all of one kind, and a folder to build in.
struct Host {
    dir: TempDir,
    base: String,
    /// Requests, as image and what is asked of it.
    log: Arc<Mutex<Vec<[String; 2]>>>,
}

/// The picture that a server delivers.
type Picture = Arc<Vec<u8>>;

#[derive(Clone)]
struct Serving {
    kind: &'static str,
    picture: Picture,
    log: Arc<Mutex<Vec<[String; 2]>>>,
}

fn picture() -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    support::picture(1, 64, 48)
        .write_with_encoder(encoder)
        .unwrap();
    jpeg
}

async fn answer(
    State(serving): State<Serving>,
    UrlPath((image, request)): UrlPath<(String, String)>,
) -> Response {
    let n_before = {
        let mut log = serving.log.lock().unwrap();
        let asked = [image.clone(), request.clone()];
        let n_before = log.iter().filter(|before| **before == asked).count();
        log.push(asked);
        n_before
    };
    match (request.as_str(), serving.kind) {
        ("full/640,/0/default.jpg", "level0") => StatusCode::NOT_FOUND.into_response(),
        ("full/640,/0/default.jpg" | "full/800,600/0/default.jpg", _) => {
            serving.picture.to_vec().into_response()
        }
        ("info.json", kind) => info(kind, &image, n_before).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn info(kind: &str, image: &str, n_before: usize) -> Response {
    let json = |text: String| ([(header::CONTENT_TYPE, "application/json")], text).into_response();
    let sized = |width: &str| json(format!(r#"{{"width": {width}, "height": 3000}}"#));
    match kind {
        "version 1" => json(
            r#"{"@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json", "@id": "x", "width": 6000, "height": 4000,
                "profile": "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1"}"#
                .to_owned(),
        ),
        "version 2" => json(
            r#"{"@context": "http://iiif.io/api/image/2/context.json", "@id": "x", "protocol": "http://iiif.io/api/image",
                "width": 6000, "height": 4000, "profile": ["http://iiif.io/api/image/2/level2.json", {"formats": ["png"]}]}"#
                .to_owned(),
        ),
        "flaky" if n_before == 0 => StatusCode::BAD_GATEWAY.into_response(),
        "limited" if n_before == 0 => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()
        }
        "version 3" | "flaky" | "limited" => json(
            r#"{"@context": "http://iiif.io/api/image/3/context.json", "id": "x", "type": "ImageService3",
                "protocol": "http://iiif.io/api/image", "width": 6000, "height": 4000, "profile": "level2"}"#
                .to_owned(),
        ),
        "level0" => json(
            r#"{"@context": "http://iiif.io/api/image/3/context.json", "type": "ImageService3", "profile": "level0",
                "width": 1600, "height": 1200, "sizes": [{"width": 400, "height": 300}, {"width": 800, "height": 600}]}"#
                .to_owned(),
        ),
        // Every second image.
        "some" if image.ends_with(['1', '3', '5', '7', '9']) => StatusCode::NOT_FOUND.into_response(),
        "some" => sized("4000"),
        "html" => ([(header::CONTENT_TYPE, "text/html")], "<html>Welcome</html>").into_response(),
        "picture" => picture().into_response(),
        "huge" => json(format!(r#"{{"width": 4000, "height": 3000, "x": "{}"}}"#, "x".repeat(1 << 20))),
        "negative" => sized("-4000"),
        "zero" => sized("0"),
        "text" => sized("\"4000\""),
        "beyond" => sized("2147483648"),
        "login" => StatusCode::UNAUTHORIZED.into_response(),
        "broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "busy" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "hour" => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3600")]).into_response(),
        "hang" => std::future::pending().await,
        "cut" => {
            let pieces = [
                Ok(Bytes::from_static(br#"{"width": 4000, "#)),
                Err(std::io::Error::other("cut")),
            ];
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Host {
    async fn new(kind: &'static str) -> Self {
        Self::of(kind, picture()).await
    }

    async fn of(kind: &'static str, picture: Vec<u8>) -> Self {
        let log = Arc::<Mutex<Vec<_>>>::default();
        let router = Router::new()
            .route("/{image}/{*request}", get(answer))
            .with_state(Serving {
                kind,
                picture: Arc::new(picture),
                log: log.clone(),
            });
        Self {
            dir: tempfile::tempdir().unwrap(),
            base: support::serve(router).await,
            log,
        }
    }

    fn url(&self, n: usize) -> String {
        format!("{}/image-{n}", self.base)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What builds images 0 to `n_images` of this host.
    fn options(&self, n_images: usize) -> BuildOptions {
        let csv = self.dir.path().join("in.csv");
        let rows: String = (0..n_images).map(|n| self.url(n) + "\n").collect();
        fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
        let mut options = options(Source::Csv(csv), &self.data());
        options.network.image_timeout = Duration::from_secs(1);
        options
    }

    async fn build(&self, n_images: usize) {
        let summary = run(self.options(n_images)).await.unwrap();
        let failures = failures(&self.data());
        assert_eq!(summary.outcome, Outcome::Finished, "{failures:?}");
        assert_eq!(failures.len(), 0, "{failures:?}");
    }

    fn collection(&self) -> Collection {
        Collection::open(&self.data()).unwrap()
    }

    /// Requests for info.json, and for pictures, since the last call.
    fn requests(&self) -> (usize, usize) {
        let log = std::mem::take(&mut *self.log.lock().unwrap());
        let n_info = log.iter().filter(|[_, of]| of == "info.json").count();
        (n_info, log.len() - n_info)
    }
}

fn size(
    width: u64,
    height: u64,
    measured: Measured,
    service: Option<(ApiVersion, Profile)>,
) -> Option<ImageSize> {
    let service = service.map(|(version, profile)| ImageService {
        version,
        profile: Some(profile),
    });
    ImageSize::new(width, height, measured, service)
}

fn delivered() -> Option<ImageSize> {
    size(64, 48, Measured::Delivered, None)
}

fn sizes_csv(data: &Path) -> String {
    fs::read_to_string(data.join("sizes.csv")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_is_that_of_the_original_whatever_the_version() {
    for (kind, cells, version, profile) in [
        (
            "version 1",
            "6000,4000,1,level1",
            ApiVersion::V1,
            Profile::Level1,
        ),
        (
            "version 2",
            "6000,4000,2,level2",
            ApiVersion::V2,
            Profile::Level2,
        ),
        (
            "version 3",
            "6000,4000,3,level2",
            ApiVersion::V3,
            Profile::Level2,
        ),
        (
            "level0",
            "1600,1200,3,level0",
            ApiVersion::V3,
            Profile::Level0,
        ),
        // Answered when asked again.
        (
            "flaky",
            "6000,4000,3,level2",
            ApiVersion::V3,
            Profile::Level2,
        ),
        (
            "limited",
            "6000,4000,3,level2",
            ApiVersion::V3,
            Profile::Level2,
        ),
    ] {
        let host = Host::new(kind).await;
        host.build(2).await;
        let [first, second] = [0, 1].map(|n| image_id(&host.url(n)));
        // The file that it has, as it calls it.
        let largest = match kind {
            "level0" => "info,800,600,full-wh",
            _ => "info,,,",
        };
        assert_eq!(
            sizes_csv(&host.data()),
            format!(
                "image_id,width,height,version,profile,measured,max_width,max_height,request\n{first},{cells},{largest}\n{second},{cells},{largest}\n"
            ),
            "{kind}"
        );
        let collection = host.collection();
        let (width, height) = match kind {
            "level0" => (1600, 1200),
            _ => (6000, 4000),
        };
        let file = (kind == "level0").then(|| Largest {
            width: 800.try_into().unwrap(),
            height: 600.try_into().unwrap(),
            file: Some(Spelling::FullWidthAndHeight),
        });
        let expected = size(width, height, Measured::Info, Some((version, profile)));
        let expected = expected.map(|size| size.with_largest(file));
        assert_eq!([0, 1].map(|row| collection.size(row)), [expected; 2]);
        // Level 0 has to be asked for its sizes before the picture comes, and is not asked a second time.
        let n_again = usize::from(["flaky", "limited"].contains(&kind));
        let (n_info, _) = host.requests();
        assert_eq!(n_info, 2 * (1 + n_again), "{kind}");
        host.build(2).await;
        assert_eq!(host.requests(), (0, 0), "{kind}: all is known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_info_json_the_size_is_that_of_the_picture() {
    const N_IMAGES: usize = 12;
    for kind in [
        "none", "html", "picture", "huge", "negative", "zero", "text", "beyond", "login", "broken",
        "busy", "hour", "hang", "cut",
    ] {
        let host = Host::new(kind).await;
        let begun = Instant::now();
        let mut options = host.options(N_IMAGES);
        options.threads = 2.try_into().unwrap();
        let summary = run(options).await.unwrap();
        assert_eq!(summary.encoded, N_IMAGES, "{kind}");
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "{kind}: {:?}",
            begun.elapsed()
        );
        let collection = host.collection();
        for row in 0..N_IMAGES {
            assert_eq!(collection.size(row), delivered(), "{kind}");
        }
        // Five images, the one that is asked for at the same time, and what is tried again for each.
        let (n_info, n_pictures) = host.requests();
        assert!((1..=6 * 3).contains(&n_info), "{kind}: {n_info}");
        assert_eq!(n_pictures, N_IMAGES, "{kind}");
        // The next build finds the same, and again gives up soon.
        let before = files(&host.data());
        host.build(N_IMAGES).await;
        assert_eq!(files(&host.data()), before, "{kind}");
        let (n_info, n_pictures) = host.requests();
        assert!(n_info <= N_IMAGES * 3, "{kind}: {n_info}");
        assert_eq!(n_pictures, 0, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_knows_some_images_is_asked_for_all_of_them_once() {
    let host = Host::new("some").await;
    let mut options = host.options(10);
    options.threads = std::num::NonZeroUsize::MIN;
    run(options).await.unwrap();
    assert_eq!(host.requests(), (10, 10));
    let collection = host.collection();
    for row in 0..10 {
        let expected = match row % 2 {
            0 => size(4000, 3000, Measured::Info, None),
            _ => delivered(),
        };
        assert_eq!(collection.size(row), expected, "{row}");
    }
    host.build(10).await;
    assert_eq!(host.requests(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_build_asks_for_no_size_twice_and_ends_with_the_same_bytes() {
    const N_IMAGES: usize = 30;
    for kind in ["version 2", "some"] {
        let host = Host::new(kind).await;
        let mut options = host.options(N_IMAGES);
        options.threads = std::num::NonZeroUsize::MIN;
        run(options.clone()).await.unwrap();
        let expected = files(&host.data());
        assert!(expected["sizes.csv"].len() > 30 * 40);
        fs::remove_dir_all(host.data()).unwrap();
        host.requests();

        let log = host.log.clone();
        let n_before = |n: usize| {
            let log = log.clone();
            async move {
                while log.lock().unwrap().len() < n {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        let mut n_interrupted = 0;
        for n_requests in [7, 16, 25, 34, 43] {
            let encoder = Arc::new(TinyEncoder);
            let summary = build::run(options.clone(), encoder, n_before(n_requests))
                .await
                .unwrap();
            n_interrupted += usize::from(summary.outcome == Outcome::Interrupted);
        }
        assert!(n_interrupted >= 3, "{n_interrupted}");
        run(options).await.unwrap();
        assert_eq!(files(&host.data()), expected, "{kind}");
        let mut n_asked = BTreeMap::<String, usize>::new();
        for [image, request] in host.log.lock().unwrap().iter() {
            if request == "info.json" {
                *n_asked.entry(image.clone()).or_default() += 1;
            }
        }
        // What was under way when the build was stopped did not become known.
        let n_again = n_asked.values().filter(|n| **n > 1).count();
        assert!(
            n_asked.len() == N_IMAGES && n_again <= n_interrupted,
            "{n_asked:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_if_the_operator_says_so() {
    let host = Host::new("version 3").await;
    let mut options = host.options(4);
    options.asks_info = false;
    run(options.clone()).await.unwrap();
    assert_eq!(host.requests(), (0, 4));
    assert_eq!(host.collection().size(3), delivered());
    run(options).await.unwrap();
    assert_eq!(host.requests(), (0, 0));
    // Once it may, the next build asks, and fetches no picture for that.
    host.build(4).await;
    assert_eq!(host.requests(), (4, 0));
    let service = Some((ApiVersion::V3, Profile::Level2));
    assert_eq!(
        host.collection().size(3),
        size(6000, 4000, Measured::Info, service)
    );
}

/// Takes away what earlier versions did not write.
fn make_old(data: &Path) {
    fs::remove_file(data.join("sizes.csv")).unwrap();
    fs::remove_file(data.join("features/sizes.journal")).unwrap();
    let path = data.join("features/features.json");
    let mut identity: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let sums = identity["blake2b_256"].as_object_mut().unwrap();
    assert!(sums.remove("sizes.csv").is_some());
    fs::write(&path, identity.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_an_earlier_version_works_and_gets_its_sizes_from_the_next_build() {
    let host = Host::new("version 2").await;
    host.build(3).await;
    let new = files(&host.data());
    make_old(&host.data());
    assert_eq!(host.collection().size(0), None);
    let report = report::inspect(&host.data(), None);
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.counts.unwrap().sizes, None);
    host.requests();
    host.build(3).await;
    assert_eq!(host.requests(), (3, 0));
    assert_eq!(files(&host.data()), new);

    // Nobody answers, and one of the downloads is gone.
    let host = Host::new("none").await;
    host.build(3).await;
    make_old(&host.data());
    let gone = image_id(&host.url(1));
    fs::remove_file(host.data().join(format!("images/{gone}.jpg"))).unwrap();
    host.build(3).await;
    let collection = host.collection();
    assert_eq!(
        [0, 1, 2].map(|row| collection.size(row)),
        [delivered(), None, delivered()]
    );
    assert!(sizes_csv(&host.data()).contains(&format!("\n{gone},,,,,,,,\n")));
}

/// First bytes of a hash, which a file of records has after each of them.
fn check(salt: &[u8], content: &[u8]) -> Vec<u8> {
    let hash = Blake2b::<U20>::new()
        .chain_update(salt)
        .chain_update(content);
    hash.finalize()[..8].to_vec()
}

/// Makes a shard one of a version that did not know what servers give at most: neither `sizes.csv` nor the journal has
/// it.
fn make_older(shard: &Path) {
    let path = shard.join("features/sizes.journal");
    let journal = fs::read(&path).unwrap();
    let requested = &journal[8..12];
    let header = [b"CLIPSIZ1", requested].concat();
    let mut old = [header.as_slice(), &check(requested, &header)].concat();
    for record in journal[20..].chunks_exact(41 + 8) {
        let content = &record[..32];
        old.extend([content, &check(requested, content)].concat());
    }
    assert!(old.len() > 20, "it has records");
    fs::write(path, old).unwrap();

    let csv: String = (sizes_csv(shard).lines())
        .map(|line| line.split(',').take(6).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    fs::write(shard.join("sizes.csv"), &csv).unwrap();
    let replace_sum = |name: &str, of: &str, content: &[u8], pointer: &str| {
        let path = shard.join(name);
        let mut json: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let sums = json.pointer_mut(pointer).unwrap();
        assert!(sums[of].is_string(), "{json}");
        sums[of] = Sum::of(content).to_string().into();
        let text = json.to_string();
        fs::write(path, &text).unwrap();
        text
    };
    let (identity, sums) = ("features/features.json", "/blake2b_256");
    let text = replace_sum(identity, "sizes.csv", csv.as_bytes(), sums);
    let sums = "/built/blake2b_256";
    replace_sum("shard.json", identity, text.as_bytes(), sums);
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_earlier_versions_are_merged_with_what_they_know() {
    // So many that no shard is empty.
    const N_IMAGES: usize = 40;
    for kind in ["version 2", "level0"] {
        let host = Host::new(kind).await;
        let options_in = |folder: &str| {
            let mut options = host.options(N_IMAGES);
            options.data_dir = host.dir.path().join(folder);
            options
        };
        let single = options_in("single");
        run(single.clone()).await.unwrap();
        let mut shards = Vec::new();
        let mut n_rows = Vec::new();
        for shard in Shard::all(3.try_into().unwrap()) {
            let mut options = options_in(&format!("shard-{}", shard.number()));
            options.shard = Some(shard);
            run(options.clone()).await.unwrap();
            n_rows.push(sizes_csv(&options.data_dir).lines().count() - 1);
            shards.push(options.data_dir);
        }
        assert!(n_rows.iter().all(|n| *n > 0), "{n_rows:?}");
        // One of this version, one of an earlier, and one of which only the collection was copied.
        make_older(&shards[1]);
        fs::remove_file(shards[2].join("features/sizes.journal")).unwrap();
        let out = options_in("out");
        merge::run(&MergeOptions {
            data_dir: out.data_dir.clone(),
            shards: shards.clone(),
            with_images: false,
            max_failures: Limit::Percent(0.0),
        })
        .unwrap();
        let sizes = sizes_csv(&out.data_dir);
        let is_whole = sizes.lines().all(|line| line.split(',').count() == 9);
        assert!(is_whole, "{sizes}");
        if kind == "version 2" {
            assert!(files(&out.data_dir) == files(&single.data_dir), "{sizes}");
        }
        // What is not known is asked for: of files in fixed sizes which there are.
        host.requests();
        run(out.clone()).await.unwrap();
        let (n_info, _) = host.requests();
        let n_asked = match kind {
            "version 2" => n_rows[2],
            _ => n_rows[1] + n_rows[2],
        };
        assert_eq!(n_info, n_asked, "{kind}: {n_rows:?}");
        assert!(files(&out.data_dir) == files(&single.data_dir), "{kind}");
        run(out).await.unwrap();
        assert_eq!(host.requests(), (0, 0), "{kind}: all is known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_counts_sizes_and_finds_those_that_were_replaced() {
    let host = Host::new("some").await;
    let mut options = host.options(5);
    options.threads = std::num::NonZeroUsize::MIN;
    run(options).await.unwrap();
    let data = host.data();
    let inspect = |more: &[&str]| {
        let mut command = clip_search(&["inspect", "--data-dir", data.to_str().unwrap()]);
        process::run(command.args(more)).ok()
    };
    let text = inspect(&[]);
    let line = "  sizes       3 from info.json, 2 of the picture that was delivered, 0 unknown\n";
    assert!(text.contains(line), "{text}");
    assert!(text.ends_with("no problems found\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&inspect(&["--json"])).unwrap();
    assert_eq!(
        json["collection"]["sizes"],
        serde_json::json!({"info": 3, "delivered": 2, "unknown": 0})
    );

    // A size that is as good as the other, but was not written by the build.
    let path = data.join("sizes.csv");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("4000,3000", "4001,3000")).unwrap();
    let text = inspect(&[]);
    for words in [
        "  sizes       unknown",
        "problem: ",
        "sizes.csv is not the file that",
        "until `clip-search build` is run again",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(host.collection().size(0), None);
    fs::remove_file(&path).unwrap();
    let text = inspect(&[]);
    assert!(text.contains("  sizes       unknown;"), "{text}");
    assert!(text.ends_with("no problems found\n"), "{text}");
    assert_eq!(host.collection().len(), 5);
    run(host.options(5)).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    let counts = report::inspect(&data, None).counts.unwrap();
    let expected = SizeCounts {
        info: 3,
        delivered: 2,
        unknown: 0,
    };
    assert_eq!(counts.sizes, Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_on_its_side_is_measured_upright() {
    let name = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/images/rotated-by-exif.jpg"
    );
    let bytes = fs::read(name).unwrap();
    let stored = image::load_from_memory(&bytes).unwrap();
    assert_ne!(stored.width(), stored.height());
    let host = Host::of("none", bytes).await;
    host.build(1).await;
    let upright = size(
        stored.height().into(),
        stored.width().into(),
        Measured::Delivered,
        None,
    );
    assert_eq!(host.collection().size(0), upright);
}

/// Files behind plain URLs, where whatever follows the name is ignored, and where it is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_without_a_service_has_the_size_in_which_it_came() {
    let plain = Router::new()
        .route("/lax/{name}/{*more}", get(async || picture()))
        .route("/strict/{name}", get(async || picture()));
    let base = support::serve(plain).await;
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("in.csv");
    fs::write(
        &csv,
        format!("iiif_url\n{base}/lax/a.jpg\n{base}/strict/a.jpg\n"),
    )
    .unwrap();
    let data = dir.path().join("data");
    let summary = run(options(Source::Csv(csv), &data)).await.unwrap();
    assert_eq!(summary.encoded, 2);
    let collection = Collection::open(&data).unwrap();
    for row in 0..2 {
        assert_eq!(collection.size(row), delivered());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_whether_to_ask() {
    let host = Host::new("version 3").await;
    host.options(1);
    let (csv, data) = (host.dir.path().join("in.csv"), host.data());
    for (choice, expected) in [
        ("no", "64,48,,,delivered"),
        ("yes", "6000,4000,3,level2,info"),
    ] {
        let (csv, data) = (csv.clone(), data.clone());
        let build = move || {
            let mut command = clip_search(&["build", "--mode", "CSV", "--image-info", choice]);
            command
                .arg("--csv-file")
                .arg(&csv)
                .arg("--data-dir")
                .arg(&data);
            command.args(["--model", &crate::world::model()]);
            process::run(&mut command).ok()
        };
        tokio::task::spawn_blocking(build).await.unwrap();
        let text = sizes_csv(&host.data());
        assert!(text.contains(expected), "{text}");
    }
}

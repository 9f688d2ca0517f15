//! `clip-search build`, from a table or an endpoint to the files of a collection.

use crate::process::{self, Running};
use crate::support::{self, ImagesBy, Numbers, TINY_WIDTH, TinyEncoder};
use crate::{encoder, world};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use clip_search::build::failures::Stage;
use clip_search::build::limit::Limit;
use clip_search::build::options::{BuildOptions, Delivery, Source};
use clip_search::build::{self, BuildSummary, Outcome};
use clip_search::collection::Collection;
use clip_search::embedding::{Embedding, EmbeddingError};
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels, model};
use clip_search::features::npy::Precision;
use clip_search::http::iiif::iiif_router;
use clip_search::image_id::image_id;
use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};

/// A folder of images behind a IIIF server that counts, and a data directory to build into.
pub(crate) struct Fixture {
    dir: TempDir,
    base: String,
    n_requests: Arc<AtomicUsize>,
    /// The number of each request as it comes in.
    pub(crate) requests: mpsc::UnboundedReceiver<usize>,
    /// Lets requests through; without a permit they wait.
    gate: Arc<Mutex<Arc<Semaphore>>>,
}

impl Fixture {
    pub(crate) async fn new(n_images: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let images = dir.path().join("pictures");
        fs::create_dir(&images).unwrap();
        support::write_pictures(&images, n_images);
        let n_requests = Arc::new(AtomicUsize::new(0));
        let (sender, requests) = mpsc::unbounded_channel();
        let gate = Arc::new(Mutex::new(Arc::new(Semaphore::new(Semaphore::MAX_PERMITS))));
        let (count, current) = (n_requests.clone(), gate.clone());
        let router = iiif_router(images, None).layer(axum::middleware::map_request(
            move |request: axum::extract::Request| {
                let _ = sender.send(1 + count.fetch_add(1, Ordering::SeqCst));
                let gate = current.lock().unwrap().clone();
                async move {
                    gate.acquire().await.unwrap().forget();
                    request
                }
            },
        ));
        let base = support::serve(router).await;
        Self {
            dir,
            base,
            n_requests,
            requests,
            gate,
        }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn url(&self, n: usize) -> String {
        format!("{}/image-{n:03}.jpg", self.base)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A CSV file with a title and the URLs in reverse order, so that order is not that of names.
    pub(crate) fn csv(&self, n_images: usize) -> PathBuf {
        self.csv_named("input.csv", n_images)
    }

    /// As [`Self::csv`], in a file of its own.
    pub(crate) fn csv_named(&self, name: &str, n_images: usize) -> PathBuf {
        let mut text = "title,iiif_url\n".to_owned();
        for n in (0..n_images).rev() {
            text.push_str(&format!("\"Image, {n}\",{}\n", self.url(n)));
        }
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn csv_of(&self, text: &str) -> PathBuf {
        let path = self.path("input.csv");
        fs::write(&path, text).unwrap();
        path
    }

    /// Lets this many requests through, and forgets those that came before.
    pub(crate) fn let_through(&mut self, n_requests: usize) {
        while self.requests.try_recv().is_ok() {}
        *self.gate.lock().unwrap() = Arc::new(Semaphore::new(n_requests));
    }

    pub(crate) fn options(&self, csv: &Path, data: &str) -> BuildOptions {
        options(Source::Csv(csv.to_owned()), &self.path(data))
    }
}

/// The defaults, without the pauses that are meant for servers far away.
pub(crate) fn options(source: Source, data: &Path) -> BuildOptions {
    let mut options = BuildOptions::new(source, data.to_owned());
    options.network.retry_pause = Duration::from_millis(1);
    options
}

pub(crate) async fn run(options: BuildOptions) -> anyhow::Result<BuildSummary> {
    build::run(options, Arc::new(TinyEncoder), pending()).await
}

/// What readers see, byte for byte, and `failures.csv`.
pub(crate) fn files(data: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    [
        "images.csv",
        "features/features.npy",
        "features/imageIds.csv",
        "features/features.json",
        "sizes.csv",
        "failures.csv",
    ]
    .into_iter()
    .map(|name| (name, fs::read(data.join(name)).unwrap_or_default()))
    .collect()
}

pub(crate) fn failures(data: &Path) -> Vec<[String; 4]> {
    csv::Reader::from_path(data.join("failures.csv"))
        .unwrap()
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_becomes_a_collection() {
    let fixture = Fixture::new(12).await;
    let summary = run(fixture.options(&fixture.csv(12), "data"))
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Finished);
    assert_eq!(
        (
            summary.rows,
            summary.images,
            summary.encoded,
            summary.reused
        ),
        (12, 12, 12, 0)
    );
    let collection = Collection::open(&fixture.path("data")).unwrap();
    assert_eq!(
        (collection.len(), collection.features().width()),
        (12, TINY_WIDTH)
    );
    for row in 0..12 {
        let url = fixture.url(11 - row);
        assert_eq!(collection.url(row), url);
        assert_eq!(collection.id(row), image_id(&url));
        // What the server gives out is what was embedded.
        let bytes = fs::read(fixture.path(&format!("data/images/{}.jpg", image_id(&url)))).unwrap();
        let pixels = TinyEncoder.preprocess(&bytes).unwrap();
        let expected = TinyEncoder.encode_images(&[pixels]).unwrap();
        assert_eq!(collection.features().row(row), expected[0].as_slice());
    }
    let images = fs::read_to_string(fixture.path("data/images.csv")).unwrap();
    let first = format!(
        "\"Image, 11\",{},{}\n",
        fixture.url(11),
        image_id(&fixture.url(11))
    );
    assert!(
        images.starts_with(&format!("title,iiif_url,localIdentifier\n{first}")),
        "{images}"
    );
    assert!(failures(&fixture.path("data")).is_empty());
    let leftovers: Vec<_> = walk(&fixture.path("data"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "part"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_the_iiif_server_is_an_input() {
    let fixture = Fixture::new(3).await;
    let images = fixture.path("pictures");
    fs::create_dir(images.join("Zürich & more")).unwrap();
    support::picture(9, 700, 500)
        .save(images.join("Zürich & more/a lake.png"))
        .unwrap();
    let csv = reqwest_text(&format!("{}/images.csv", fixture.base)).await;
    let summary = run(fixture.options(&fixture.csv_of(&csv), "data"))
        .await
        .unwrap();
    assert_eq!((summary.outcome, summary.encoded), (Outcome::Finished, 4));
    let collection = Collection::open(&fixture.path("data")).unwrap();
    let url = format!("{}/Z%C3%BCrich%20%26%20more%2Fa%20lake.png", fixture.base);
    assert!(collection.row_of_url(&url).is_some());
    let bytes = fs::read(fixture.path(&format!("data/images/{}.jpg", image_id(&url)))).unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().width(), 640);
}

#[tokio::test(flavor = "multi_thread")]
async fn real_photographs_are_built() {
    let Some(photographs) = support::shared("images") else {
        return;
    };
    let base = support::serve(iiif_router(photographs, None)).await;
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("in.csv");
    let list = reqwest_text(&format!("{base}/images.csv")).await;
    fs::write(&csv, &list).unwrap();
    let summary = run(options(Source::Csv(csv), &dir.path().join("data")))
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Finished, "{summary}");
    assert!(summary.failed.is_empty(), "{summary}");
    assert_eq!(summary.encoded, list.lines().count() - 1);
    assert!(summary.encoded >= 30, "{summary}");
}

async fn reqwest_text(url: &str) -> String {
    let client = clip_search::net::client_builder().build().unwrap();
    client.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn numpy_and_pandas_read_what_is_written() {
    let Some(python) = support::python("numpy, pandas") else {
        return;
    };
    let fixture = Fixture::new(5).await;
    for (precision, dtype) in [
        (Precision::F16, "float16"),
        (Precision::F32, "float32"),
        (Precision::F64, "float64"),
    ] {
        let mut options = fixture.options(&fixture.csv(5), "data");
        options.precision = precision;
        run(options).await.unwrap();
        let script = format!(
            r#"
import io, sys, hashlib, numpy as np, pandas as pd
data = sys.argv[1]
features = np.load(data + "/features/features.npy")
assert features.shape == (5, {TINY_WIDTH}) and features.dtype == np.{dtype}, features.dtype
assert features.flags["C_CONTIGUOUS"]
norms = np.linalg.norm(features.astype("float64"), axis=1)
assert np.allclose(norms, 1, atol=1e-3), norms
again = io.BytesIO()
np.save(again, features)
assert again.getvalue() == open(data + "/features/features.npy", "rb").read(), "not as numpy.save"
ids = pd.read_csv(data + "/features/imageIds.csv")
assert list(ids.columns) == ["image_id"]
images = pd.read_csv(data + "/images.csv")
assert list(images.columns) == ["title", "iiif_url", "localIdentifier"]
assert list(images["localIdentifier"]) == list(ids["image_id"])
for url, id in zip(images["iiif_url"], images["localIdentifier"]):
    assert hashlib.blake2b(url.encode(), digest_size=20).hexdigest() == id
failures = pd.read_csv(data + "/failures.csv")
assert list(failures.columns) == ["row", "url", "stage", "reason"] and len(failures) == 0
for rows, columns in [(0, 512), (1, 1), (9, 3), (27958, 512), (10**12, 768)]:
    print(rows, columns)
"#
        );
        let output = Command::new(&python)
            .args(["-c", &script])
            .arg(fixture.path("data"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(
        fixture.n_requests.load(Ordering::SeqCst),
        15,
        "width refused, then whole, and info.json; once each"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_those_of_numpy() {
    let Some(python) = support::python("numpy, pandas") else {
        return;
    };
    let script = "
import io, sys, numpy as np
from numpy.lib import format
for line in sys.stdin:
    descr, rows, columns = line.split()
    out = io.BytesIO()
    format.write_array_header_1_0(out, {'descr': descr, 'fortran_order': False, 'shape': (int(rows), int(columns))})
    print(out.getvalue().hex())
";
    let mut cases = Vec::new();
    for precision in [Precision::F16, Precision::F32, Precision::F64] {
        for rows in [0, 1, 9, 10, 27_958, 99_999_999, 1 << 40] {
            for columns in [0, 1, 16, 512, 768, 1 << 40] {
                cases.push((precision, rows, columns));
            }
        }
    }
    let input: String = cases
        .iter()
        .map(|(precision, rows, columns)| {
            format!("<f{} {rows} {columns}\n", precision.size_bytes())
        })
        .collect();
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let expected = String::from_utf8(output.stdout).unwrap();
    assert_eq!(expected.lines().count(), cases.len());
    for ((precision, rows, columns), expected) in cases.into_iter().zip(expected.lines()) {
        let header = clip_search::features::npy::header(rows, columns, precision);
        assert_eq!(
            clip_search::image_id::hex(&header),
            expected,
            "{precision:?} {rows} {columns}"
        );
    }
}

/// How the endpoint of a test answers.
#[derive(Clone)]
struct Endpoint {
    media_type: &'static str,
    body: Arc<str>,
}

/// `/sparql` checks the request and answers; `/moved`, `/found`, `/temporary` and `/permanent` send
/// there with their status, `/other` to an answer that lies at `/answer`, `/circle` to itself.
fn endpoint(media_type: &'static str, body: String) -> Router {
    async fn answer(State(endpoint): State<Endpoint>) -> Response {
        let body = endpoint.body.to_string();
        ([(header::CONTENT_TYPE, endpoint.media_type)], body).into_response()
    }
    async fn checked(
        State(endpoint): State<Endpoint>,
        headers: HeaderMap,
        body: String,
    ) -> Response {
        assert_eq!(
            headers[header::CONTENT_TYPE],
            "application/x-www-form-urlencoded"
        );
        let accept = headers[header::ACCEPT].to_str().unwrap();
        assert!(
            accept.starts_with("application/sparql-results+json, application/sparql-results+xml")
        );
        let fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(
            fields,
            [("query".to_owned(), "SELECT ?ü + & {}".to_owned())]
        );
        answer(State(endpoint)).await
    }
    let moved =
        |status: StatusCode| post(move || async move { (status, [(header::LOCATION, "sparql")]) });
    Router::new()
        .route("/sparql", post(checked))
        .route("/answer", get(answer))
        .route("/moved", moved(StatusCode::MOVED_PERMANENTLY))
        .route("/found", moved(StatusCode::FOUND))
        .route("/temporary", moved(StatusCode::TEMPORARY_REDIRECT))
        .route("/permanent", moved(StatusCode::PERMANENT_REDIRECT))
        .route("/other", post(|| async { Redirect::to("/answer") }))
        .route("/circle", post(|| async { Redirect::permanent("/circle") }))
        .route(
            "/file",
            post(|| async { Redirect::permanent("file:///etc/passwd") }),
        )
        .route(
            "/wrong",
            post(|| async {
                (
                    StatusCode::BAD_REQUEST,
                    "Virtuoso 37000: syntax error at 'FORM'",
                )
            }),
        )
        .route(
            "/broken",
            post(|| async { StatusCode::SERVICE_UNAVAILABLE }),
        )
        .with_state(Endpoint {
            media_type,
            body: body.into(),
        })
}

fn sparql(endpoint: &str, data: &Path) -> BuildOptions {
    let source = Source::Sparql {
        endpoint: endpoint.parse().unwrap(),
        query: "SELECT ?ü + & {}".to_owned(),
    };
    options(source, data)
}

const JSON: &str = "application/sparql-results+json";

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_answers_in_json_or_xml_and_may_redirect() {
    let fixture = Fixture::new(2).await;
    let (a, b) = (fixture.url(1), fixture.url(0));
    let json = format!(
        r#"{{"head":{{"vars":["iiif_url","title","work"]}},"results":{{"bindings":[
            {{"iiif_url":{{"type":"uri","value":"{a}"}},"title":{{"type":"literal","xml:lang":"de","value":"Ein \"See\", gemalt"}}}},
            {{"iiif_url":{{"type":"literal","value":"{b}"}},"work":{{"type":"uri","value":"http://example.org/w"}}}}
        ]}}}}"#
    );
    let xml = format!(
        r#"<?xml version="1.0"?><sparql xmlns="http://www.w3.org/2005/sparql-results#">
            <head><variable name="iiif_url"/><variable name="title"/><variable name="work"/></head><results>
            <result><binding name="iiif_url"><uri>{a}</uri></binding>
                <binding name="title"><literal xml:lang="de">Ein "See", gemalt</literal></binding></result>
            <result><binding name="iiif_url"><literal>{b}</literal></binding>
                <binding name="work"><uri>http://example.org/w</uri></binding></result>
        </results></sparql>"#
    );
    let expected = format!(
        "iiif_url,title,work,localIdentifier\n{a},\"Ein \"\"See\"\", gemalt\",,{}\n{b},,http://example.org/w,{}\n",
        image_id(&a),
        image_id(&b)
    );
    for (media_type, body, paths) in [
        (
            JSON,
            &json,
            &[
                "sparql",
                "moved",
                "found",
                "temporary",
                "permanent",
                "other",
            ][..],
        ),
        (
            "application/sparql-results+xml; charset=utf-8",
            &xml,
            &["sparql"],
        ),
        ("application/json", &json, &["sparql"]),
        ("text/xml", &xml, &["sparql"]),
    ] {
        let base = support::serve(endpoint(media_type, body.clone())).await;
        for path in paths {
            let data = fixture.path(&format!("{}-{path}", media_type.len()));
            let summary = run(sparql(&format!("{base}/{path}"), &data)).await.unwrap();
            assert_eq!(
                (summary.outcome, summary.encoded),
                (Outcome::Finished, 2),
                "{path}"
            );
            assert_eq!(
                fs::read_to_string(data.join("images.csv")).unwrap(),
                expected
            );
            let collection = Collection::open(&data).unwrap();
            assert_eq!(
                (collection.url(0), collection.url(1)),
                (a.clone(), b.clone())
            );
            assert!(!data.join("answer.part").exists());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_endpoint_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let error = async |url: String, column: &str| {
        let mut options = sparql(&url, &dir.path().join("data"));
        column.clone_into(&mut options.iiif_column);
        format!("{:#}", run(options).await.unwrap_err())
    };
    let table = r#"{"head":{"vars":["image","x"]},"results":{"bindings":[]}}"#.to_owned();
    let base = support::serve(endpoint(JSON, table)).await;
    let with_password = base.replace("http://", "http://user:secret@");
    for (url, column, expected) in [
        (
            format!("{base}/wrong"),
            "iiif_url",
            "400 Bad Request: Virtuoso 37000: syntax error at 'FORM'",
        ),
        (
            format!("{with_password}/wrong"),
            "iiif_url",
            "answered 400 Bad Request",
        ),
        (
            format!("{base}/broken"),
            "iiif_url",
            "503 Service Unavailable: (no text)",
        ),
        (
            format!("{base}/circle"),
            "iiif_url",
            "redirects more than 10 times",
        ),
        (
            format!("{base}/file"),
            "iiif_url",
            "redirects to no http or https URL",
        ),
        (
            format!("{base}/sparql"),
            "iiif_url",
            "no column iiif_url; its columns are image, x;",
        ),
        (format!("{base}/sparql"), "?image", "no image has a vector"),
        (
            "http://user:secret@127.0.0.1:1/sparql".to_owned(),
            "iiif_url",
            "http://user@127.0.0.1:1/sparql cannot be reached",
        ),
    ] {
        let error = error(url.clone(), column).await;
        assert!(error.contains(expected), "{url}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    for (media_type, body, expected) in [
        (
            "text/html",
            "<h1>Log in</h1>",
            "answered with text/html instead of SPARQL results in JSON or XML: <h1>Log in",
        ),
        ("text/csv", "iiif_url\n", "answered with text/csv instead"),
        (
            JSON,
            r#"{"head":{},"boolean":true}"#,
            "a SELECT query that binds the IIIF URLs is needed",
        ),
        (
            JSON,
            r#"{"head":{"vars":["iiif_url"]},"results":{"bindings":[{"#,
            "cannot be read",
        ),
    ] {
        let base = support::serve(endpoint(media_type, body.to_owned())).await;
        let error = error(format!("{base}/sparql"), "iiif_url").await;
        assert!(error.contains(expected), "{media_type}: {error}");
    }
    assert!(!dir.path().join("data/images.csv").exists());
    let mut options = sparql(&format!("{base}/sparql"), &dir.path().join("data"));
    options.network.max_answer_bytes = 10;
    let error = format!("{:#}", run(options).await.unwrap_err());
    assert!(error.contains("longer than 10 bytes"), "{error}");
}

/// An image server with every fault; counts the requests for each image.
#[derive(Clone, Default)]
struct Faults {
    n_requests: Arc<Mutex<BTreeMap<String, usize>>>,
}

async fn faulty(
    State(faults): State<Faults>,
    UrlPath((id, size)): UrlPath<(String, String)>,
) -> Response {
    let n_requests = {
        let mut all = faults.n_requests.lock().unwrap();
        let n = all.entry(id.clone()).or_default();
        *n += 1;
        *n
    };
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    support::picture(1, 64, 48)
        .write_with_encoder(encoder)
        .unwrap();
    let endless = |pause| {
        let chunks = futures_util::stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((
                Ok::<_, std::io::Error>(Bytes::from_static(&[0xff; 1024])),
                (),
            ))
        });
        Body::from_stream(chunks).into_response()
    };
    match id.as_str() {
        "missing" => StatusCode::NOT_FOUND.into_response(),
        "forbidden" => StatusCode::FORBIDDEN.into_response(),
        "broken" => StatusCode::BAD_GATEWAY.into_response(),
        "busy" if n_requests < 3 => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response()
        }
        "flaky" if n_requests < 3 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "small" if size != "max" => StatusCode::BAD_REQUEST.into_response(),
        "html" => (
            [(header::CONTENT_TYPE, "image/jpeg")],
            "<html>Not found</html>",
        )
            .into_response(),
        "empty" => StatusCode::OK.into_response(),
        "truncated" => jpeg[..60].to_vec().into_response(),
        "endless" => endless(Duration::ZERO),
        "slow" => endless(Duration::from_millis(200)),
        "silent" => pending().await,
        "loop" => Redirect::temporary("/loop/full/640,/0/default.jpg").into_response(),
        "elsewhere" => Redirect::temporary("/good/full/640,/0/default.jpg").into_response(),
        "to-a-file" => Redirect::temporary("file:///etc/passwd").into_response(),
        _ => jpeg.into_response(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_loses_its_own_image_and_is_explained() {
    let faults = Faults::default();
    let router = Router::new()
        .route("/{id}/full/{size}/0/default.jpg", get(faulty))
        .with_state(faults.clone());
    let base = support::serve(router).await;
    let dir = tempfile::tempdir().unwrap();
    // Value, stage and reason of its failure (none: it has a vector), requests that it may cost.
    let rows = [
        ("good", "", "", 1 + 1),
        ("missing", "download", "answered 404 Not Found", 3),
        ("forbidden", "download", "answered 403 Forbidden", 3),
        ("broken", "download", "answered 502 Bad Gateway", 4),
        ("busy", "", "", 3),
        ("flaky", "", "", 3),
        ("small", "", "", 2),
        ("html", "decode", "looks like HTML", 1),
        ("empty", "decode", "0 bytes", 1),
        ("truncated", "decode", "cannot be decoded", 1),
        ("endless", "download", "longer than 100000 bytes", 1),
        ("slow", "download", "did not arrive within", 4),
        ("silent", "download", "did not arrive within", 4),
        ("loop", "download", "too many redirects", 11),
        ("elsewhere", "", "", 1),
        (
            "to-a-file",
            "download",
            "answered 307 Temporary Redirect",
            1,
        ),
        ("good", "input", "the same image as in row 1", 2),
        ("", "input", "the cell is empty", 0),
        ("not a URL", "input", "not a URL", 0),
        (
            "http://127.0.0.1:1/closed",
            "download",
            "onnection refused",
            0,
        ),
    ];
    let url_of = |name: &str| match name {
        "" | "not a URL" => name.to_owned(),
        _ if name.starts_with("http") => name.to_owned(),
        _ => format!("{base}/{name}"),
    };
    let csv = dir.path().join("in.csv");
    let lines: String = rows
        .iter()
        .map(|(name, ..)| format!("{},x\n", url_of(name)))
        .collect();
    fs::write(&csv, format!("iiif_url,n\n{lines}")).unwrap();
    let data = dir.path().join("data");
    let mut options = options(Source::Csv(csv), &data);
    options.network.retries = 3;
    options.network.image_timeout = Duration::from_secs(1);
    options.network.max_image_bytes = 100_000;
    let summary = run(options.clone()).await.unwrap();

    let found = failures(&data);
    let expected: Vec<_> = (1..)
        .zip(rows)
        .filter(|(_, (_, stage, ..))| !stage.is_empty())
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (row, (name, stage, reason, _))) in found.iter().zip(expected) {
        assert_eq!(found[0], row.to_string());
        assert_eq!(found[1], url_of(name));
        assert_eq!(found[2], stage, "{found:?}");
        assert!(found[3].contains(reason), "{found:?}");
    }
    let collection = Collection::open(&data).unwrap();
    let indexed: Vec<_> = (0..collection.len())
        .map(|row| collection.url(row).to_owned())
        .collect();
    assert_eq!(
        indexed,
        ["good", "busy", "flaky", "small", "elsewhere"].map(url_of)
    );
    for (name, .., n_requests) in rows.iter().filter(|(name, ..)| !name.is_empty()) {
        let made = faults
            .n_requests
            .lock()
            .unwrap()
            .get(*name)
            .copied()
            .unwrap_or_default();
        assert_eq!(made, *n_requests, "requests for {name}");
    }
    assert_eq!(
        (
            summary.rows,
            summary.skipped,
            summary.images,
            summary.encoded
        ),
        (20, 2, 17, 5)
    );
    assert_eq!(
        summary.failed,
        BTreeMap::from([(Stage::Input, 1), (Stage::Download, 9), (Stage::Decode, 3)])
    );
    assert_eq!(summary.outcome, Outcome::TooManyFailures);

    // Of 18 images with a URL, 13 failed; the limit includes its own value.
    for (limit, outcome) in [
        (Limit::Images(13), Outcome::Finished),
        (Limit::Images(12), Outcome::TooManyFailures),
        (Limit::Percent(73.0), Outcome::Finished),
        (Limit::Percent(72.0), Outcome::TooManyFailures),
    ] {
        options.max_failures = limit;
        options.network.retries = 0;
        let summary = run(options.clone()).await.unwrap();
        assert_eq!(summary.outcome, outcome, "{limit:?}");
        assert_eq!((summary.encoded, summary.reused), (0, 5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_any_vector_replaces_nothing() {
    let fixture = Fixture::new(2).await;
    run(fixture.options(&fixture.csv(2), "data")).await.unwrap();
    let before = files(&fixture.path("data"));
    let csv = fixture.csv_of("iiif_url\nhttp://127.0.0.1:1/a\nftp://x/y\n");
    let mut options = fixture.options(&csv, "data");
    options.network.retries = 0;
    let error = run(options).await.unwrap_err().to_string();
    assert!(
        error.contains("no image has a vector, so nothing is replaced"),
        "{error}"
    );
    let after = files(&fixture.path("data"));
    for name in [
        "images.csv",
        "features/features.npy",
        "features/imageIds.csv",
    ] {
        assert_eq!(after[name], before[name]);
    }
    assert_eq!(failures(&fixture.path("data")).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_work_is_used_again() {
    let fixture = Fixture::new(8).await;
    let data = fixture.path("data");
    run(fixture.options(&fixture.csv(6), "data")).await.unwrap();
    let six = files(&data);
    let requests = || fixture.n_requests.swap(0, Ordering::SeqCst);
    // Each of these small images is asked for twice: Image API 3 does not enlarge them to 640. Then its info.json.
    assert_eq!(requests(), 18);

    // The same again: nothing to do.
    let summary = run(fixture.options(&fixture.csv(6), "data")).await.unwrap();
    assert_eq!((summary.encoded, summary.reused, requests()), (0, 6, 0));
    assert_eq!(files(&data), six);

    // Downloads deleted after the build, as published collections do: only new images are fetched.
    for path in walk(&data.join("images"))
        .iter()
        .filter(|path| path.extension().is_some())
    {
        fs::remove_file(path).unwrap();
    }
    let summary = run(fixture.options(&fixture.csv(8), "data")).await.unwrap();
    assert_eq!((summary.encoded, summary.reused, requests()), (2, 6, 6));
    let eight = files(&data);

    // The journal lost, two downloads at hand, one of them damaged: seven are fetched. Their sizes are known.
    fs::remove_file(data.join("features/build.journal")).unwrap();
    let downloads: Vec<_> = walk(&data.join("images"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "jpg"))
        .collect();
    assert_eq!(downloads.len(), 2);
    fs::write(&downloads[0], "").unwrap();
    let summary = run(fixture.options(&fixture.csv(8), "data")).await.unwrap();
    assert_eq!((summary.encoded, summary.reused, requests()), (8, 0, 14));
    assert_eq!(files(&data), eight);

    // Fewer images: they leave the collection, and come back without work.
    run(fixture.options(&fixture.csv(6), "data")).await.unwrap();
    assert_eq!(files(&data), six);
    run(fixture.options(&fixture.csv(8), "data")).await.unwrap();
    assert_eq!(files(&data), eight);
    assert_eq!(requests(), 0);

    // A fresh directory gives the same bytes, whatever the threads, batches and precision before.
    let mut options = fixture.options(&fixture.csv(8), "other");
    options.threads = NonZeroUsize::MIN;
    options.batch_size = NonZeroUsize::MIN;
    options.precision = Precision::F16;
    run(options).await.unwrap();
    assert_ne!(files(&fixture.path("other")), eight);
    let summary = run(fixture.options(&fixture.csv(8), "other"))
        .await
        .unwrap();
    assert_eq!(summary.reused, 8, "the journal serves every precision");
    assert_eq!(files(&fixture.path("other")), eight);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_image_width_needs_a_folder_of_its_own() {
    let fixture = Fixture::new(1).await;
    run(fixture.options(&fixture.csv(1), "data")).await.unwrap();
    let mut options = fixture.options(&fixture.csv(1), "data");
    options.delivery = Some(Delivery::Width(50.try_into().unwrap()));
    let error = run(options.clone()).await.unwrap_err().to_string();
    assert!(
        error.contains("640 pixels wide, not 50 pixels wide; delete that folder"),
        "{error}"
    );
    fs::remove_dir_all(fixture.path("data/images")).unwrap();
    let summary = run(options).await.unwrap();
    assert_eq!(
        (summary.encoded, summary.reused),
        (1, 0),
        "the journal is of the other width"
    );
    let id = image_id(&fixture.url(0));
    let image = image::open(fixture.path(&format!("data/images/{id}.jpg"))).unwrap();
    assert_eq!(image.width(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_precision_is_the_rounded_vector() {
    let fixture = Fixture::new(3).await;
    let mut options = fixture.options(&fixture.csv(3), "half");
    options.precision = Precision::F16;
    run(options).await.unwrap();
    run(fixture.options(&fixture.csv(3), "single"))
        .await
        .unwrap();
    let half = fs::read(fixture.path("half/features/features.npy")).unwrap();
    let single = fs::read(fixture.path("single/features/features.npy")).unwrap();
    assert_eq!(
        (half.len(), single.len()),
        (128 + 3 * 16 * 2, 128 + 3 * 16 * 4)
    );
    let rounded: Vec<u8> = single[128..]
        .as_chunks()
        .0
        .iter()
        .flat_map(|x| half::f16::from_f32(f32::from_le_bytes(*x)).to_le_bytes())
        .collect();
    assert_eq!(half[128..], rounded);
    let opened = Collection::open(&fixture.path("half")).unwrap();
    let exact = Collection::open(&fixture.path("single")).unwrap();
    for row in 0..3 {
        let cosine = clip_search::features::nearest::at_least(
            opened.features(),
            &Embedding::new(exact.features().row(row).to_vec()).unwrap(),
            0.0,
            None,
        );
        let same = cosine.iter().find(|hit| hit.row == row).unwrap();
        assert!(same.score > 0.999_999, "{}", same.score);
    }
}

/// A model whose answer depends on what stands beside an image in a run, as that of dynamically
/// quantised models does, and which fails as told.
struct Moody {
    /// Images with less blue than this in their first tile have no direction.
    least_blue: f32,
    /// Runs after which the model is broken.
    n_runs: AtomicUsize,
}

impl Moody {
    fn new(least_blue: f32, n_runs: usize) -> Arc<Self> {
        Arc::new(Self {
            least_blue,
            n_runs: AtomicUsize::new(n_runs),
        })
    }
}

impl Encoder for Moody {
    fn width(&self) -> usize {
        TINY_WIDTH
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        TinyEncoder.encode_texts(texts)
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        TinyEncoder.preprocess(bytes)
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        let left = self
            .n_runs
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_err() {
            return Err(EncoderError::Run {
                tower: "vision",
                source: "out of memory".into(),
            });
        }
        if images
            .iter()
            .any(|image| image[[2, 0, 0]] < self.least_blue)
        {
            return Err(EncoderError::Output {
                tower: "vision",
                source: EmbeddingError::ZeroLength,
            });
        }
        let brightest = images.iter().flatten().fold(0f32, |max, x| max.max(*x));
        let scaled: Vec<Pixels> = images.iter().map(|image| image / brightest).collect();
        TinyEncoder.encode_images(&scaled)
    }
}

async fn vectors_do_not_depend_on_their_neighbours(model: Arc<dyn Encoder>) {
    let fixture = Fixture::new(20).await;
    let mut all = Vec::new();
    for (n, (threads, batch_size)) in [(1, 1), (16, 64), (7, 3)].into_iter().enumerate() {
        let data = format!("data-{n}");
        let mut options = fixture.options(&fixture.csv(20), &data);
        options.threads = threads.try_into().unwrap();
        options.batch_size = batch_size.try_into().unwrap();
        build::run(options, model.clone(), pending()).await.unwrap();
        all.push(files(&fixture.path(&data)));
    }
    assert!(all.iter().all(|files| *files == all[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_a_model_that_looks_at_neighbours_do_not_depend_on_them() {
    vectors_do_not_depend_on_their_neighbours(Moody::new(0.0, usize::MAX)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_a_real_model_do_not_depend_on_their_neighbours() {
    let model = encoder::tiny(model::Precision::F32);
    vectors_do_not_depend_on_their_neighbours(Arc::new(model)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_a_quantized_model_do_not_depend_on_their_neighbours() {
    let model = encoder::tiny(model::Precision::Quantized);
    vectors_do_not_depend_on_their_neighbours(Arc::new(model)).await;
}

/// Notes how many images each run of a model has.
struct Counting<E> {
    model: E,
    runs: Mutex<Vec<usize>>,
}

impl<E: Encoder> Counting<E> {
    fn new(model: E) -> Arc<Self> {
        Arc::new(Self {
            model,
            runs: Mutex::default(),
        })
    }

    fn take_runs(&self) -> Vec<usize> {
        std::mem::take(&mut *self.runs.lock().unwrap())
    }
}

impl<E: Encoder> Encoder for Counting<E> {
    fn width(&self) -> usize {
        self.model.width()
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        self.model.encode_texts(texts)
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        self.model.preprocess(bytes)
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        self.runs.lock().unwrap().push(images.len());
        // As a model that is much slower than the downloads, so that images wait for it.
        std::thread::sleep(Duration::from_millis(60));
        self.model.encode_images(images)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_images_share_a_run_where_that_changes_no_bit() {
    let fixture = Fixture::new(200).await;
    let alone = run(fixture.options(&fixture.csv(20), "alone")).await;
    assert_eq!(alone.unwrap().encoded, 20);
    let build = async |model: Arc<dyn Encoder>, data: &str| {
        let options = fixture.options(&fixture.csv(200), data);
        build::run(options, model, pending()).await.unwrap()
    };
    let exact = Counting::new(TinyEncoder);
    build(exact.clone(), "exact").await;
    let runs = exact.take_runs();
    // The probe, the trial (eight together, eight alone), and what the downloads brought; the other thread does not
    // wait for the trial.
    assert_eq!(runs[0], 1, "{runs:?}");
    assert_eq!(runs.iter().sum::<usize>(), 1 + 16 + 200);
    assert!(runs.iter().all(|n| [1, 8].contains(n)), "{runs:?}");
    assert!(runs.iter().filter(|n| **n == 8).count() > 1, "{runs:?}");

    // One that looks at neighbours is never given any.
    let moody = Moody {
        least_blue: 0.0,
        n_runs: AtomicUsize::new(usize::MAX),
    };
    let moody = Counting::new(moody);
    build(moody.clone(), "moody").await;
    let runs = moody.take_runs();
    assert_eq!(runs.iter().filter(|n| **n > 1).count(), 1, "{runs:?}");

    // What came in batches is what comes one by one.
    let summary = run(fixture.options(&fixture.csv(200), "alone")).await;
    assert_eq!(summary.unwrap().reused, 20);
    assert_eq!(files(&fixture.path("alone")), files(&fixture.path("exact")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vector_without_direction_loses_its_image_alone_in_a_batch_too() {
    let fixture = Fixture::new(200).await;
    let mut options = fixture.options(&fixture.csv(200), "data");
    options.max_failures = Limit::Images(199);
    // Its answer does not depend on neighbours, and it sees nothing in pictures without much blue.
    let exact =
        ImagesBy(
            |images: &[Pixels]| match images.iter().any(|image| image[[2, 0, 0]] < 0.02) {
                true => Err(EncoderError::Output {
                    tower: "vision",
                    source: EmbeddingError::ZeroLength,
                }),
                false => TinyEncoder.encode_images(images),
            },
        );
    let summary = build::run(options, Arc::new(exact), pending())
        .await
        .unwrap();
    let lost = summary.failed[&Stage::Encode];
    assert!(lost > 0 && lost < 100, "{lost}");
    assert_eq!(summary.encoded, 200 - lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vector_without_direction_loses_its_image_and_a_broken_model_ends_the_build() {
    let fixture = Fixture::new(10).await;
    let csv = fixture.csv(10);
    let mut options = fixture.options(&csv, "data");
    options.max_failures = Limit::Images(9);
    let summary = build::run(options.clone(), Moody::new(0.2, usize::MAX), pending())
        .await
        .unwrap();
    let lost = summary.failed[&Stage::Encode];
    assert!(lost > 0 && lost < 10, "{lost}");
    assert_eq!(summary.encoded, 10 - lost);
    let listed = failures(&fixture.path("data"));
    assert_eq!(listed.len(), lost);
    assert!(listed[0][3].contains("zero length"), "{listed:?}");

    // Broken from the fifth image on: the first run is the probe.
    options.data_dir = fixture.path("other");
    let error = build::run(options.clone(), Moody::new(0.0, 1 + 4), pending()).await;
    let error = format!("{:#}", error.unwrap_err());
    assert!(
        error.contains("the vision model cannot be run: out of memory"),
        "{error}"
    );
    assert!(!fixture.path("other/features/features.npy").exists());
    let summary = build::run(options, Moody::new(0.0, usize::MAX), pending())
        .await
        .unwrap();
    assert_eq!((summary.reused, summary.encoded), (4, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_build_keeps_its_work() {
    let mut fixture = Fixture::new(30).await;
    let csv = fixture.csv(30);
    run(fixture.options(&csv, "whole")).await.unwrap();
    let expected = files(&fixture.path("whole"));
    while fixture.requests.try_recv().is_ok() {}

    let mut options = fixture.options(&csv, "data");
    options.threads = 2.try_into().unwrap();
    let requests = &mut fixture.requests;
    let ctrl_c = async {
        for _ in 0..20 {
            requests.recv().await;
        }
    };
    let summary = build::run(options.clone(), Arc::new(TinyEncoder), ctrl_c)
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Interrupted);
    let done = summary.encoded;
    assert!(done < 30, "{done}");
    assert!(!fixture.path("data/images.csv").exists());

    let summary = run(options).await.unwrap();
    assert_eq!((summary.outcome, summary.reused), (Outcome::Finished, done));
    assert_eq!(files(&fixture.path("data")), expected);
    // Stopped before it began: nothing changes.
    let options = fixture.options(&csv, "data");
    let summary = build::run(options, Arc::new(TinyEncoder), std::future::ready(()))
        .await
        .unwrap();
    assert_eq!(summary.outcome, Outcome::Interrupted);
    assert_eq!(files(&fixture.path("data")), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_builds_do_not_share_a_directory() {
    let fixture = Fixture::new(1).await;
    let (sender, mut asked) = mpsc::unbounded_channel();
    let silent = post(move || {
        sender.send(()).unwrap();
        pending::<()>()
    });
    let base = support::serve(Router::new().route("/sparql", silent)).await;
    let first = tokio::spawn(run(sparql(
        &format!("{base}/sparql"),
        &fixture.path("data"),
    )));
    // The first build has the lock when it asks its endpoint.
    asked.recv().await.unwrap();
    let error = run(fixture.options(&fixture.csv(1), "data"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("another build works on"), "{error}");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    run(fixture.options(&fixture.csv(1), "data")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_not_waited_for_again_and_again() {
    let n_requests = Arc::new(AtomicUsize::new(0));
    let count = n_requests.clone();
    let down = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(StatusCode::SERVICE_UNAVAILABLE)
    });
    let base = support::serve(down).await;
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("in.csv");
    let rows: String = (0..1000).map(|n| format!("{base}/{n}\n")).collect();
    fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    let mut options = options(Source::Csv(csv), &dir.path().join("data"));
    options.network.retries = 1000;
    let error = run(options).await.unwrap_err().to_string();
    assert!(error.contains("no image has a vector"), "{error}");
    assert_eq!(failures(&dir.path().join("data")).len(), 1000);
    // 200 attempts of patience, then one for each image.
    let n_requests = n_requests.load(Ordering::SeqCst);
    assert!(n_requests <= 1200, "{n_requests}");
}

const CHILD_CSV: &str = "CLIP_TEST_CHILD_CSV";
const CHILD_DATA: &str = "CLIP_TEST_CHILD_DATA";

/// The build that the next test kills: run as a process of its own, never by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of the next test"]
async fn build_in_a_process() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the next test passes its options"
    )]
    let (csv, data) = (
        std::env::var(CHILD_CSV).unwrap(),
        std::env::var(CHILD_DATA).unwrap(),
    );
    let mut options = options(Source::Csv(csv.into()), Path::new(&data));
    options.threads = 3.try_into().unwrap();
    run(options).await.unwrap();
}

/// That build.
fn tiny_build(csv: &Path, data: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "build::build_in_a_process", "--ignored"])
        .env(CHILD_CSV, csv)
        .env(CHILD_DATA, data);
    command
}

/// The program itself, with the real encoder.
pub(crate) fn real_build(precision: &str, csv: &Path, data: &Path) -> Command {
    let mut command = process::clip_search(&["build", "--mode", "CSV", "--threads", "3"]);
    command
        .arg("--csv-file")
        .arg(csv)
        .arg("--data-dir")
        .arg(data)
        .args(["--model", &world::model(), "--model-precision", precision]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_build_ends_with_the_same_bytes() {
    a_killed_build(tiny_build).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_build_with_a_real_model_ends_with_the_same_bytes() {
    a_killed_build(|csv, data| real_build("f32", csv, data)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_build_with_a_quantized_model_ends_with_the_same_bytes() {
    a_killed_build(|csv, data| real_build("quantized", csv, data)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_build_that_keeps_no_images_ends_with_the_same_bytes() {
    a_killed_build(|csv, data| {
        let mut build = real_build("f32", csv, data);
        build.args(["--keep-images", "no"]);
        build
    })
    .await;
}

/// Killed at fifty moments, wherever it is then, with the work of earlier runs or without.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_killed_at_any_moment_ends_with_the_same_bytes() {
    const N_MOMENTS: usize = 50;
    let fixture = Fixture::new(24).await;
    let mut csv = fs::read_to_string(fixture.csv(24)).unwrap();
    csv.push_str(&format!("gone,{}/gone.jpg\n", fixture.base));
    let csv = fixture.csv_of(&csv);
    let started = Instant::now();
    process::run(&mut real_build("f32", &csv, &fixture.path("whole"))).ok();
    let whole = started.elapsed();
    let expected = files(&fixture.path("whole"));

    let data = fixture.path("data");
    let mut numbers = Numbers(1);
    let (mut n_killed, mut n_runs) = (0, 0);
    while n_killed < N_MOMENTS {
        n_runs += 1;
        assert!(
            n_runs < 6 * N_MOMENTS,
            "killed {n_killed} of {n_runs} builds"
        );
        let mut child = Running::start(&mut real_build("f32", &csv, &data));
        let moment = whole * u32::try_from(numbers.below(1000)).unwrap() / 1000;
        tokio::time::sleep(moment).await;
        if child.is_running() {
            n_killed += 1;
            drop(child);
            if let Ok(collection) = Collection::open(&data) {
                assert_eq!(collection.len(), 24, "nothing half done is taken for whole");
            }
        } else {
            child.end().ok();
        }
        // Else it is killed again, with what is there.
        if numbers.below(2) == 0 || n_killed == N_MOMENTS {
            process::run(&mut real_build("f32", &csv, &data)).ok();
            assert!(files(&data) == expected, "killed after {moment:?}");
            fs::remove_dir_all(&data).unwrap();
        }
    }
}

async fn a_killed_build(build: impl Fn(&Path, &Path) -> Command) {
    let mut fixture = Fixture::new(40).await;
    let mut csv = fs::read_to_string(fixture.csv(40)).unwrap();
    csv.push_str(&format!("gone,{}/gone.jpg\nbad,nowhere\n", fixture.base));
    let csv = fixture.csv_of(&csv);
    process::run(&mut build(&csv, &fixture.path("whole"))).ok();
    let expected = files(&fixture.path("whole"));
    assert!(Collection::open(&fixture.path("whole")).unwrap().len() == 40);

    // Each run gets a few more answers than the one before, and is killed when it asks for another.
    let data = fixture.path("data");
    let (mut n_killed, mut n_answers) = (0, 1);
    loop {
        fixture.let_through(n_answers);
        let mut child = Running::start(&mut build(&csv, &data));
        let mut n_requests = 0;
        let finished = loop {
            if !child.is_running() {
                child.end().ok();
                break true;
            }
            let next = fixture.requests.recv();
            let next = tokio::time::timeout(Duration::from_millis(20), next).await;
            n_requests += usize::from(next.is_ok());
            if n_requests > n_answers {
                // SIGKILL.
                drop(child);
                break false;
            }
        };
        if finished {
            break;
        }
        n_killed += 1;
        n_answers += 9;
        assert!(
            Collection::open(&data).is_err(),
            "nothing half done is taken for whole"
        );
    }
    assert!(n_killed >= 3, "killed {n_killed} times");
    assert_eq!(files(&data), expected);

    // Killed between taking the old ids away and naming the new ones.
    fixture.let_through(Semaphore::MAX_PERMITS);
    fs::remove_file(data.join("features/imageIds.csv")).unwrap();
    let error = Collection::open(&data).unwrap_err().to_string();
    assert!(
        error.contains("imageIds.csv is missing; run `clip-search build` first"),
        "{error}"
    );
    process::run(&mut build(&csv, &data)).ok();
    assert_eq!(files(&data), expected);
}

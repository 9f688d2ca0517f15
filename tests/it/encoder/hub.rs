//! The hub client against a server on loopback that speaks the hub's API, faults included.

use super::{fixtures, open};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use clip_search::encoder::hub::{HubError, HubOptions, resolve};
use clip_search::encoder::model::Precision;
use clip_search::image_id::hex;
use futures_util::stream::{self, StreamExt};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const REPOSITORY: &str = "Xenova/clip-vit-base-patch32";

/// How the hub misbehaves.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The first full answer for an ONNX file breaks off in the middle.
    BreaksOff,
    /// Bytes of ONNX files are flipped on the way.
    Corrupts,
    /// Nobody without this token gets in.
    WantsToken(&'static str),
    /// Answers like some other web server.
    IsNoHub,
    /// 503 to the first request.
    IsBusy,
}

struct Hub {
    files: BTreeMap<String, Vec<u8>>,
    fault: Fault,
    /// Method, file and `Range` of every request.
    log: Mutex<Vec<(String, String)>>,
}

impl Hub {
    fn tiny(onnx: &[&str], fault: Fault) -> Self {
        let tiny = fixtures().join("tiny-clip");
        let json = ["config.json", "preprocessor_config.json", "tokenizer.json"];
        let names = json
            .iter()
            .map(|file| (*file).to_owned())
            .chain(onnx.iter().map(|file| format!("onnx/{file}")));
        let files = names
            .map(|name| (name.clone(), std::fs::read(tiny.join(&name)).unwrap()))
            .collect();
        Self {
            files,
            fault,
            log: Mutex::new(Vec::new()),
        }
    }

    fn requests(&self) -> Vec<(String, String)> {
        self.log.lock().unwrap().clone()
    }

    /// `Range` headers of the requests for `file`, without the one-byte probes.
    fn ranges(&self, file: &str) -> Vec<String> {
        let requests = self.requests();
        requests
            .into_iter()
            .filter(|(name, range)| name == file && range != "bytes=0-0")
            .map(|(_, range)| range)
            .collect()
    }
}

/// Runs `test` in this thread with the hub's address while the hub serves in others.
fn with_hub(hub: Hub, test: impl FnOnce(&str, &Hub)) {
    let hub = Arc::new(hub);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new()
        .fallback(axum::routing::get(serve))
        .with_state(hub.clone());
    runtime.spawn(async move { axum::serve(listener, app).await });
    test(&address, &hub);
    runtime.shutdown_background();
}

async fn serve(State(hub): State<Arc<Hub>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let empty = |status| {
        Response::builder()
            .status(status)
            .body(Body::empty())
            .unwrap()
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let start = format!("/{REPOSITORY}/resolve/");
    let file = uri
        .path()
        .strip_prefix(&start)
        .and_then(|rest| rest.split_once('/'));
    let Some((revision, file)) = file else {
        return empty(StatusCode::NOT_FOUND);
    };
    let range = text(header::RANGE).unwrap_or("").to_owned();
    let n_before = {
        let mut log = hub.log.lock().unwrap();
        log.push((file.to_owned(), range.clone()));
        log.len() - 1
    };
    match hub.fault {
        Fault::WantsToken(token)
            if text(header::AUTHORIZATION) != Some(&format!("Bearer {token}")) =>
        {
            return empty(StatusCode::UNAUTHORIZED);
        }
        Fault::IsNoHub => return Response::new(Body::from("<html>It works!</html>")),
        Fault::IsBusy if n_before == 0 => return empty(StatusCode::SERVICE_UNAVAILABLE),
        _ => {}
    }
    assert!(revision == "main" || revision == COMMIT, "{revision}");
    let Some(content) = hub.files.get(file) else {
        return empty(StatusCode::NOT_FOUND);
    };
    let is_onnx = file.ends_with(".onnx");
    let (first, last) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .map_or((0, content.len()), |(first, last)| {
            let last = last.parse::<usize>().map_or(content.len(), |last| last + 1);
            (first.parse().unwrap(), last.min(content.len()))
        });
    if first >= content.len() {
        return empty(StatusCode::RANGE_NOT_SATISFIABLE);
    }
    let mut part = content[first..last].to_vec();
    if hub.fault == Fault::Corrupts && is_onnx {
        part.iter_mut().for_each(|byte| *byte ^= 1);
    }
    let announced = part.len();
    let body = if hub.fault == Fault::BreaksOff && is_onnx && range == "bytes=0-" {
        let half = Bytes::from(part).slice(..announced / 2);
        let breaks = async {
            // Lets the server send the half before it sees the fault.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("the connection breaks"))
        };
        Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(breaks)))
    } else {
        Body::from(part)
    };
    let mut answer = Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header("X-Repo-Commit", COMMIT)
        .header(header::CONTENT_LENGTH, announced)
        .header(
            header::CONTENT_RANGE,
            format!("bytes {first}-{}/{}", last - 1, content.len()),
        );
    // Large files carry their SHA-256, small ones Git's checksum, as on the hub.
    answer = if is_onnx {
        answer
            .header(header::ETAG, "\"of-the-storage\"")
            .header(
                "X-Linked-Etag",
                format!("\"{}\"", hex(&Sha256::digest(content))),
            )
            .header("X-Linked-Size", content.len())
    } else {
        let blob = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
        let etag = hex(&blob.chain_update(content).finalize());
        answer.header(header::ETAG, format!("\"{etag}\""))
    };
    answer.body(body).unwrap()
}

fn options(endpoint: &str, home: &Path) -> HubOptions {
    HubOptions {
        endpoint: Some(endpoint.to_owned()),
        home: Some(home.to_owned()),
        ..HubOptions::default()
    }
}

const F32: [&str; 2] = ["text_model.onnx", "vision_model.onnx"];
const QUANTIZED: [&str; 2] = ["text_model_quantized.onnx", "vision_model_quantized.onnx"];

fn files_of(home: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files
}

#[test]
fn a_name_is_mapped_fetched_opened_and_then_taken_from_the_cache() {
    let home = tempfile::tempdir().unwrap();
    with_hub(Hub::tiny(&F32, Fault::None), |address, hub| {
        let options = options(address, home.path());
        let folder = resolve("openai/clip-vit-base-patch32", &options).unwrap();
        assert!(folder.ends_with(format!(
            "hub/models--Xenova--clip-vit-base-patch32/snapshots/{COMMIT}"
        )));
        open(&folder, Precision::F32);
        // Nothing that is not needed.
        let fetched: Vec<String> = hub.requests().into_iter().map(|(file, _)| file).collect();
        assert!(
            !fetched
                .iter()
                .any(|f| f.contains("quantized") || f.contains("fp16")),
            "{fetched:?}"
        );

        let n_requests = hub.requests().len();
        assert_eq!(resolve(REPOSITORY, &options).unwrap(), folder);
        assert_eq!(
            hub.requests().len(),
            n_requests,
            "a complete copy needs no network"
        );
        let offline = HubOptions {
            offline: true,
            ..options
        };
        assert_eq!(resolve(REPOSITORY, &offline).unwrap(), folder);
        // Another precision is not there yet.
        let quantized = HubOptions {
            precision: Some(Precision::Quantized),
            ..offline
        };
        let error = resolve(REPOSITORY, &quantized).unwrap_err();
        assert!(matches!(error, HubError::Offline { .. }), "{error}");
    });
}

#[test]
fn the_precision_that_is_asked_for_is_fetched_and_the_best_one_otherwise() {
    let both = [F32, QUANTIZED].concat();
    for (onnx, wanted, expected) in [
        (&both, Some(Precision::Quantized), Precision::Quantized),
        (&both, None, Precision::F32),
        (&QUANTIZED.to_vec(), None, Precision::Quantized),
        (&vec!["model_quantized.onnx"], None, Precision::Quantized),
    ] {
        let home = tempfile::tempdir().unwrap();
        with_hub(Hub::tiny(onnx, Fault::None), |address, _| {
            let options = HubOptions {
                precision: wanted,
                ..options(address, home.path())
            };
            let folder = resolve(REPOSITORY, &options).unwrap();
            assert_eq!(open(&folder, expected).spec().precision, expected);
            let n_onnx = std::fs::read_dir(folder.join("onnx")).unwrap().count();
            assert_eq!(n_onnx, onnx.len().min(2));
        });
    }
}

#[test]
fn a_broken_connection_is_resumed_where_it_broke() {
    let home = tempfile::tempdir().unwrap();
    with_hub(Hub::tiny(&F32, Fault::BreaksOff), |address, hub| {
        let folder = resolve(REPOSITORY, &options(address, home.path())).unwrap();
        open(&folder, Precision::F32);
        for file in ["onnx/text_model.onnx", "onnx/vision_model.onnx"] {
            let ranges = hub.ranges(file);
            assert_eq!(ranges.len(), 2, "{ranges:?}");
            assert_eq!(ranges[0], "bytes=0-");
            let resumed: usize = ranges[1]
                .strip_prefix("bytes=")
                .and_then(|range| range.strip_suffix('-'))
                .and_then(|first| first.parse().ok())
                .unwrap();
            assert!(resumed > 0, "{ranges:?}");
        }
    });
}

/// As after a kill: a part of the file is there, the rest is fetched and the whole is checked.
#[test]
fn a_part_that_an_earlier_run_left_is_completed() {
    let home = tempfile::tempdir().unwrap();
    let hub = Hub::tiny(&F32, Fault::None);
    let content = hub.files["onnx/text_model.onnx"].clone();
    let sha256 = hex(&Sha256::digest(&content));
    let blobs = home
        .path()
        .join("hub/models--Xenova--clip-vit-base-patch32/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    with_hub(hub, |address, hub| {
        let part = blobs.join(format!("{sha256}.part"));
        std::fs::write(&part, &content[..1000]).unwrap();
        let folder = resolve(REPOSITORY, &options(address, home.path())).unwrap();
        assert_eq!(hub.ranges("onnx/text_model.onnx"), ["bytes=1000-"]);
        assert_eq!(
            std::fs::read(folder.join("onnx/text_model.onnx")).unwrap(),
            content
        );
    });

    // All bytes arrived, but the run was killed before the file got its name.
    let home = tempfile::tempdir().unwrap();
    let blobs = home
        .path()
        .join("hub/models--Xenova--clip-vit-base-patch32/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    with_hub(Hub::tiny(&F32, Fault::None), |address, _| {
        std::fs::write(blobs.join(format!("{sha256}.part")), &content).unwrap();
        let folder = resolve(REPOSITORY, &options(address, home.path())).unwrap();
        open(&folder, Precision::F32);
    });
}

#[test]
fn corrupt_bytes_are_reported_and_removed() {
    let home = tempfile::tempdir().unwrap();
    with_hub(Hub::tiny(&F32, Fault::Corrupts), |address, _| {
        let error = resolve(REPOSITORY, &options(address, home.path())).unwrap_err();
        assert!(matches!(error, HubError::Corrupt { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("onnx/text_model.onnx") && text.contains("checksum"),
            "{text}"
        );
        let left = files_of(home.path());
        assert!(
            !left
                .iter()
                .any(|path| path.to_string_lossy().ends_with(".onnx")),
            "{left:?}"
        );
    });
    // A sound hub mends it.
    with_hub(Hub::tiny(&F32, Fault::None), |address, _| {
        let folder = resolve(REPOSITORY, &options(address, home.path())).unwrap();
        open(&folder, Precision::F32);
    });
}

#[test]
fn a_token_is_sent_and_a_wrong_one_explained() {
    let home = tempfile::tempdir().unwrap();
    with_hub(
        Hub::tiny(&F32, Fault::WantsToken("hf_right")),
        |address, hub| {
            let with = |token: Option<&str>| HubOptions {
                token: token.map(str::to_owned),
                ..options(address, home.path())
            };
            for token in [None, Some("hf_wrong")] {
                let error = resolve(REPOSITORY, &with(token)).unwrap_err();
                assert!(
                    matches!(error, HubError::Refused { status: 401, .. }),
                    "{error}"
                );
                assert!(error.to_string().contains("HF_TOKEN"), "{error}");
            }
            assert_eq!(hub.requests().len(), 2, "a refusal is not asked again");
            resolve(REPOSITORY, &with(Some("hf_right\n"))).unwrap();

            // The token that the hub's own tool stores.
            let other = tempfile::tempdir().unwrap();
            std::fs::write(other.path().join("token"), "hf_right\n").unwrap();
            resolve(REPOSITORY, &options(address, other.path())).unwrap();
        },
    );
}

#[test]
fn what_the_hub_has_not_is_told() {
    let home = tempfile::tempdir().unwrap();
    with_hub(Hub::tiny(&[], Fault::None), |address, _| {
        let options = options(address, home.path());
        let error = resolve("owner/unknown", &options).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("has no config.json in owner/unknown"),
            "{error}"
        );
        let error = resolve(REPOSITORY, &options).unwrap_err();
        assert!(
            error.to_string().contains("has no onnx/text_model.onnx"),
            "{error}"
        );
        let error = resolve("not a name", &options).unwrap_err();
        assert!(matches!(error, HubError::NotAName(_)), "{error}");
        // An incomplete copy is none.
        let offline = HubOptions {
            offline: true,
            ..options
        };
        let error = resolve(REPOSITORY, &offline).unwrap_err();
        assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    });
}

#[test]
fn a_busy_hub_is_asked_again_and_another_server_is_told() {
    let home = tempfile::tempdir().unwrap();
    with_hub(Hub::tiny(&F32, Fault::IsBusy), |address, _| {
        resolve(REPOSITORY, &options(address, home.path())).unwrap();
    });
    let home = tempfile::tempdir().unwrap();
    with_hub(Hub::tiny(&F32, Fault::IsNoHub), |address, _| {
        let error = resolve(REPOSITORY, &options(address, home.path())).unwrap_err();
        assert!(matches!(error, HubError::NotAHub { .. }), "{error}");
        assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
    });
}

#[test]
fn a_folder_is_used_as_it_is() {
    let tiny = fixtures().join("tiny-clip");
    let folder = resolve(tiny.to_str().unwrap(), &HubOptions::default()).unwrap();
    assert_eq!(folder, tiny);
}

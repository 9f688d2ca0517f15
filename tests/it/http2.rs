//! HTTP/2, over TLS as servers of images speak it: many requests on one connection, and as few at a time as ever.

use crate::polite::jpeg;
use crate::process::{Ended, clip_search, run};
use crate::world::{model, text_of};
use axum::Router;
use axum::http::{Request, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Debug, Clone)]
struct Seen {
    /// Number of its connection.
    connection: usize,
    version: Version,
    at: Instant,
    /// Requests that were being answered on the connection then, it included.
    n_inside: usize,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Seen>,
    n_inside: Vec<usize>,
    n_inside_at_most: usize,
}

/// A host that speaks these protocols, gives images after a while, and says who may trust it.
struct Host {
    base: String,
    certificate: String,
    state: Arc<Mutex<State>>,
}

/// Longer than a picture needs to be asked for.
const TOOK: Duration = Duration::from_millis(60);

impl Host {
    async fn open(protocols: &[&str]) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let known = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = {
                    let mut state = known.lock().unwrap();
                    state.n_inside.push(0);
                    state.n_inside.len() - 1
                };
                let (acceptor, router) = (acceptor.clone(), router(connection, known.clone()));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let builder = Builder::new(TokioExecutor::new());
                    let service = TowerToHyperService::new(router);
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            base,
            certificate: made.cert.pem(),
            state,
        }
    }

    /// What came since the last call, and the most that was being answered at a time.
    fn take(&self) -> (Vec<Seen>, usize) {
        let mut state = self.state.lock().unwrap();
        (
            std::mem::take(&mut state.seen),
            std::mem::take(&mut state.n_inside_at_most),
        )
    }
}

fn router(connection: usize, state: Arc<Mutex<State>>) -> Router {
    Router::new().fallback(
        async move |request: Request<axum::body::Body>| -> Response {
            let path = request.uri().path().to_owned();
            {
                let mut state = state.lock().unwrap();
                state.n_inside[connection] += 1;
                let n_inside = state.n_inside[connection];
                let at_most = state.n_inside.iter().sum();
                state.n_inside_at_most = state.n_inside_at_most.max(at_most);
                let version = request.version();
                state.seen.push(Seen {
                    connection,
                    version,
                    at: Instant::now(),
                    n_inside,
                });
            }
            tokio::time::sleep(TOOK).await;
            state.lock().unwrap().n_inside[connection] -= 1;
            match path.ends_with("info.json") {
                true => StatusCode::NOT_FOUND.into_response(),
                false => ([(header::CONTENT_TYPE, "image/jpeg")], jpeg(1)).into_response(),
            }
        },
    )
}

/// Builds `n_images` of the host with the real program, which trusts the certificates in a file alone.
fn build(host: &Host, dir: &Path, n_images: usize, more: &[&str]) -> Ended {
    let (csv, trusted) = (dir.join("in.csv"), dir.join("trusted.pem"));
    let rows: String = (0..n_images)
        .map(|n| format!("{}/{n}\n", host.base))
        .collect();
    fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    fs::write(&trusted, &host.certificate).unwrap();
    let (csv, data, model) = (text_of(&csv), text_of(&dir.join("data")), model());
    #[rustfmt::skip]
    let arguments = ["build", "--mode", "CSV", "--csv-file", &csv, "--data-dir", &data, "--model", &model,
        "--image-width", "64", "--image-info", "no", "--retries", "0"];
    let mut command = clip_search(&[&arguments[..], more].concat());
    run(command
        .env("SSL_CERT_FILE", &trusted)
        .env_remove("SSL_CERT_DIR"))
}

#[test]
fn one_connection_carries_what_several_would() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
    ] {
        let host = runtime.block_on(Host::open(protocols));
        let dir = tempfile::tempdir().unwrap();
        let told = build(&host, dir.path(), 40, &["--threads", "6"]).ok();
        assert!(told.contains("40 encoded"), "{told}");
        let (seen, at_most) = host.take();
        assert_eq!(seen.len(), 40);
        assert!(seen.iter().all(|seen| seen.version == version), "{seen:?}");
        // One until it answers, then more, and never more than all.
        assert!((4..=6).contains(&at_most), "{at_most} at a time");
        let n_connections = seen.iter().map(|seen| seen.connection).max().unwrap() + 1;
        let on_one = seen.iter().map(|seen| seen.n_inside).max().unwrap();
        match version {
            Version::HTTP_2 => assert_eq!((n_connections, on_one), (1, at_most)),
            _ => assert_eq!((n_connections, on_one), (at_most, 1)),
        }
    }
}

#[test]
fn a_rate_is_kept_on_one_connection() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = runtime.block_on(Host::open(&["h2"]));
    let dir = tempfile::tempdir().unwrap();
    build(&host, dir.path(), 8, &["--max-rate", "20"]).ok();
    let (seen, _) = host.take();
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert!(
        seen.iter()
            .all(|seen| seen.connection == 0 && seen.version == Version::HTTP_2)
    );
    let (first, last) = (seen[0].at, seen[7].at);
    let took = last.duration_since(first);
    assert!(
        took >= Duration::from_millis(7 * 50 - 10),
        "twenty in a second: {took:?}"
    );
}

#[test]
fn who_is_not_trusted_is_told() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut host = runtime.block_on(Host::open(&["h2"]));
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    host.certificate = other.cert.pem();
    let dir = tempfile::tempdir().unwrap();
    let ended = build(&host, dir.path(), 1, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lost = crate::build::failures(&dir.path().join("data"));
    assert!(lost[0][3].contains("invalid peer certificate"), "{lost:?}");
    assert!(host.take().0.is_empty());
}

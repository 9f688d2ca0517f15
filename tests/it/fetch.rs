//! Fetching images that queries name: what is reached, what is refused, what is bounded.

use clip_search::fetch::allow::AllowList;
use clip_search::fetch::{FetchError, FetchLimits, Fetcher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

/// A server that answers each connection with the bytes that `answer` gives for its path.
struct Server {
    address: SocketAddr,
    n_requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start_with(move |mut stream, path| {
            let bytes = answer(&path);
            async move {
                let _ = stream.write_all(&bytes).await;
            }
        })
        .await
    }

    async fn start_with<F: Future<Output = ()> + Send + 'static>(
        answer: impl Fn(TcpStream, String) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let n_requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&n_requests);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (counter, answer) = (Arc::clone(&counter), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    counter.fetch_add(1, Ordering::SeqCst);
                    let head = String::from_utf8(head).unwrap();
                    let path = head.split(' ').nth(1).unwrap().to_owned();
                    answer(stream, path).await;
                });
            }
        });
        Self {
            address,
            n_requests,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn n_requests(&self) -> usize {
        self.n_requests.load(Ordering::SeqCst)
    }
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let n = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {n}\r\nConnection: close\r\n{headers}\r\n{body}")
        .into_bytes()
}

fn redirect(to: &str) -> Vec<u8> {
    response("302 Found", &format!("Location: {to}\r\n"), "secret")
}

fn fetcher(allow: &str, limits: FetchLimits) -> Fetcher {
    let allow: AllowList = allow.parse().unwrap();
    Fetcher::new(Handle::current(), allow, limits).unwrap()
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Vec<u8>, FetchError> {
    let (fetcher, url) = (fetcher.clone(), url.to_owned());
    tokio::task::spawn_blocking(move || fetcher.get_blocking(&url))
        .await
        .unwrap()
}

#[tokio::test]
async fn an_allow_listed_host_is_fetched_by_address_name_or_network() {
    let server = Server::start(|path| response("200 OK", "", path)).await;
    let port = server.address.port();
    for (allow, host) in [
        ("127.0.0.1".to_owned(), "127.0.0.1"),
        (format!("127.0.0.1:{port}"), "127.0.0.1"),
        ("localhost".to_owned(), "localhost"),
        (format!("localhost:{port}"), "LOCALHOST"),
        // The name resolves into the network.
        ("127.0.0.0/8, ::1".to_owned(), "localhost"),
        ("127.0.0.0/8".to_owned(), "0x7f.1"),
    ] {
        let fetcher = fetcher(&allow, FetchLimits::default());
        let url = format!("http://{host}:{port}/image?a=b");
        let body = get(&fetcher, &url).await.unwrap();
        assert_eq!(body, b"/image?a=b", "{allow} and {url}");
    }
}

#[tokio::test]
async fn own_networks_are_refused_without_a_connection() {
    let server = Server::start(|_| response("200 OK", "", "secret")).await;
    let port = server.address.port();
    let fetcher = fetcher("iiif.example.org, 127.0.0.1:1", FetchLimits::default());
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        // Other spellings of 127.0.0.1.
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "①②⑦.0.0.1",
    ] {
        let url = format!("http://{host}:{port}/");
        let error = get(&fetcher, &url).await.unwrap_err();
        assert!(
            matches!(error, FetchError::NotPublic { .. }),
            "{url}: {error:?}"
        );
        let sentence = error.to_string();
        assert!(sentence.contains("allow list"), "{sentence}");
    }
    assert_eq!(server.n_requests(), 0);
}

#[tokio::test]
async fn a_url_that_is_no_plain_http_url_is_refused() {
    let fetcher = fetcher("localhost", FetchLimits::default());
    for url in [
        "file:///etc/passwd",
        "ftp://example.org/",
        "data:image/png;base64,AA==",
    ] {
        let error = get(&fetcher, url).await.unwrap_err();
        assert!(matches!(error, FetchError::NotHttp(_)), "{url}: {error:?}");
    }
    for url in [
        "",
        "image.jpg",
        "//example.org/",
        "http://",
        "http://exa mple.org/",
    ] {
        let error = get(&fetcher, url).await.unwrap_err();
        assert!(
            matches!(error, FetchError::NotAUrl { .. }),
            "{url}: {error:?}"
        );
    }
    let error = get(&fetcher, "http://user:secret@localhost/")
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::UserInfo { .. }), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_and_checked_at_each_hop() {
    let inner = Server::start(|_| response("200 OK", "", "secret")).await;
    let refused = [
        inner.url("/"),
        format!("http://localhost:{}/", inner.address.port()),
        format!("//2130706433:{}/", inner.address.port()),
    ];
    let targets = refused.clone();
    let outer = Server::start(move |path| match path {
        "/end" => response("200 OK", "", "image"),
        "/hop1" => redirect("hop2"),
        "/hop2" => redirect("/end"),
        "/nowhere" => response("302 Found", "", ""),
        "/file" => redirect("file:///etc/passwd"),
        "/userinfo" => redirect("http://user:secret@example.org/"),
        "/loop" => redirect("/loop"),
        other => redirect(&targets[other[1..].parse::<usize>().unwrap()]),
    })
    .await;
    let limits = FetchLimits {
        max_redirects: 2,
        ..FetchLimits::default()
    };
    let fetcher = fetcher(&outer.address.to_string(), limits);
    assert_eq!(get(&fetcher, &outer.url("/hop1")).await.unwrap(), b"image");
    for (n, target) in refused.iter().enumerate() {
        let error = get(&fetcher, &outer.url(&format!("/{n}")))
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::NotPublic { .. }),
            "{target}: {error:?}"
        );
    }
    assert_eq!(inner.n_requests(), 0);
    for (path, is_expected) in [
        (
            "/nowhere",
            (|e| matches!(e, FetchError::BadRedirect { .. })) as fn(&FetchError) -> bool,
        ),
        ("/file", |e| matches!(e, FetchError::NotHttp(_))),
        ("/userinfo", |e| matches!(e, FetchError::UserInfo { .. })),
    ] {
        let error = get(&fetcher, &outer.url(path)).await.unwrap_err();
        assert!(is_expected(&error), "{path}: {error:?}");
    }
    let before = outer.n_requests();
    let error = get(&fetcher, &outer.url("/loop")).await.unwrap_err();
    assert!(
        matches!(error, FetchError::TooManyRedirects { limit: 2, .. }),
        "{error:?}"
    );
    assert_eq!(outer.n_requests() - before, 3);
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_to_its_end() {
    let server = Server::start_with(|mut stream, path| async move {
        let head: &[u8] = match path.as_str() {
            "/exact" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            "/announced" => b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\n\r\n",
        };
        let _ = stream.write_all(head).await;
        match path.as_str() {
            "/exact" => {
                let _ = stream.write_all(&[0; 1000]).await;
            }
            // Nothing follows: the length alone must be enough to refuse it.
            "/announced" => std::future::pending().await,
            // Until the other side hangs up.
            _ => while stream.write_all(&[0; 64]).await.is_ok() {},
        }
    })
    .await;
    let limits = FetchLimits {
        max_bytes: 1000,
        ..FetchLimits::default()
    };
    let fetcher = fetcher("127.0.0.1", limits);
    assert_eq!(
        get(&fetcher, &server.url("/exact")).await.unwrap().len(),
        1000
    );
    for path in ["/announced", "/endless"] {
        let error = get(&fetcher, &server.url(path)).await.unwrap_err();
        assert!(
            matches!(
                error,
                FetchError::TooLarge {
                    limit_bytes: 1000,
                    ..
                }
            ),
            "{path}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_slow_server_is_given_up_whatever_it_is_slow_at() {
    let server = Server::start_with(|mut stream, path| async move {
        if path == "/drip" {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(b".").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        std::future::pending().await
    })
    .await;
    let limits = FetchLimits {
        timeout: Duration::from_millis(300),
        ..FetchLimits::default()
    };
    let fetcher = fetcher("127.0.0.1", limits);
    for path in ["/silent", "/drip"] {
        let error = get(&fetcher, &server.url(path)).await.unwrap_err();
        assert!(
            matches!(error, FetchError::TimedOut { .. }),
            "{path}: {error:?}"
        );
    }
}

#[tokio::test]
async fn failures_say_what_happened_and_nothing_of_the_answer() {
    let server = Server::start(|path| match path {
        "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsecret".to_vec(),
        _ => response("404 Not Found", "", "secret"),
    })
    .await;
    // A label of more than 63 characters has no address anywhere, which is known without a lookup.
    let unknown = ["a".repeat(64), "b".repeat(64)];
    let fetcher = fetcher(
        &format!("127.0.0.1, {}", unknown[0]),
        FetchLimits::default(),
    );
    let error = get(&fetcher, &server.url("/missing")).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 404, .. }),
        "{error:?}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");

    let error = get(&fetcher, &server.url("/short")).await.unwrap_err();
    assert!(matches!(error, FetchError::Failed { .. }), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");

    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = get(&fetcher, &format!("http://{closed}/"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Failed { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");

    for host in unknown {
        let error = get(&fetcher, &format!("http://{host}/")).await.unwrap_err();
        assert!(matches!(error, FetchError::UnknownHost { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_long_url_is_cut_in_messages() {
    let url = format!("http://127.0.0.1:1/{}", "ä".repeat(10_000));
    let error = get(&fetcher("127.0.0.1", FetchLimits::default()), &url)
        .await
        .unwrap_err();
    assert!(error.to_string().len() < 600, "{error}");
}

#[test]
fn a_runtime_that_ended_is_an_error_and_no_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fetcher = {
        let _context = runtime.enter();
        fetcher("127.0.0.1", FetchLimits::default())
    };
    drop(runtime);
    let error = fetcher.get_blocking("http://127.0.0.1:1/").unwrap_err();
    assert!(matches!(error, FetchError::Stopped), "{error:?}");
}

//! Connections as they come from outside: cut, half closed, idle, slow and too many.

use super::{ENDLESS, Fixture, escaped, large_store};
use crate::process::{Running, program};
use axum::Router;
use clip_search::fetch::FetchLimits;
use clip_search::http::HttpSettings;
use clip_search::http::server::ConnectionLimits;
use clip_search::sparql::SparqlOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
const SHORT: Duration = Duration::from_millis(200);
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

async fn connect(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the connection ends.
async fn rest(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut bytes));
    read.await.expect("the connection ends").map(|_| ())?;
    Ok(String::from_utf8(bytes).unwrap())
}

fn query(query: &str, version: &str) -> String {
    format!(
        "GET /sparql?query={} HTTP/{version}\r\nHost: x\r\n\r\n",
        escaped(query)
    )
}

fn with_rows() -> Fixture {
    Fixture {
        store: large_store(),
        ..Fixture::default()
    }
}

/// HTTP/1.0 has no other end of a body than that of the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_answer_is_a_reset_for_clients_that_know_no_chunks() {
    let fixture = Fixture {
        options: SparqlOptions {
            timeout: Some(Duration::from_secs(1)),
            ..SparqlOptions::default()
        },
        ..with_rows()
    };
    let address = fixture.serve().await;
    for more in [
        "",
        "Accept: text/csv\r\n",
        "Accept-Encoding: gzip\r\n",
        "Connection: keep-alive\r\n",
    ] {
        let request = query(ENDLESS, "1.0").replace("Host: x\r\n", more);
        let mut stream = connect(address, &request).await;
        let mut start = [0; 15];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.0 200 OK");
        let mut ignored = Vec::new();
        let error = stream.read_to_end(&mut ignored).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{more}");
    }
    // A whole one ends as always.
    let address = with_rows().serve().await;
    let whole = query("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000", "1.0");
    let answer = rest(&mut connect(address, &whole).await).await.unwrap();
    assert!(answer.len() > 1_000_000 && answer.ends_with("]}}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_ended_its_side_gets_its_answer() {
    let address = with_rows().serve().await;
    for (request, ending) in [
        (HEALTH.to_owned(), "}"),
        (query("ASK {}", "1.1"), "}"),
        (query("ASK {}", "1.0"), "}"),
        (
            query("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000", "1.1"),
            "0\r\n\r\n",
        ),
        (
            query("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000", "1.0"),
            "]}}",
        ),
    ] {
        let mut stream = connect(address, &request).await;
        stream.shutdown().await.unwrap();
        // Long enough for the server to see it, and to wait for this slow client.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = rest(&mut stream).await.unwrap();
        assert!(answer.contains("200 OK"), "{request}: {answer}");
        assert!(answer.ends_with(ending), "{request}");
    }
}

/// A closed connection looks like a half-closed one; it may not keep a place for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_gone_is_given_up_soon() {
    let fixture = Fixture {
        settings: HttpSettings {
            max_queries: NonZeroUsize::MIN,
            ..HttpSettings::default()
        },
        ..with_rows()
    };
    let address = fixture.serve().await;
    // The same as when a client leaves in process: it takes hours.
    let numbers: Vec<String> = (0..4000).map(|n| n.to_string()).collect();
    let numbers = numbers.join(" ");
    let count = format!(
        "SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o . VALUES ?a {{ {numbers} }} VALUES ?b {{ {numbers} }} VALUES ?c {{ {numbers} }} }}"
    );
    let request = format!(
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: {}\r\n\r\n{count}",
        count.len()
    );
    let first = connect(address, &request).await;
    tokio::time::sleep(SHORT).await;
    drop(first);
    let mut second = connect(address, &query("ASK {}", "1.0")).await;
    let answer = rest(&mut second).await.unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn connections_without_a_request_are_closed() {
    let limits = ConnectionLimits {
        head_timeout: SHORT,
        idle_timeout: SHORT,
        ..ConnectionLimits::default()
    };
    let (address, _server, _stop) = Fixture::default().serve_within(limits).await;
    for request in [
        "",
        "G",
        "GET /health HTTP/1.1\r\nHost:",
        "PRI * HTTP/2.0\r\n",
    ] {
        let mut stream = connect(address, request).await;
        assert_eq!(rest(&mut stream).await.unwrap_or_default(), "", "{request}");
    }
    // One that sends a byte now and then is no better.
    let mut stream = connect(address, "GET /health HTTP/1.1\r\nX: ").await;
    let started = Instant::now();
    while stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(SHORT / 8).await;
        assert!(started.elapsed() < LONG, "the slow head is waited for");
    }
    // After an answer.
    let answer = rest(&mut connect(address, HEALTH).await).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn idle_connections_give_way() {
    let limits = ConnectionLimits {
        max_connections: NonZeroUsize::new(5).unwrap(),
        ..ConnectionLimits::default()
    };
    let (address, _server, _stop) = Fixture::default().serve_within(limits).await;
    let mut idle = Vec::new();
    for _ in 0..30 {
        idle.push(connect(address, "").await);
    }
    let request = HEALTH.replace("Host: x", "Host: x\r\nConnection: close");
    let mut stream = connect(address, &request).await;
    let answer = rest(&mut stream).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn what_the_parser_refuses_is_refused_in_words() {
    let address = Fixture::default().serve().await;
    let long = "x".repeat(70_000);
    let headers: String = (0..200).map(|n| format!("x-{n}: {n}\r\n")).collect();
    for (request, status, words) in [
        (
            format!("GET /sparql?query={long} HTTP/1.1\r\nHost: x\r\n\r\n"),
            "414",
            "POST",
        ),
        (format!("GET / HTTP/1.1\r\n{headers}\r\n"), "431", "headers"),
        (
            "GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(),
            "400",
            "HTTP",
        ),
    ] {
        let answer = rest(&mut connect(address, &request).await).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(body.contains(words), "{answer}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{answer}"
        );
    }
}

/// A server that takes requests for pictures and never answers.
async fn hanging_pictures() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hanging = Router::new().fallback(async || std::future::pending::<()>().await);
    tokio::spawn(async { axum::serve(listener, hanging).await });
    address
}

/// The two ways to ask for what looks like the picture behind `url`.
fn looking_like(url: &str) -> [String; 2] {
    let request = format!(
        "PREFIX clip: <https://service.swissartresearch.net/clip/> SELECT ?i {{ ?r a clip:Request ; clip:queryURL <{url}> ; clip:iiifUrl ?i }}"
    );
    [
        query(&request, "1.1"),
        format!(
            "GET /query?url={} HTTP/1.1\r\nHost: x\r\n\r\n",
            escaped(url)
        ),
    ]
}

/// Servers that hang delay who asks for their pictures, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn hanging_pictures_take_no_place() {
    let pictures = hanging_pictures().await;
    let fixture = Fixture {
        allow: pictures.to_string(),
        settings: HttpSettings {
            max_queries: NonZeroUsize::MIN,
            ..HttpSettings::default()
        },
        ..Fixture::default()
    };
    let address = fixture.serve().await;
    let mut waiting = Vec::new();
    for n in 0..6 {
        for request in looking_like(&format!("http://{pictures}/{n}.png")) {
            waiting.push(connect(address, &request).await);
        }
    }
    tokio::time::sleep(SHORT).await;
    let started = Instant::now();
    for request in [
        "GET /query?str=red HTTP/1.0\r\n\r\n".to_owned(),
        query("ASK {}", "1.0"),
    ] {
        let answer = rest(&mut connect(address, &request).await).await.unwrap();
        assert!(answer.contains("200 OK"), "{answer}");
    }
    let waited = started.elapsed();
    assert!(
        waited < Duration::from_secs(10),
        "a query waited for the pictures"
    );
    for stream in &waiting {
        let mut room = [0; 5000];
        match stream.try_read(&mut room) {
            Ok(n) => panic!("an answer came: {}", String::from_utf8_lossy(&room[..n])),
            Err(none) => assert_eq!(none.kind(), ErrorKind::WouldBlock),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_beyond_the_limit_are_refused_for_now() {
    let pictures = hanging_pictures().await;
    let fixture = Fixture {
        allow: pictures.to_string(),
        fetches: FetchLimits {
            max_at_once: 1,
            ..FetchLimits::default()
        },
        ..Fixture::default()
    };
    let address = fixture.serve().await;
    let requests = looking_like(&format!("http://{pictures}/x.png"));
    let _first = connect(address, &requests[0]).await;
    tokio::time::sleep(SHORT).await;
    for request in &requests {
        let request = request.replace("Host: x", "Host: x\r\nConnection: close");
        let answer = rest(&mut connect(address, &request).await).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
        assert!(answer.contains("too many pictures"), "{answer}");
    }
}

/// A process may open so many files and no more, and each connection is one.
#[test]
fn idle_connections_do_not_take_the_last_open_file() {
    let dir = tempfile::tempdir().unwrap();
    let limited = "ulimit -n 256 && exec \"$0\" \"$@\"";
    let (_server, url) = Running::server(program("sh").args([
        "-c",
        limited,
        env!("CARGO_BIN_EXE_clip-search"),
        "iiif-serve",
        dir.path().to_str().unwrap(),
        "--port",
        "0",
    ]));
    let address = url.strip_prefix("http://").unwrap();
    let connect = || std::net::TcpStream::connect(address).unwrap();
    let idle: Vec<_> = (0..300).map(|_| connect()).collect();
    let mut stream = connect();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(idle);
}

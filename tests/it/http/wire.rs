//! What only a real connection shows: keep-alive, streaming, bounds, shutdown.

use super::{ENDLESS, FORM, Fixture, escaped, large_store};
use clip_search::http::HttpSettings;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends `bytes` and reads one response with a Content-Length; returns its head and body.
async fn exchange(stream: &mut TcpStream, bytes: &[u8], has_body: bool) -> (String, Vec<u8>) {
    stream.write_all(bytes).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap_or_else(|| panic!("{head}"))
        .parse()
        .unwrap();
    let mut body = vec![0; if has_body { length } else { 0 }];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn one_connection_serves_the_odd_requests_of_federation_engines() {
    let address = Fixture::default().serve().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let query = escaped("ASK {}");
    // HEAD: as GET, without the body. If a body came it would be read as the next response's head.
    let head = format!("HEAD /sparql?query={query} HTTP/1.1\r\nHost: x\r\n\r\n");
    let (response, _) = exchange(&mut stream, head.as_bytes(), false).await;
    assert!(response.starts_with("http/1.1 200"), "{response}");
    assert!(
        response.contains("content-type: application/sparql-results+json\r\n"),
        "{response}"
    );
    for request in [
        // Jena
        format!(
            "GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nTE: trailers\r\n\r\n"
        ),
        format!("GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        // Blazegraph
        format!(
            "POST /sparql?query={query}&queryId=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        ),
        format!("POST /sparql?query={query} HTTP/1.1\r\nHost: x\r\n\r\n"),
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nASK {}\r\n0\r\n\r\n".to_owned(),
        // A request line of 16 KiB.
        format!(
            "GET /sparql?query={query}%23{} HTTP/1.1\r\nHost: x\r\n\r\n",
            "x".repeat(16 << 10)
        ),
    ] {
        let (response, body) = exchange(&mut stream, request.as_bytes(), true).await;
        assert!(
            response.starts_with("http/1.1 200"),
            "{request}: {response}"
        );
        assert_eq!(body, br#"{"head":{},"boolean":true}"#);
    }
}

#[tokio::test]
async fn a_client_that_still_sends_too_long_a_body_reads_the_answer() {
    let settings = HttpSettings {
        body_limit_bytes: 1000,
        ..HttpSettings::default()
    };
    let fixture = Fixture {
        settings,
        ..Fixture::default()
    };
    let address = fixture.serve().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = "x".repeat(8 << 20);
    let request = format!(
        "POST /query HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (response, body) = exchange(&mut stream, request.as_bytes(), true).await;
    assert!(response.starts_with("http/1.1 413"), "{response}");
    assert!(String::from_utf8(body).unwrap().contains("1000 bytes"));
    // A client that asks first is told at once, without sending.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"
    );
    let (response, _) = exchange(&mut stream, request.as_bytes(), true).await;
    assert!(response.starts_with("http/1.1 413"), "{response}");
}

/// A service with one place among the queries, and the connection whose endless query has it.
async fn with_its_place_taken(settings: HttpSettings) -> (SocketAddr, TcpStream) {
    let fixture = Fixture {
        store: large_store(),
        settings: HttpSettings {
            max_queries: NonZeroUsize::MIN,
            ..settings
        },
        ..Fixture::default()
    };
    let address = fixture.serve().await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /sparql?query={} HTTP/1.1\r\nHost: x\r\n\r\n",
        escaped(ENDLESS)
    );
    first.write_all(request.as_bytes()).await.unwrap();
    (address, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_before_the_query_ends_and_leaving_frees_its_place() {
    let (address, mut first) = with_its_place_taken(HttpSettings::default()).await;
    let mut start = vec![0; 200_000];
    first.read_exact(&mut start).await.unwrap();
    let start = String::from_utf8_lossy(&start).into_owned();
    assert!(start.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(start.contains("transfer-encoding: chunked"));
    assert!(start.contains("\"bindings\":[{"));

    // The only place is taken, so the next query waits, while the probes answer.
    let mut second = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /sparql?query={} HTTP/1.1\r\nHost: x\r\n\r\n",
        escaped("ASK {}")
    );
    let waiting = exchange(&mut second, request.as_bytes(), true);
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
    assert!(early.is_err(), "the second query did not wait");
    let mut probe = TcpStream::connect(address).await.unwrap();
    let (ready, _) = exchange(&mut probe, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n", true).await;
    assert!(ready.starts_with("http/1.1 200"), "{ready}");

    drop(first);
    let (response, body) = waiting.await;
    assert!(response.starts_with("http/1.1 200"), "{response}");
    assert_eq!(body, br#"{"head":{},"boolean":true}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_service_says_when_to_come_back() {
    let settings = HttpSettings {
        max_wait: Duration::from_millis(50),
        ..HttpSettings::default()
    };
    let (address, mut first) = with_its_place_taken(settings).await;
    first.read_exact(&mut [0; 1000]).await.unwrap();

    let sentence = "the service is busy with other queries; try again in 5 s";
    for (path, expected) in [
        ("/sparql?query=ASK%20%7B%7D", format!("{sentence}\n")),
        (
            "/sparql?query=ASK%20%7B%7D&explain=true",
            format!("{sentence}\n"),
        ),
        ("/query?str=lake", format!("{{\"error\":\"{sentence}\"}}")),
    ] {
        let mut second = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (response, body) = exchange(&mut second, request.as_bytes(), true).await;
        assert!(response.starts_with("http/1.1 503"), "{response}");
        assert!(response.contains("retry-after: 5\r\n"), "{response}");
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_an_answer_finish_and_closes_idle_connections() {
    let fixture = Fixture {
        store: large_store(),
        ..Fixture::default()
    };
    let (address, server, stop) = fixture.serve_until_stopped().await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    exchange(&mut idle, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", true).await;
    let mut busy = TcpStream::connect(address).await.unwrap();
    let query = escaped("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 100000");
    let request = format!("GET /sparql?query={query} HTTP/1.1\r\nHost: x\r\n\r\n");
    busy.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1000];
    busy.read_exact(&mut answer).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(
        idle.read(&mut [0]).await.unwrap(),
        0,
        "the idle connection is closed"
    );
    busy.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"0\r\n\r\n"), "the answer is complete");
    server.await.unwrap().unwrap();
}

//! Servers that write to connections what they like.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does when it is asked.
pub(super) enum Act {
    /// Writes this and closes the connection.
    Say(Vec<u8>),
    /// Writes this, and nothing more while the connection is open.
    Hold(Vec<u8>),
    /// Writes a byte of this in each second.
    Drip(Vec<u8>),
    /// Writes the first, and the second again and again.
    Forever(Vec<u8>, Vec<u8>),
}

/// A whole answer. `more` are lines of its head.
pub(super) fn response(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let n_bytes = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {n_bytes}\r\n{more}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A server on loopback that does for each path what `answer` says, once for each connection.
pub(super) async fn serve(answer: Box<dyn Fn(&str) -> Act + Send + Sync>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer: Arc<dyn Fn(&str) -> Act + Send + Sync> = answer.into();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            // Whoever hangs up has had enough.
            tokio::spawn(async move { drop(talk(stream, &*answer).await) });
        }
    });
    base
}

async fn talk(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str) -> Act + Send + Sync),
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    match answer(path) {
        Act::Say(bytes) => stream.write_all(&bytes).await?,
        Act::Hold(bytes) => {
            stream.write_all(&bytes).await?;
            // Until the other side closes.
            stream.read_u8().await?;
        }
        Act::Drip(bytes) => {
            for byte in bytes {
                stream.write_u8(byte).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Act::Forever(first, again) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
    }
    stream.shutdown().await
}

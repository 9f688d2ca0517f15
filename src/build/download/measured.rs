//! How much longer a quick host takes when its pace is found out than when all places are open at once.

use super::pace::{Kind, Pace};
use super::{Downloader, Host, Source};
use crate::build::options::Network;
use crate::collection::requested::{PLAIN_WIDTH_PX, Requested};
use futures_util::{StreamExt, stream};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const N_PLACES: usize = 16;

/// A host that answers every request after `took`, on connections that stay open.
async fn host(took: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, took));
        }
    });
    base
}

async fn serve(mut connection: TcpStream, took: Duration) {
    let answer = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n".as_slice(),
        &[7; 20_000],
    ]
    .concat();
    let mut request = Vec::new();
    while let Ok(n) = connection.read_buf(&mut request).await {
        if n == 0 {
            return;
        }
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            tokio::time::sleep(took).await;
            if connection.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// Seconds for `n` pictures.
async fn seconds(base: &str, pace: Pace, n: usize) -> f64 {
    let requested = Requested::Width(PLAIN_WIDTH_PX);
    let downloader = Downloader::new(Network::default(), requested, N_PLACES).unwrap();
    let source = Source {
        host: Host::new(base.to_owned(), pace, Duration::from_millis(500), 4),
        habit: Default::default(),
        asking: Default::default(),
    };
    let begun = Instant::now();
    let (source, downloader) = (&source, &downloader);
    stream::iter(0..n)
        .for_each_concurrent(N_PLACES, |n| async move {
            let url = format!("{base}/{n}");
            downloader.get_picture(&source.host, &url).await.unwrap();
        })
        .await;
    begun.elapsed().as_secs_f64()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// `cargo test --release --lib measured -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which a busy machine spoils"]
async fn a_quick_host_is_as_quick_as_with_all_places_at_once() {
    for (took_ms, n) in [(0, 4000), (5, 2000), (50, 1000)] {
        let base = host(Duration::from_millis(took_ms)).await;
        let (mut fixed, mut found) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            let mut open = Pace::new(N_PLACES, Duration::ZERO);
            open.begin();
            for _ in 0..100 {
                open.note(Kind::Picture, Duration::ZERO);
            }
            assert_eq!(open.limit(), N_PLACES);
            fixed.push(seconds(&base, open, n).await);
            let pace = Pace::new(N_PLACES, Duration::ZERO);
            found.push(seconds(&base, pace, n).await);
        }
        let ratio = median(
            fixed
                .iter()
                .zip(&found)
                .map(|(fixed, found)| fixed / found)
                .collect(),
        );
        #[expect(
            clippy::cast_precision_loss,
            reason = "a few thousand; a measurement is shown"
        )]
        {
            println!(
                "{took_ms} ms an answer, {n} pictures: {:.0} in a second with {N_PLACES} places at once, {:.0} as found out, ratio {ratio:.3}",
                n as f64 / median(fixed),
                n as f64 / median(found),
            );
        }
        assert!(ratio >= 0.95, "{ratio}");
    }
}

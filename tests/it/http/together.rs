//! What many ask for at the same time: encoded together, in turns, within bounds, and not for those who have left.

use super::{Fixture, body_json, escaped, get, post, text};
use crate::colours::{ColourEncoder, WIDTH};
use axum::Router;
use axum::http::StatusCode;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, EncoderError, ImageError, Pixels};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// [`ColourEncoder`] that tells what it is given, and encodes when it may.
struct Gate {
    begun: Mutex<Sender<Vec<String>>>,
    may_go_on: Mutex<Receiver<()>>,
}

impl Encoder for Gate {
    fn width(&self) -> usize {
        WIDTH
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Vec<Embedding>, EncoderError> {
        let texts_begun = texts.iter().map(|text| (*text).to_owned()).collect();
        let _ = self.begun.lock().unwrap().send(texts_begun);
        // Once nobody holds the gate it is open.
        let _ = self.may_go_on.lock().unwrap().recv();
        ColourEncoder.encode_texts(texts)
    }

    fn preprocess(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        ColourEncoder.preprocess(bytes)
    }

    fn encode_images(&self, images: &[Pixels]) -> Result<Vec<Embedding>, EncoderError> {
        ColourEncoder.encode_images(images)
    }
}

/// A service with a gate before its model: what says which batches have begun, and what lets one go on.
fn gated() -> (Router, Receiver<Vec<String>>, Sender<()>) {
    let (begun, batches) = channel();
    let (go_on, may_go_on) = channel();
    let encoder = Gate {
        begun: Mutex::new(begun),
        may_go_on: Mutex::new(may_go_on),
    };
    let fixture = Fixture {
        encoder: Arc::new(encoder),
        ..Fixture::default()
    };
    (fixture.router(), batches, go_on)
}

/// A query with the texts "NAME 0", "NAME 1", ….
fn many_texts(name: &str, n: usize) -> String {
    let mut values = String::new();
    for number in 0..n {
        write!(values, "'{name} {number}' ").unwrap();
    }
    format!(
        "SELECT ?text ?s {{ VALUES ?text {{ {values} }} ?r a clip:Request ; clip:queryString ?text ; clip:limit 1 ; \
         clip:minScore -1 ; clip:score ?s }}"
    )
}

async fn search(router: &Router, words: &str) -> serde_json::Value {
    let response = get(
        router,
        &format!("/query?str={}&minScore=-1", escaped(words)),
        None,
    )
    .await;
    assert_eq!(response.status(), StatusCode::OK);
    body_json(response).await
}

async fn sparql(router: Router, query: String) -> (StatusCode, String) {
    let response = post(&router, "/sparql", "application/sparql-query", query).await;
    (response.status(), text(response).await)
}

/// With the real model: answers do not depend on who asks at the same time, to the last digit.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_same_alone_and_in_company() {
    let service = || {
        let (collection, encoder) = crate::encoder::tiny_collection();
        let encoder: Arc<dyn Encoder> = Arc::new(encoder);
        Fixture {
            collection,
            encoder,
            ..Fixture::default()
        }
        .router()
    };
    let words = |n: usize| {
        "the old town by the lake in the mountains "[..(n * 7 % 41)].to_owned() + &n.to_string()
    };
    let alone = service();
    let mut expected = Vec::new();
    for n in 0..48 {
        expected.push(search(&alone, &words(n)).await);
    }
    let together = service();
    let mut tasks = JoinSet::new();
    for n in 0..48 {
        let (together, words) = (together.clone(), words(n));
        tasks.spawn(async move { (n, search(&together, &words).await) });
    }
    while let Some(found) = tasks.join_next().await {
        let (n, found) = found.unwrap();
        assert_eq!(found, expected[n], "{n}");
    }
}

/// By the number of batches, not by time.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_texts_do_not_starve_a_search() {
    let (router, batches, go_on) = gated();
    let many = tokio::spawn(sparql(router.clone(), many_texts("many", 5000)));
    let n_first = tokio::task::spawn_blocking(move || (batches.recv().unwrap().len(), batches));
    let (n_first, batches) = n_first.await.unwrap();
    let (asking, one) = (router.clone(), "red");
    let short = tokio::spawn(async move { search(&asking, one).await });
    let n_batches = tokio::task::spawn_blocking(move || {
        let mut n_encoded = n_first;
        loop {
            // The search comes over another thread, and may take a moment until it asks for its text.
            std::thread::sleep(std::time::Duration::from_millis(20));
            go_on.send(()).unwrap();
            let batch = batches.recv().unwrap();
            n_encoded += batch.len();
            if batch.iter().any(|text| text == "red") {
                break;
            }
        }
        drop(go_on);
        (n_encoded, batches)
    });
    let (n_encoded, _batches) = n_batches.await.unwrap();
    assert!(
        n_encoded < 5000,
        "{n_encoded} before the search had its turn"
    );
    let n_images = crate::colours::collection().len();
    assert_eq!(short.await.unwrap().as_array().unwrap().len(), n_images);
    let (status, body) = many.await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_takes_no_more_of_the_model() {
    let (router, batches, go_on) = gated();
    let gone = tokio::spawn(sparql(router.clone(), many_texts("gone", 5000)));
    let first = tokio::task::spawn_blocking(move || (batches.recv().unwrap(), batches));
    let (_, batches) = first.await.unwrap();
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(go_on);
    search(&router, "red").await;
    let encoded: BTreeSet<String> = batches.try_iter().flatten().collect();
    assert!(encoded.contains("red"));
    // What it had asked for at once may still be on its way when it leaves, and no more.
    assert!(encoded.len() <= 1 + 64, "{}", encoded.len());
}

/// More wait than there is room for: the others are told so, and those that wait have their answers in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_a_503_with_a_pause() {
    let (router, _batches, go_on) = gated();
    let mut tasks = JoinSet::new();
    for n in 0..270 {
        let router = router.clone();
        tasks.spawn(async move {
            let response = get(&router, &format!("/query?str=text+{n}"), None).await;
            let pause = response.headers().get("retry-after").cloned();
            (response.status(), pause, text(response).await)
        });
    }
    // The first that has an answer has none: nothing is encoded yet.
    let (status, pause, body) = tasks.join_next().await.unwrap().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(pause.unwrap(), "5");
    assert_eq!(
        body,
        r#"{"error":"the service has too many texts and pictures to encode; try again in 5 s"}"#
    );
    drop(go_on);
    let mut n_answered = 0;
    while let Some(answer) = tasks.join_next().await {
        let (status, _, body) = answer.unwrap();
        match status {
            StatusCode::OK => n_answered += 1,
            StatusCode::SERVICE_UNAVAILABLE => {}
            other => panic!("{other} {body}"),
        }
    }
    assert!(n_answered >= 256, "{n_answered}");
}

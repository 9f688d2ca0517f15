//! A proxy in front of an image server that notes what goes through.

use crate::support;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex};

/// A request and its answer.
pub(super) struct Exchange {
    pub(super) path: String,
    /// Of the body, as it was sent.
    pub(super) n_bytes: usize,
}

/// What went through, in its order.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Exchange>>>);

impl Log {
    /// What went through since the last time.
    pub(super) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn add(&self, exchange: Exchange) {
        self.0.lock().unwrap().push(exchange);
    }
}

/// A client that asks loopback servers whatever proxy is set, and leaves bodies as they are.
pub(super) fn client() -> reqwest::Client {
    clip_search::net::client_builder()
        .no_proxy()
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A proxy for `server` (`http://127.0.0.1:1234`).
pub(super) async fn serve(server: &str) -> (String, Log) {
    let (log, client, server) = (Log::default(), client(), server.to_owned());
    let noted = log.clone();
    let pass = async move |request: Request| -> Response {
        let path = request.uri().to_string();
        let method = request.method().clone();
        let mut asked = client.request(method, format!("{server}{path}"));
        // The server names itself by what it is asked as.
        if let Some(host) = request.headers().get(header::HOST) {
            asked = asked.header(header::HOST, host);
        }
        let answer = asked.send().await.unwrap();
        let (status, headers) = (answer.status(), kept(answer.headers()));
        let body = answer.bytes().await.unwrap();
        noted.add(Exchange {
            path,
            n_bytes: body.len(),
        });
        (status, headers, body).into_response()
    };
    let base = support::serve(Router::new().fallback(pass)).await;
    (base, log)
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let names = [header::CONTENT_TYPE, header::LOCATION];
    let pairs = names.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    pairs.collect()
}

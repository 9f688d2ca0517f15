//! A IIIF server with documents beside its pictures.

use crate::build::options;
use crate::support;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use clip_search::build::options::{BuildOptions, Source};
use clip_search::http::iiif::iiif_router;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Pictures behind a IIIF server, and documents on the same host.
pub(crate) struct Site {
    dir: TempDir,
    pub(crate) base: String,
    /// The documents, and how often each was asked for.
    pub(crate) documents: Arc<Mutex<HashMap<String, Value>>>,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
}

type Shelf = (
    Arc<Mutex<HashMap<String, Value>>>,
    Arc<Mutex<BTreeMap<String, usize>>>,
);

async fn document(
    State((documents, asked)): State<Shelf>,
    UrlPath(name): UrlPath<String>,
) -> Response {
    *asked.lock().unwrap().entry(name.clone()).or_default() += 1;
    match documents.lock().unwrap().get(&name) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Value::String(text)) => match text.strip_prefix("to ") {
            Some(target) => Redirect::temporary(target).into_response(),
            None => text.clone().into_response(),
        },
        Some(document) => (
            [(header::CONTENT_TYPE, "application/ld+json")],
            document.to_string(),
        )
            .into_response(),
    }
}

impl Site {
    pub(crate) async fn new(n_images: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pictures = dir.path().join("pictures");
        fs::create_dir(&pictures).unwrap();
        support::write_pictures(&pictures, n_images);
        let shelf = Shelf::default();
        let (documents, asked) = shelf.clone();
        let router = Router::new()
            .route("/iiif-documents/{*name}", get(document))
            .route(
                "/robots.txt",
                get(async |shelf: State<Shelf>| {
                    document(shelf, UrlPath("robots.txt".to_owned())).await
                }),
            )
            .with_state(shelf)
            .merge(iiif_router(pictures, None));
        let base = support::serve(router).await;
        Self {
            dir,
            base,
            documents,
            asked,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn image(&self, n: usize) -> String {
        format!("{}/image-{n:03}.jpg", self.base)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/iiif-documents/{name}", self.base)
    }

    pub(crate) fn put(&self, name: &str, document: Value) {
        self.documents
            .lock()
            .unwrap()
            .insert(name.to_owned(), document);
    }

    /// What the host wants of programs.
    pub(crate) fn put_robots(&self, text: &str) {
        self.put("robots.txt", Value::String(text.to_owned()));
    }

    /// A manifest of version 3 with a canvas for each of `images`.
    pub(crate) fn put_book(&self, name: &str, images: &[usize]) {
        let url = self.url(name);
        let canvases: Vec<Value> = (images.iter())
            .map(|n| {
                let canvas = format!("{url}/canvas/{n}");
                let service = self.image(*n);
                json!({"id": canvas, "type": "Canvas", "label": {"none": [format!("Page {n}")]}, "items": [
                    {"type": "AnnotationPage", "items": [{"type": "Annotation", "motivation": "painting", "target": canvas,
                        "body": {"id": format!("{service}/full/max/0/default.jpg"), "type": "Image",
                            "service": [{"id": service, "type": "ImageService3", "profile": "level2"}]}}]}]})
            })
            .collect();
        let book = json!({
            "@context": "http://iiif.io/api/presentation/3/context.json", "id": url, "type": "Manifest",
            "label": {"en": [format!("Book {name}")], "de": [format!("Buch {name}")]},
            "metadata": [{"label": {"en": ["Artist"]}, "value": {"none": ["<b>Carlo</b> Riva"]}}],
            "rights": "http://creativecommons.org/publicdomain/zero/1.0/",
            "provider": [{"id": "https://museum.example.org/", "type": "Agent", "label": {"en": ["Museum"]}}],
            "homepage": [{"id": format!("{url}.html"), "type": "Text", "label": {"en": ["Page"]}}],
            "items": canvases
        });
        self.put(name, book);
    }

    /// Options that allow the loopback server.
    pub(crate) fn options(&self, roots: &[String]) -> BuildOptions {
        let mut options = options(Source::Manifests(roots.to_vec()), &self.path("data"));
        options.network.public_except = Some("127.0.0.1".parse().unwrap());
        options
    }

    pub(crate) fn times(&self, name: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .get(name)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn images_csv(&self) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.path("data/images.csv")).unwrap();
        reader.deserialize().map(Result::unwrap).collect()
    }
}

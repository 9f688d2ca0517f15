//! The whole program at work on the example collection: served by IIIF, built, loaded, served.

use crate::process::{Running, clip_search, run};
use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// The addresses that the examples name.
const IIIF: &str = "http://127.0.0.1:8182";
const SERVICE: &str = "http://127.0.0.1:5000";

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The fixture model. Its weights are random: what it finds means nothing, but is always the same.
pub(crate) fn model() -> String {
    text_of(&repository("tests/fixtures/tiny-clip"))
}

pub(crate) fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The example pictures behind `clip-search iiif-serve`, and `clip-search serve` on a collection and
/// a metadata store made of them. Its servers end when it is dropped.
pub(crate) struct World {
    /// Where the pictures are served.
    pub(crate) iiif: String,
    /// Where the program answers.
    pub(crate) service: String,
    _servers: [Running; 2],
    // Dropped last: the servers read it.
    dir: TempDir,
}

impl World {
    /// The world of all tests that run at this time. The last one ends it: a static would not.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<World>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let world = Arc::new(Self::start());
            *shared = Arc::downgrade(&world);
            world
        })
    }

    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| text_of(&dir.path().join(name));
        let pictures = text_of(&repository("examples/pictures"));
        let (iiif_server, iiif) =
            Running::server(&mut clip_search(&["iiif-serve", &pictures, "--port", "0"]));
        fs::write(at("in.csv"), get(&format!("{iiif}/images.csv")).1).unwrap();
        let (data, store, model) = (at("data"), at("store"), model());
        #[rustfmt::skip]
        let build = ["build", "--mode", "CSV", "--csv-file", &at("in.csv"), "--data-dir", &data, "--model", &model];
        run(&mut clip_search(&build)).ok();
        fs::write(
            at("metadata.ttl"),
            example("metadata.ttl").replace(IIIF, &iiif),
        )
        .unwrap();
        let load = ["load", "--store", &store, &at("metadata.ttl")];
        run(&mut clip_search(&load)).ok();
        #[rustfmt::skip]
        let serve = ["serve", "--data-dir", &data, "--store", &store, "--model", &model,
            "--host", "127.0.0.1", "--port", "0", "--allow-fetch", "127.0.0.1"];
        let (service_server, service) = Running::server(&mut clip_search(&serve));
        let world = Self {
            iiif,
            service,
            _servers: [service_server, iiif_server],
            dir,
        };
        world.copy_examples();
        world
    }

    /// The examples, with the addresses of this world. Their minimum score is meant for a real model:
    /// random weights do not reach it, so it is taken away.
    fn copy_examples(&self) {
        let copies = self.dir.path().join("examples");
        fs::create_dir_all(copies.join("pictures")).unwrap();
        for entry in fs::read_dir(repository("examples")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = entry.file_name().into_string().unwrap();
                let text = example(&name)
                    .replace(IIIF, &self.iiif)
                    .replace(SERVICE, &self.service)
                    .replace("clip:minScore \"0.2\"", "clip:minScore \"-1\"");
                fs::write(copies.join(&name), text).unwrap();
                // The script stays executable.
                let mode = entry.metadata().unwrap().permissions();
                fs::set_permissions(copies.join(&name), mode).unwrap();
            }
        }
        for entry in fs::read_dir(repository("examples/pictures")).unwrap() {
            let entry = entry.unwrap();
            let copy = copies.join("pictures").join(entry.file_name());
            fs::copy(entry.path(), copy).unwrap();
        }
    }

    /// A file of this world: `in.csv`, `data`, `store`, `metadata.ttl`, `examples/…`.
    pub(crate) fn path(&self, name: &str) -> String {
        text_of(&self.dir.path().join(name))
    }

    /// IIIF URL of the picture called `name`.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}.jpg", self.iiif)
    }

    pub(crate) fn collection(&self) -> Collection {
        Collection::open(Path::new(&self.path("data"))).unwrap()
    }

    /// Cosine of two images, from the collection on disk.
    pub(crate) fn similarity(&self, a: &str, b: &str) -> f32 {
        let collection = self.collection();
        let embedding = |url| {
            let row = collection.row_of_url(url).unwrap();
            Embedding::new(collection.features().row(row).to_vec()).unwrap()
        };
        embedding(a).cosine(&embedding(b))
    }

    /// `clip-search` with the data, the store and the model of this world.
    pub(crate) fn clip_search(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = clip_search(arguments);
        command
            .env("CLIP_DATA_DIRECTORY", self.path("data"))
            .env("CLIP_STORE", self.path("store"))
            .env("CLIP_MODEL", model());
        command
    }

    /// The answer of `/query`: URL and score of each image.
    #[track_caller]
    pub(crate) fn search(&self, parameters: &[(&str, &str)]) -> Vec<(String, f64)> {
        let url = format!("{}/query", self.service);
        let url = url::Url::parse_with_params(&url, parameters).unwrap();
        let (status, body) = get(url.as_str());
        assert_eq!(status, 200, "{body}");
        hits(&body)
    }

    /// The rows of a SELECT query: the text of each variable, empty if unbound.
    #[track_caller]
    pub(crate) fn select(&self, query: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let (status, body) = send(
            &format!("{}/sparql", self.service),
            "application/sparql-query",
            query.as_bytes(),
        );
        assert_eq!(status, 200, "{body}");
        table(&body)
    }
}

/// The text of a file in `examples/`.
pub(crate) fn example(name: &str) -> String {
    let path = repository("examples").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// URL and score of each image in an answer of `/query`.
#[track_caller]
pub(crate) fn hits(body: &str) -> Vec<(String, f64)> {
    let found: Vec<Value> = serde_json::from_str(body).unwrap_or_else(|_| panic!("{body}"));
    let hit = |image: &Value| {
        let url = image["url"].as_str().unwrap().to_owned();
        (url, image["score"].as_f64().unwrap())
    };
    found.iter().map(hit).collect()
}

/// Variables and rows of SPARQL results in JSON.
#[track_caller]
pub(crate) fn table(body: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let json: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{body}"));
    let variables: Vec<String> = json["head"]["vars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let rows = json["results"]["bindings"].as_array().unwrap();
    let rows = rows
        .iter()
        .map(|row| {
            let cell = |name: &String| row[name]["value"].as_str().unwrap_or_default().to_owned();
            variables.iter().map(cell).collect()
        })
        .collect();
    (variables, rows)
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

/// Status and body of a GET.
pub(crate) fn get(url: &str) -> (u16, String) {
    let mut response = agent().get(url).call().unwrap();
    let body = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), body)
}

/// Status and body of a POST.
pub(crate) fn send(url: &str, media_type: &str, body: &[u8]) -> (u16, String) {
    let request = agent().post(url).content_type(media_type);
    let mut response = request.send(body).unwrap();
    let body = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), body)
}

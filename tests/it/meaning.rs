//! What the demo finds. Its model is trained, so that these tests look at the meaning of answers and not only
//! at their form. The names of its pictures tell what is on them: `sailing-ship-003.jpg`.

use crate::demo::free_port;
use crate::process::{Running, clip_search};
use crate::world::{get, repository, send, table, text_of};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

/// The demo, served.
struct Demo {
    service: String,
    // Before the directory that it reads.
    _server: Running,
    _dir: TempDir,
}

impl Demo {
    /// The demo of all tests that run at this time. The last one ends it: a static would not.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Demo>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let demo = Arc::new(Self::start());
            *shared = Arc::downgrade(&demo);
            demo
        })
    }

    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let (folder, iiif_port) = (text_of(&dir.path().join("demo")), free_port().to_string());
        #[rustfmt::skip]
        let demo = ["demo", "--dir", &folder, "--port", "0", "--iiif-port", &iiif_port];
        let (server, service) = Running::server(&mut clip_search(&demo));
        Self {
            service,
            _server: server,
            _dir: dir,
        }
    }

    /// The best pictures for a text, by what is on them.
    #[track_caller]
    fn find(&self, text: &str, limit: usize) -> Vec<String> {
        let limit = limit.to_string();
        let parameters = [("str", text), ("limit", &limit), ("minScore", "-1")];
        let url = format!("{}/query", self.service);
        let url = url::Url::parse_with_params(&url, parameters).unwrap();
        let (status, body) = get(url.as_str());
        assert_eq!(status, 200, "{body}");
        let hits = crate::world::hits(&body);
        hits.iter().map(|(url, _)| kind(url)).collect()
    }

    #[track_caller]
    fn select(&self, query: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let url = format!("{}/sparql", self.service);
        let (status, body) = send(&url, "application/sparql-query", query.as_bytes());
        assert_eq!(status, 200, "{body}");
        table(&body)
    }

    /// The rows of one of the demo's own queries.
    #[track_caller]
    fn run(&self, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let path = repository("examples/demo/queries").join(name);
        self.select(&fs::read_to_string(path).unwrap())
    }
}

/// What is on the picture behind a URL: its name without number and extension.
fn kind(url: &str) -> String {
    let name = url.rsplit('/').next().unwrap();
    let (kind, _) = name.rsplit_once('-').unwrap();
    kind.to_owned()
}

const SHIPS: [&str; 2] = ["sailing-ship", "steamship"];

/// How many of the first `n` pictures must show one of the things: nearly all of the things that are there
/// often, the first few of the others.
#[test]
fn texts_find_what_they_name() {
    let demo = Demo::shared();
    let mut missed = String::new();
    for (text, things, n, least) in [
        ("a ship at sea", &SHIPS[..], 10, 10),
        ("A mountain lake", &["lake"], 5, 5),
        ("a group of people", &["people"], 5, 5),
        ("Katze", &["cat"], 3, 2),
        ("bateau sur la mer", &SHIPS, 10, 10),
        ("airplane", &["airplane", "airplane-arrival"], 3, 2),
        ("ein Bergsee", &["lake"], 5, 5),
        ("una nave in mare", &SHIPS, 10, 10),
        ("ein Schiff auf dem Meer", &SHIPS, 10, 10),
        ("an old map", &["map"], 5, 5),
        ("une carte ancienne", &["map"], 5, 5),
        ("eine Handschrift", &["manuscript"], 5, 5),
        ("una moneta", &["coin"], 5, 5),
        ("ein Porträt", &["portrait"], 5, 5),
        ("a castle on a hill", &["castle"], 5, 5),
        ("un chat", &["cat"], 3, 2),
        ("un gatto", &["cat"], 3, 2),
        ("ein Pferd", &["horse", "horse-racing"], 3, 3),
        ("a violin", &["violin"], 3, 2),
        ("Fahrrad", &["bicycle"], 3, 1),
        ("un éléphant", &["elephant"], 3, 2),
    ] {
        let found = demo.find(text, n);
        let right = (found.iter()).filter(|kind| things.contains(&kind.as_str()));
        if right.count() < least {
            missed.push_str(&format!("{text}: {found:?}\n"));
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

/// Over all views, in all languages, the first pictures are nearly all right: this is what the model is
/// for, and what a mistake in preprocessing, tokenizing or scoring would ruin.
#[test]
fn views_are_found_in_four_languages() {
    let demo = Demo::shared();
    for (language, names) in [
        (
            "en",
            [
                "a mountain lake",
                "mountains",
                "a city",
                "a portrait",
                "a map",
                "a manuscript page",
                "a coin",
                "a church",
                "a castle",
                "a forest",
                "a waterfall",
                "a sunset",
                "the night sky",
                "a desert",
                "a bridge over a river",
            ],
        ),
        (
            "de",
            [
                "ein Bergsee",
                "Berge",
                "eine Stadt",
                "ein Porträt",
                "eine Karte",
                "eine Handschrift",
                "eine Münze",
                "eine Kirche",
                "eine Burg",
                "ein Wald",
                "ein Wasserfall",
                "ein Sonnenuntergang",
                "der Nachthimmel",
                "eine Wüste",
                "eine Brücke über einen Fluss",
            ],
        ),
        (
            "fr",
            [
                "un lac de montagne",
                "montagnes",
                "une ville",
                "un portrait",
                "une carte",
                "un manuscrit",
                "une pièce de monnaie",
                "une église",
                "un château",
                "une forêt",
                "une cascade",
                "un coucher de soleil",
                "le ciel nocturne",
                "un désert",
                "un pont sur une rivière",
            ],
        ),
        (
            "it",
            [
                "un lago di montagna",
                "montagne",
                "una città",
                "un ritratto",
                "una mappa",
                "un manoscritto",
                "una moneta",
                "una chiesa",
                "un castello",
                "una foresta",
                "una cascata",
                "un tramonto",
                "il cielo notturno",
                "un deserto",
                "un ponte su un fiume",
            ],
        ),
    ] {
        let kinds = [
            "lake",
            "mountains",
            "city",
            "portrait",
            "map",
            "manuscript",
            "coin",
            "church",
            "castle",
            "forest",
            "waterfall",
            "sunset",
            "night-sky",
            "desert",
            "bridge",
        ];
        let right: usize = names
            .iter()
            .zip(kinds)
            .map(|(text, kind)| {
                demo.find(text, 5)
                    .iter()
                    .filter(|found| *found == kind)
                    .count()
            })
            .sum();
        let all = 5 * kinds.len();
        assert!(right * 10 >= all * 9, "{language}: {right} of {all}");
    }
}

/// The queries that the demo prints, answered.
#[test]
fn its_queries_find_what_they_ask_for() {
    let demo = Demo::shared();
    let column = |(variables, rows): &(Vec<String>, Vec<Vec<String>>), name: &str| -> Vec<String> {
        let index = variables.iter().position(|v| v == name).unwrap();
        rows.iter().map(|row| row[index].clone()).collect()
    };

    let ships = demo.run("1-ships-before-1850-in-lugano.rq");
    let images = column(&ships, "image");
    assert!(images.len() >= 5, "{ships:?}");
    assert!(
        images[..5]
            .iter()
            .all(|url| SHIPS.contains(&kind(url).as_str())),
        "{ships:?}"
    );
    assert!(
        column(&ships, "year")
            .iter()
            .all(|year| year.parse::<i32>().unwrap() < 1850)
    );

    let castles = demo.run("2-artists-of-castles.rq");
    let counted: usize = column(&castles, "pictures")
        .iter()
        .map(|n| n.parse::<usize>().unwrap())
        .sum();
    assert!(
        (7..=12).contains(&counted),
        "9 pictures show a castle: {castles:?}"
    );

    let techniques = demo.run("3-techniques-by-sight.rq");
    let sum = |name: &str| -> usize {
        column(&techniques, name)
            .iter()
            .map(|n| n.parse::<usize>().unwrap())
            .sum()
    };
    assert_eq!(
        sum("pictures"),
        fs::read_dir(repository("examples/demo/pictures"))
            .unwrap()
            .count()
    );
    assert!(
        sum("recognised") * 10 > sum("pictures") * 9,
        "seven techniques: {techniques:?}"
    );

    let lakes = demo.run("4-bergsee.rq");
    let images = column(&lakes, "image");
    assert!(
        images.len() >= 8 && images[..8].iter().all(|url| kind(url) == "lake"),
        "{lakes:?}"
    );

    let alike = demo.run("5-similar-to-a-picture.rq");
    assert_eq!(alike.1.len(), 10, "{alike:?}");
}

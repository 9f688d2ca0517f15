//! `clip-search demo`: set up once, searched and served by the real binary.
//!
//! Most tests bring a small demo of their own (the fixture model and the example pictures), which is
//! quick and always the same; its model has random weights, so they look at how the demo works and not at
//! what it finds.

use crate::process::{Ended, Running, clip_search, program, run};
use crate::world::{get, model, repository, send, table, text_of};
use clip_search::collection::Collection;
use clip_search::collection::sizes::{ApiVersion, Measured, Profile};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The titles of the small demo are the names of its pictures.
const PREFIXES: &str = "
@prefix crm: <http://www.cidoc-crm.org/cidoc-crm/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix la: <https://linked.art/ns/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix : <https://example.org/demo/> .
:lugano rdfs:label \"Lugano\"@it , \"Lugano\"@de . :oil rdfs:label \"oil painting\"@en , \"Ölmalerei\"@de .
";

/// A demo's files and a place for its directory.
struct Small {
    dir: TempDir,
    iiif_port: u16,
    port: u16,
}

impl Small {
    fn new() -> Self {
        let small = Self {
            dir: tempfile::tempdir().unwrap(),
            iiif_port: free_port(),
            port: free_port(),
        };
        copy(Path::new(&model()), &small.at("files/model"));
        copy(
            &repository("examples/pictures"),
            &small.at("files/pictures"),
        );
        copy(
            &repository("examples/demo/queries"),
            &small.at("files/queries"),
        );
        small.write_metadata();
        small
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_metadata(&self) {
        let mut turtle = PREFIXES.to_owned();
        for (n, name) in names(&self.at("files/pictures")).iter().enumerate() {
            let stem = name.trim_end_matches(".jpg");
            let (artist, year) = (n % 3, 1830 + 5 * n);
            turtle.push_str(&format!(
                ":{n} rdfs:label \"{stem}\"@en , \"{stem}, deutsch\"@de ;
                    crm:P55_has_current_location :lugano ;
                    crm:P108i_was_produced_by [
                        crm:P14_carried_out_by :artist-{artist} ;
                        crm:P32_used_general_technique :oil ;
                        crm:P4_has_time-span [ crm:P82a_begin_of_the_begin \"{year}-01-01T00:00:00Z\"^^xsd:dateTime ]
                    ] ;
                    crm:P138i_has_representation [ la:digitally_shown_by [ la:digitally_available_via [
                        dcterms:conformsTo <http://iiif.io/api/image> ; la:access_point <{name}> ] ] ] .
                :artist-{artist} rdfs:label \"Artist {artist}\" .\n"
            ));
        }
        fs::write(self.at("files/metadata.ttl"), turtle).unwrap();
    }

    fn demo(&self, arguments: &[&str]) -> Command {
        let (files, dir) = (text_of(&self.at("files")), text_of(&self.at("demo")));
        let (port, iiif_port) = (self.port.to_string(), self.iiif_port.to_string());
        #[rustfmt::skip]
        let own = ["demo", "--files", &files, "--dir", &dir, "--port", &port, "--iiif-port", &iiif_port];
        clip_search(&[&own, arguments].concat())
    }

    fn ask(&self) -> Ended {
        run(&mut self.demo(&["--query", "a ship at sea", "--limit", "3"]))
    }

    fn iiif(&self) -> String {
        format!("http://127.0.0.1:{}", self.iiif_port)
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// How many features a run made and how many it found.
#[track_caller]
fn made_and_found(ended: &Ended) -> (usize, usize) {
    let line = ended.stderr.lines().find(|l| l.starts_with("features of "));
    let line = line.unwrap_or_else(|| panic!("{}{}", ended.stdout, ended.stderr));
    let number = |before: &str| {
        let text = line.split(before).next().unwrap().trim_end();
        text.rsplit(' ').next().unwrap().parse().unwrap()
    };
    (number("made over IIIF"), number("from earlier runs"))
}

#[test]
fn it_is_set_up_once() {
    let small = Small::new();
    let first = small.ask();
    assert_eq!(made_and_found(&first), (12, 0));
    assert!(first.stderr.contains("triples loaded"), "{}", first.stderr);
    let collection = Collection::open(&small.at("demo/data")).unwrap();
    for row in 0..12 {
        let size = collection.size(row).unwrap();
        let url = collection.url(row);
        let name = url.rsplit('/').next().unwrap();
        let picture = repository("examples/pictures").join(name);
        let (width, height) = image::image_dimensions(picture).unwrap();
        assert_eq!((size.width.get(), size.height.get()), (width, height));
        assert_eq!(size.measured, Measured::Info);
        let service = size.service.unwrap();
        assert_eq!(
            (service.version, service.profile),
            (ApiVersion::V3, Some(Profile::Level1))
        );
    }
    let printed = first.ok();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 6, "{printed}");
    assert!(lines[0].starts_with("score "), "{printed}");
    let links = lines[2..5].iter().map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let (title, link) = (cells[1], cells[2]);
        let picture = format!("{}/{title}.jpg/full/", small.iiif());
        assert!(link.starts_with(&picture), "{line}");
    });
    assert_eq!(links.count(), 3);

    // All is there: nothing is served, built or loaded.
    let second = small.ask();
    assert!(!second.stderr.contains("features"), "{}", second.stderr);
    assert_eq!(second.ok(), printed);
    let json = [
        "--query",
        "a ship at sea",
        "--limit",
        "2",
        "--format",
        "json",
    ];
    let (variables, rows) = table(&run(&mut small.demo(&json)).ok());
    assert_eq!((variables.len(), rows.len()), (3, 2));
}

#[test]
fn it_serves_what_it_says() {
    let mut small = Small::new();
    let (server, service) = Running::server(&mut small.demo(&[]));
    assert_eq!(service, format!("http://127.0.0.1:{}", small.port));
    for path in [
        "/",
        "/sparql",
        "/query?str=a+ship+at+sea",
        "/health",
        "/ready",
    ] {
        assert_eq!(get(&format!("{service}{path}")).0, 200, "{path}");
    }
    assert_eq!(get(&small.iiif()).0, 200);

    let select = |query: &str| {
        let (status, body) = send(
            &format!("{service}/sparql"),
            "application/sparql-query",
            query.as_bytes(),
        );
        assert_eq!(status, 200, "{query}\n{body}");
        table(&body).1
    };
    let queries = names(&small.at("demo/queries"));
    assert_eq!(queries.len(), 5, "{queries:?}");
    for name in queries {
        let query = fs::read_to_string(small.at("demo/queries").join(&name)).unwrap();
        // Random weights do not reach the score that is meant for a trained model.
        let lowest = if query.contains("clip:minScore") {
            query
                .replace("\"0.42\"", "\"-1\"")
                .replace("\"0.4\"", "\"-1\"")
        } else {
            query.replace("clip:score", "clip:minScore \"-1\" ; clip:score")
        };
        let rows = select(&lowest);
        assert!(!rows.is_empty(), "{name}");
        select(&query);
    }
    let ready_made = fs::read_to_string(repository("queries/linked-art.rq")).unwrap();
    let rows = select(&ready_made);
    assert_eq!(rows.len(), 12);
    let collection = clip_search::collection::Collection::open(&small.at("demo/data")).unwrap();
    assert!(
        rows.iter()
            .all(|row| collection.row_of_url(&row[0]).is_some())
    );

    // The links of the answers lead to pictures, and its own pictures may be asked with.
    let links = "SELECT ?link ?iiif { ?r a clip:Request ; clip:queryString \"x\" ; clip:minScore \"-1\" ; clip:link ?link ; clip:iiifUrl ?iiif }";
    let rows = select(links);
    assert_eq!(rows.len(), 12);
    for row in &rows {
        // The answer is no text, so `get` cannot read it.
        let fetched =
            run(program("curl").args(["-sf", "--noproxy", "*", "-o", "/dev/null", &row[0]]));
        assert_eq!(fetched.code, Some(0), "{}", row[0]);
    }
    let alike = format!(
        "SELECT ?iiif {{ ?r a clip:Request ; clip:queryURL <{}> ; clip:limit 1 ; clip:minScore \"-1\" ; clip:iiifUrl ?iiif }}",
        rows[0][0]
    );
    assert_eq!(select(&alike), [[rows[0][1].clone()]]);

    // While it serves, it may be asked on the command line, and no second one is started.
    small.ask().ok();
    let check = |small: &Small, expected: &str| {
        let sentence = run(&mut small.demo(&[])).sentence(1);
        assert!(sentence.contains(expected), "{sentence}");
    };
    check(&small, "choose another with --port");
    small.port = 0;
    check(&small, "choose another with --iiif-port");
    small.iiif_port = 0;
    check(&small, "another demo is at work in");

    server.signal("INT");
    let ended = server.end();
    assert_eq!(made_and_found(&ended), (12, 0));
    let printed = ended.ok();
    assert!(printed.contains("==== 1-ships"), "{printed}");
}

#[test]
fn what_another_process_serves_is_asked_meanwhile() {
    let mut small = Small::new();
    let (server, _) = Running::server(&mut small.demo(&[]));
    let beside = small.ask().ok();
    assert!(beside.contains(&small.iiif()), "{beside}");
    // Who asks need not know the ports of the one that serves.
    let served = small.iiif_port;
    small.iiif_port = free_port();
    let printed = small.ask().ok();
    assert_eq!(printed, beside);
    // What is not set up cannot be: the other one is at work.
    fs::remove_file(small.at("demo/.ready")).unwrap();
    let sentence = small.ask().sentence(1);
    assert!(sentence.contains("another demo is at work"), "{sentence}");
    drop(server);
    assert_ne!(served, small.iiif_port);
    assert_eq!(made_and_found(&small.ask()), (12, 0));
}

#[test]
fn finished_work_is_reused() {
    let small = Small::new();
    small.ask().ok();
    let (server, _) = Running::server(&mut small.demo(&[]));
    server.signal("TERM");
    let ended = server.end();
    assert_eq!(made_and_found(&ended), (0, 12));
    assert!(!ended.stderr.contains("loaded"), "{}", ended.stderr);
    ended.ok();

    // Another picture under an old name; one picture less; one of the user's own.
    let file = |name: &str| small.at("files/pictures").join(name);
    fs::copy(file("coin.jpg"), file("map.jpg")).unwrap();
    fs::remove_file(file("forest.jpg")).unwrap();
    small.write_metadata();
    fs::copy(file("coin.jpg"), small.at("demo/pictures/own.jpg")).unwrap();
    let ended = small.ask();
    assert_eq!(made_and_found(&ended), (12, 0));
    ended.ok();
    let mut expected = names(&small.at("files/pictures"));
    expected.insert("own.jpg".to_owned());
    assert_eq!(names(&small.at("demo/pictures")), expected);

    // A file that is damaged is written again.
    let config = small.at("demo/model/config.json");
    fs::write(&config, "{}").unwrap();
    small.ask().ok();
    assert_eq!(
        fs::read(config).unwrap(),
        fs::read(small.at("files/model/config.json")).unwrap()
    );

    // On another port the pictures have other URLs, in the features and in the metadata.
    let moved = Small {
        iiif_port: free_port(),
        ..small
    };
    let ended = moved.ask();
    assert_eq!(made_and_found(&ended), (12, 0));
    assert!(ended.stderr.contains("triples loaded"), "{}", ended.stderr);
    let printed = ended.ok();
    assert_eq!(printed.matches(&moved.iiif()).count(), 3, "{printed}");
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let small = Small::new();
    fs::create_dir(small.at("demo")).unwrap();
    fs::write(small.at("demo/thesis.txt"), "mine").unwrap();
    let sentence = small.ask().sentence(1);
    assert!(
        sentence.ends_with("is not empty and not the folder of a demo; name another with --dir"),
        "{sentence}"
    );
    assert_eq!(names(&small.at("demo")).len(), 1);
    let foreign = text_of(&small.at("demo"));
    let sentence = run(&mut clip_search(&["demo", "--files", &foreign])).sentence(1);
    assert!(
        sentence.contains("is no demo; it needs model/config.json"),
        "{sentence}"
    );
}

#[test]
fn a_port_that_is_taken_is_told_before_any_work() {
    let small = Small::new();
    let _taken = TcpListener::bind(("127.0.0.1", small.iiif_port)).unwrap();
    let sentence = small.ask().sentence(1);
    assert!(
        sentence.contains("choose another with --iiif-port"),
        "{sentence}"
    );
    assert!(!small.at("demo/pictures").exists());
}

#[test]
fn the_settings_of_the_real_service_are_not_its_own() {
    let small = Small::new();
    let nowhere = text_of(&small.at("nowhere"));
    let mut command = small.demo(&["--query", "a ship at sea"]);
    for name in [
        "CLIP_MODEL",
        "CLIP_DATA_DIRECTORY",
        "CLIP_STORE",
        "CLIP_IIIF_COLUMN",
    ] {
        command.env(name, &nowhere);
    }
    // No proxy is asked for what this process serves itself.
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let ended = run(&mut command);
    assert_eq!(made_and_found(&ended), (12, 0));
    ended.ok();
    assert!(!Path::new(&nowhere).exists());
}

/// What the program carries is what `examples/demo` holds.
#[test]
fn the_program_carries_the_demo() {
    let dir = TempDir::new().unwrap();
    let (folder, port) = (text_of(&dir.path().join("demo")), free_port().to_string());
    #[rustfmt::skip]
    let demo = ["demo", "--dir", &folder, "--iiif-port", &port, "--query", "a ship at sea", "--limit", "5"];
    let ended = run(&mut clip_search(&demo));
    let carried = repository("examples/demo");
    if !carried.join("model/config.json").exists() {
        let sentence = ended.sentence(1);
        assert!(sentence.contains("carries no demo"), "{sentence}");
        return;
    }
    let printed = ended.ok();
    assert!(printed.ends_with("(5 rows)\n"), "{printed}");
    for part in ["model", "pictures", "queries"] {
        let written = names(&dir.path().join("demo").join(part));
        assert_eq!(written, names(&carried.join(part)), "{part}");
    }
}

//! `query` and `inspect` on the command line, `serve` over HTTP, and SERVICE from other stores.

use crate::process::{clip_search, run};
use crate::world::{World, get, hits, model, repository, send, table, text_of};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_query_is_answered_as_table_json_and_csv() {
    let world = World::shared();
    let query = |arguments: &[&str]| {
        let command = [&["query"], arguments].concat();
        run(&mut world.clip_search(&command)).ok()
    };
    let select = "PREFIX dct: <http://purl.org/dc/terms/>
        SELECT ?title ?created { ?work dct:title ?title ; dct:created ?created
            FILTER(LANG(?title) = \"de\") } ORDER BY ?created LIMIT 2";
    assert_eq!(
        query(&[select]),
        "title              created\n-----------------  -------\nMünze              1540\nKarte einer Insel  1760\n(2 rows)\n"
    );
    assert_eq!(
        query(&[select, "--format", "csv"]).replace('\r', ""),
        "title,created\nMünze,1540\nKarte einer Insel,1760\n"
    );
    let (variables, rows) = table(&query(&[select, "--format", "json"]));
    assert_eq!(variables, ["title", "created"]);
    assert_eq!(rows, [["Münze", "1540"], ["Karte einer Insel", "1760"]]);

    let ask = "ASK { ?work <http://purl.org/dc/terms/medium> \"silver\" }";
    let json: Value = serde_json::from_str(&query(&[ask, "--format", "json"])).unwrap();
    assert_eq!(json["boolean"], true);
    assert_eq!(query(&[ask, "--format", "csv"]), "true\n");
    assert_eq!(query(&[ask]), "true\n");

    let construct = "CONSTRUCT { ?work <urn:made> ?created } WHERE {
        ?work <http://purl.org/dc/terms/created> ?created FILTER(STR(?created) = \"1540\") }";
    assert!(query(&[construct]).contains("<http://example.org/work/coin> <urn:made> \"1540\""));
    let triples = query(&[construct, "--format", "csv"]);
    assert_eq!(triples.lines().count(), 1, "{triples}");
    let json: Value = serde_json::from_str(&query(&[construct, "--format", "json"])).unwrap();
    assert_eq!(json[0]["@id"], "http://example.org/work/coin");

    let explained = query(&[
        "SELECT ?i { ?r a clip:Request ; clip:queryString 'a lake' ; clip:iiifUrl ?i } LIMIT 3",
        "--explain",
    ]);
    assert!(
        explained.starts_with("request ?r\n  plan       search first"),
        "{explained}"
    );

    let bad = ["query", "SELECT ?x { ?x a clip:Request ; clip:minScore 1 }"];
    let sentence = run(&mut world.clip_search(&bad)).sentence(1);
    assert!(sentence.contains("?x"), "{sentence}");
}

#[test]
fn the_command_line_searches_by_text_image_and_indexed_image() {
    let world = World::shared();
    let search = |arguments: &[&str]| {
        let command = [&["query", "--format", "json"], arguments].concat();
        table(&run(&mut world.clip_search(&command)).ok()).1
    };
    let ship = world.image("ship-at-sea");
    let file = text_of(&repository("examples/pictures/ship-at-sea.jpg"));
    let url = format!("{ship}/full/max/0/default.jpg");
    for (arguments, n_rows) in [
        (&["--similar", &ship, "--limit", "3"][..], 3),
        (&["--image", &file, "--limit", "4"], 4),
        (&["--image", &url, "--allow-fetch", "127.0.0.1"], 10),
    ] {
        let rows = search(arguments);
        assert_eq!(rows.len(), n_rows, "{arguments:?}");
        assert!(rows[0].contains(&ship), "{arguments:?}: {rows:?}");
    }
    // By text as /query does it, with and without an exclusion.
    for more in [None, Some("a ship")] {
        let mut arguments = vec!["--text", "A mountain lake", "--min-score", "-1"];
        let mut parameters = vec![("str", "A mountain lake"), ("minScore", "-1")];
        if let Some(text) = more {
            arguments.extend(["--exclude", text]);
            parameters.push(("exclude", text));
        }
        let rows = search(&arguments);
        let expected = world.search(&parameters);
        assert_eq!(rows.len(), 10);
        for (row, (url, _)) in rows.iter().zip(expected) {
            assert!(row.contains(&url), "{row:?} {url}");
        }
    }
    let refused = ["query", "--image", &url];
    let sentence = run(&mut world.clip_search(&refused)).sentence(1);
    assert!(sentence.contains("127.0.0.1"), "{sentence}");
    let refused = [
        "query",
        "--similar",
        "http://example.org/elsewhere",
        "--format",
        "csv",
    ];
    let ended = run(&mut world.clip_search(&refused)).ok();
    assert_eq!(
        ended.lines().count(),
        1,
        "no image of the collection, no hit: {ended}"
    );
}

#[test]
fn the_service_searches_by_text_url_base64_and_indexed_image() {
    let world = World::shared();
    let ship = world.image("ship-at-sea");
    let picture = fs::read(repository("examples/pictures/ship-at-sea.jpg")).unwrap();
    let base64 = STANDARD.encode(picture);
    let query = format!("{}/query", world.service);

    // Every way to name this image finds it, and ranks the others alike.
    let url = format!("{ship}/full/max/0/default.jpg");
    let by_url = world.search(&[("url", &url)]);
    let body = json!({ "image": format!("data:image/jpeg;base64,{base64}") }).to_string();
    let (status, body) = send(&query, "application/json", body.as_bytes());
    assert_eq!(status, 200, "{body}");
    let by_base64 = hits(&body);
    let in_sparql = |input: &str| {
        let query = format!(
            "SELECT ?url ?score {{ [] a clip:Request ; {input} ; clip:limit 10 ;
                clip:iiifUrl ?url ; clip:score ?score }}"
        );
        let hit = |row: Vec<String>| (row[0].clone(), row[1].parse().unwrap());
        let (_, rows) = world.select(&query);
        rows.into_iter().map(hit).collect::<Vec<(String, f64)>>()
    };
    for hits in [
        by_url,
        by_base64,
        in_sparql(&format!("clip:queryURL <{url}>")),
        in_sparql(&format!("clip:queryImage \"{base64}\"")),
        in_sparql(&format!("clip:similarTo <{ship}>")),
    ] {
        assert_eq!(hits.len(), 10);
        assert_eq!(hits[0].0, ship);
        assert!(hits[0].1 > 0.999, "{hits:?}");
        for (url, score) in &hits {
            let expected = f64::from(world.similarity(&ship, url));
            // The pictures are 640 pixels wide in the collection and whole in the query.
            assert!((score - expected).abs() < 0.01, "{url}: {score} {expected}");
        }
    }
    // By text, REST and SPARQL say the same.
    let by_text = world.search(&[("str", "a boat"), ("minScore", "-1")]);
    let in_sparql = in_sparql("clip:queryString \"a boat\" ; clip:minScore -1");
    assert_eq!(by_text.len(), 10);
    for ((url, score), (other, other_score)) in by_text.iter().zip(&in_sparql) {
        assert_eq!(url, other);
        assert!((score - other_score).abs() < 1e-6);
    }
    // Only what the operator allows is fetched.
    let port = url::Url::parse(&world.iiif).unwrap().port().unwrap();
    let private =
        format!("{query}?url=http://127.0.0.2:{port}/ship-at-sea.jpg/full/max/0/default.jpg");
    let (status, body) = get(&private);
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("127.0.0.2"), "{body}");
}

#[test]
fn a_data_directory_and_a_model_are_inspected() {
    let world = World::shared();
    let printed = run(&mut world.clip_search(&["inspect"])).ok();
    let (data, store) = (world.path("data"), world.path("store"));
    for line in [
        &format!("collection    {data}"),
        "  images      12",
        "  vectors     12 of width 20 in f32",
        "  IIIF URLs   in column iiif_url",
        &format!("model         {}", model()),
        "  embeddings  of width 20",
        "  texts       up to 20 tokens",
        &format!("metadata      {store} (77 triples)"),
        "no problems found",
    ] {
        assert!(
            printed.lines().any(|found| found == line),
            "{line}:\n{printed}"
        );
    }
    let printed = run(&mut world.clip_search(&["inspect", "--json"])).ok();
    let json: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(json["collection"]["vectors"], 12);
    assert_eq!(json["model"]["width"], 20);
    assert_eq!(json["triples"], 77);
    assert_eq!(json["problems"], json!([]));

    let missing = ["inspect", "--data-dir", "/nowhere", "--json"];
    let ended = run(&mut clip_search(&missing));
    assert_eq!(ended.code, Some(1));
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["collection"], Value::Null);
    let problem = json["problems"][0].as_str().unwrap();
    assert!(problem.contains("/nowhere"), "{problem}");
}

#[test]
fn a_text_is_remembered_from_one_start_to_the_next() {
    let world = World::shared();
    let folder = tempfile::tempdir().unwrap();
    let kept = text_of(&folder.path().join("made/for/it"));
    let explained = |cache: &str| {
        let query =
            "SELECT ?i { ?r a clip:Request ; clip:queryString 'a ship' ; clip:iiifUrl ?i } LIMIT 3";
        let arguments = ["query", query, "--explain", "--text-cache", cache];
        let explained = run(&mut world.clip_search(&arguments)).ok();
        let texts = explained.lines().find(|line| line.contains("texts"));
        texts.unwrap_or_else(|| panic!("{explained}")).to_owned()
    };
    assert!(
        explained(&kept).contains("(1 texts encoded"),
        "{}",
        explained(&kept)
    );
    assert!(
        explained(&kept).contains("1 remembered"),
        "{}",
        explained(&kept)
    );
    assert!(explained("off").contains("(1 texts encoded"));
    let files: Vec<_> = fs::read_dir(&kept).unwrap().collect();
    assert_eq!(files.len(), 1);
    let bytes = fs::read(files[0].as_ref().unwrap().path()).unwrap();
    assert!(
        !bytes.windows(6).any(|some| some == b"a ship"),
        "the text is not in it"
    );

    // What is no such file costs itself alone.
    fs::write(files[0].as_ref().unwrap().path(), "not this").unwrap();
    assert!(explained(&kept).contains("(1 texts encoded"));
    assert!(explained(&kept).contains("1 remembered"));

    let file = text_of(&folder.path().join("file"));
    fs::write(&file, "").unwrap();
    let query = ["query", "--text", "a ship", "--text-cache", &file];
    let sentence = run(&mut world.clip_search(&query)).sentence(1);
    assert!(sentence.contains("--text-cache"), "{sentence}");
}

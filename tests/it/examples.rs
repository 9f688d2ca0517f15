//! Every file in `examples/` runs and gives what its first lines promise.

use crate::process::{program, run};
use crate::support;
use crate::world::{World, example, repository};
use clip_search::embedding::Embedding;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The test of each file. A file without one has no place in `examples/`.
fn test_of(file: &str) -> fn(&World) {
    match file {
        "README.md" => the_index_lists_every_file,
        "metadata.ttl" => the_metadata_describe_every_picture,
        "text.rq" => text,
        "metadata-join.rq" => metadata_join,
        "zero-shot.rq" => zero_shot,
        "similar-to.rq" => similar_to,
        "like-a-group.rq" => like_a_group,
        "query-url.rq" => query_url,
        "exclude.rq" => exclude,
        "similarity.rq" => similarity,
        "pairs.rq" => pairs,
        "construct.rq" => construct,
        "federated.rq" | "rdflib_service.py" => rdflib_service,
        "curl.sh" => curl,
        // In cluster.rs, with those in slurm/ and kubernetes/.
        "parallel.sh" => |_| {},
        "python_client.py" => python_client,
        other => panic!("examples/{other} has no test"),
    }
}

fn files() -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(repository("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["pictures", "demo", "slurm", "kubernetes"].contains(&name.as_str()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_example_runs() {
    let world = World::shared();
    let files = files();
    assert!(files.len() >= 14, "{files:?}");
    for file in files {
        println!("examples/{file}");
        test_of(&file)(&world);
    }
}

#[test]
fn every_example_says_what_it_asks_and_what_to_expect() {
    for file in files() {
        let text = example(&file);
        let (head, comment) = match file.rsplit_once('.').unwrap().1 {
            "rq" => (text.split("\n\n").next().unwrap(), "# "),
            "sh" => (text.split("\nset ").next().unwrap(), "#!"),
            "py" => (text.split("\nimport ").next().unwrap(), "#!"),
            _ => continue,
        };
        assert!(head.starts_with(comment), "{file}");
        assert!(head.contains("Expect"), "{file} says what to expect");
    }
}

fn the_index_lists_every_file(_: &World) {
    let index = example("README.md");
    for file in files() {
        let is_listed = index.contains(&format!("[{file}]({file})"));
        assert!(is_listed || file == "README.md", "{file} is not listed");
    }
}

fn the_metadata_describe_every_picture(world: &World) {
    let query =
        "PREFIX dct: <http://purl.org/dc/terms/> SELECT ?iiif { ?work dct:hasFormat ?iiif }";
    let (_, rows) = world.select(query);
    let described: BTreeSet<String> = rows.into_iter().flatten().collect();
    let collection = world.collection();
    let pictures = (0..collection.len()).map(|row| collection.url(row).to_owned());
    assert_eq!(described, pictures.collect());
    assert_eq!(described.len(), 12);
}

/// The rows of an example query by HTTP, which are those of the command line too.
#[track_caller]
fn rows(world: &World, file: &str, variables: &[&str]) -> Vec<Vec<String>> {
    let path = world.path(&format!("examples/{file}"));
    let (found, rows) = world.select(&fs::read_to_string(&path).unwrap());
    assert_eq!(found, variables, "{file}");
    #[rustfmt::skip]
    let query = ["query", &format!("@{path}"), "--format", "json", "--allow-fetch", "127.0.0.1"];
    let printed = run(&mut world.clip_search(&query)).ok();
    assert_eq!(
        crate::world::table(&printed),
        (found, rows.clone()),
        "{file}"
    );
    rows
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("{cell}"))
}

#[track_caller]
fn best_first(rows: &[Vec<String>], column: usize) {
    let scores: Vec<f64> = rows.iter().map(|row| number(&row[column])).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

/// Scores are equal but for their way through decimal digits.
#[track_caller]
fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-5, "{a} {b}");
}

/// Score of every picture for `text`, by REST.
fn scores(world: &World, text: &str) -> BTreeMap<String, f64> {
    let hits = world.search(&[("str", text), ("minScore", "-1"), ("limit", "100")]);
    assert_eq!(hits.len(), 12);
    hits.into_iter().collect()
}

fn text(world: &World) {
    let rows = rows(world, "text.rq", &["iiif", "score"]);
    let parameters = [("str", "A mountain lake"), ("minScore", "-1")];
    let hits = world.search(&parameters);
    assert_eq!(hits.len(), 10);
    let urls = |(url, _): &(String, f64)| url.clone();
    let found: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, hits.iter().map(urls).collect::<Vec<_>>());
    best_first(&rows, 1);
}

fn metadata_join(world: &World) {
    let variables = ["score", "title", "creator", "created", "iiif"];
    let rows = rows(world, "metadata-join.rq", &variables);
    // Ten works are older than 1900; each has one English title.
    assert_eq!(rows.len(), 5);
    best_first(&rows, 0);
    assert!(rows.iter().all(|row| number(&row[3]) < 1900.0), "{rows:?}");
    let scores = scores(world, "A mountain lake");
    for row in &rows {
        near(number(&row[0]), scores[&row[4]]);
    }
    let lake = rows
        .iter()
        .find(|row| row[4] == world.image("mountain-lake"));
    assert_eq!(
        lake.unwrap()[1..4],
        ["A mountain lake", "Ida Bergmann", "1887"]
    );
}

fn zero_shot(world: &World) {
    let rows = rows(world, "zero-shot.rq", &["label", "title", "score"]);
    let labels = ["a landscape", "a portrait of a person", "a ship", "a map"];
    let scores = labels.map(|label| (label, scores(world, label)));
    let titles: BTreeSet<&String> = rows.iter().map(|row| &row[1]).collect();
    assert_eq!((rows.len(), titles.len()), (12, 12), "each picture once");
    let image_of = BTreeMap::from([
        ("A coin", world.image("coin")),
        ("A forest", world.image("forest")),
        ("Map of an island", world.image("map")),
    ]);
    for row in &rows {
        let Some(image) = image_of.get(row[1].as_str()) else {
            continue;
        };
        let best = scores
            .iter()
            .max_by(|a, b| a.1[image].total_cmp(&b.1[image]));
        let (label, best) = best.unwrap();
        assert_eq!(row[0], *label, "{}", row[1]);
        near(number(&row[2]), best[image]);
    }
}

fn similar_to(world: &World) {
    let rows = rows(world, "similar-to.rq", &["score", "title", "iiif"]);
    let ship = world.image("ship-at-sea");
    let by_riva = ["ship-at-sea", "two-ships", "castle-on-a-hill"].map(|name| world.image(name));
    let collection = world.collection();
    let mut expected: Vec<(f64, String)> = (0..collection.len())
        .map(|row| collection.url(row))
        .filter(|url| by_riva.iter().all(|other| other != url))
        .map(|url| (f64::from(world.similarity(&ship, &url)), url))
        .collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert_eq!(rows.len(), 3);
    for (row, (score, url)) in rows.iter().zip(expected) {
        assert_eq!(row[2], url);
        near(number(&row[0]), score);
    }
}

fn like_a_group(world: &World) {
    let rows = rows(world, "like-a-group.rq", &["score", "title"]);
    assert_eq!(rows.len(), 5);
    best_first(&rows, 0);
    let riva = ["ship-at-sea", "two-ships", "castle-on-a-hill"];
    let collection = world.collection();
    let own = riva.map(|name| {
        let row = collection.row_of_url(&world.image(name)).unwrap();
        Embedding::new(collection.features().row(row).to_vec()).unwrap()
    });
    let middle = Embedding::combine(&own, std::iter::empty()).unwrap();
    let mut scores: Vec<f32> = (0..collection.len())
        .filter(|row| {
            !riva
                .iter()
                .any(|name| collection.url(*row) == world.image(name))
        })
        .map(|row| {
            let features = collection.features().row(row).to_vec();
            middle.cosine(&Embedding::new(features).unwrap())
        })
        .collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    for (row, score) in rows.iter().zip(scores) {
        near(number(&row[0]), f64::from(score));
    }
}

fn query_url(world: &World) {
    let rows = rows(world, "query-url.rq", &["rank", "score", "iiif", "link"]);
    let ranks: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ranks, ["1", "2", "3"]);
    best_first(&rows, 1);
    for row in rows {
        // No wider than the drawn pictures are.
        assert_eq!(row[3], format!("{}/full/480,/0/default.jpg", row[2]));
    }
}

fn exclude(world: &World) {
    let rows = rows(world, "exclude.rq", &["score", "iiif"]);
    let parameters = [
        ("str", "a lake"),
        ("exclude", "evening, dark sky"),
        ("minScore", "-1"),
    ];
    let hits = world.search(&parameters);
    assert_eq!(rows.len(), 5);
    for (row, (url, score)) in rows.iter().zip(hits) {
        assert_eq!(row[1], url);
        near(number(&row[0]), score);
    }
}

fn similarity(world: &World) {
    let rows = rows(world, "similarity.rq", &["creator", "works", "average"]);
    assert_eq!(rows.len(), 5);
    best_first(&rows, 2);
    let scores = scores(world, "a landscape");
    let riva = ["ship-at-sea", "two-ships", "castle-on-a-hill"];
    let sum: f64 = riva.iter().map(|name| scores[&world.image(name)]).sum();
    let row = rows.iter().find(|row| row[0] == "Carlo Riva").unwrap();
    assert_eq!(row[1], "3");
    near(number(&row[2]), sum / 3.0);
}

fn pairs(world: &World) {
    let rows = rows(world, "pairs.rq", &["titleA", "titleB"]);
    assert_eq!(rows.len(), 5);
    let query = "PREFIX dct: <http://purl.org/dc/terms/> SELECT ?title ?iiif ?creator {
        ?work dct:title ?title ; dct:hasFormat ?iiif ; dct:creator ?creator FILTER(LANG(?title) = \"en\") }";
    let (_, works) = world.select(query);
    let mut expected = Vec::new();
    for a in &works {
        for b in works.iter().filter(|b| a[2] < b[2]) {
            expected.push((world.similarity(&a[1], &b[1]), [a[0].clone(), b[0].clone()]));
        }
    }
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let expected: Vec<_> = expected.into_iter().take(5).map(|(_, pair)| pair).collect();
    assert_eq!(rows, expected);
}

fn construct(world: &World) {
    let path = world.path("examples/construct.rq");
    let query = ["query", &format!("@{path}"), "--format", "csv"];
    let triples = run(&mut world.clip_search(&query)).ok();
    let subjects: BTreeSet<&str> = triples
        .lines()
        .filter_map(|t| t.split(' ').next())
        .collect();
    assert_eq!(
        (triples.lines().count(), subjects.len()),
        (4, 2),
        "{triples}"
    );
    let ship = format!("<{}>", world.image("ship-at-sea"));
    assert!(!subjects.contains(ship.as_str()), "{triples}");
}

/// The one query of the other store, through the one script that plays it.
fn rdflib_service(world: &World) {
    let Some(python) = support::python("rdflib") else {
        return;
    };
    let script = world.path("examples/rdflib_service.py");
    let printed = run(program(&python).arg(script)).ok();
    let rows: Vec<Vec<String>> = printed
        .lines()
        .map(|line| line.split("  ").map(str::to_owned).collect())
        .collect();
    // The same with the metadata on this side.
    let join = fs::read_to_string(world.path("examples/federated.rq")).unwrap();
    let local = join.replace(&format!("SERVICE <{}/sparql>", world.service), "");
    assert_ne!(local, join);
    let (_, expected) = world.select(&local);
    assert_eq!(expected.len(), 10);
    assert_eq!(rows, expected);
}

fn python_client(world: &World) {
    let Some(python) = support::python("json") else {
        return;
    };
    let script = world.path("examples/python_client.py");
    let printed = run(program(&python).arg(script)).ok();
    let best = world.search(&[
        ("str", "A mountain lake"),
        ("minScore", "-1"),
        ("limit", "3"),
    ]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 8, "{printed}");
    for (line, (url, score)) in lines[1..4].iter().zip(&best) {
        assert_eq!(*line, format!("  {score:.3}  {url}"));
    }
    assert!(lines[5].starts_with("  1.000  "), "{printed}");
}

fn curl(world: &World) {
    let printed = run(&mut program(&world.path("examples/curl.sh"))).ok();
    let sections: BTreeMap<&str, &str> = printed
        .split("\n== ")
        .filter_map(|section| section.split_once('\n'))
        .collect();
    assert_eq!(sections.len(), 20, "{printed}");
    let rest: Vec<&str> = sections
        .iter()
        .filter(|(title, _)| title.starts_with("REST"))
        .map(|(_, body)| *body)
        .collect();
    assert_eq!(rest.len(), 5);
    let ship = world.image("ship-at-sea");
    for (title, n_hits) in [
        ("REST: one text minus another, by a form", 3),
        ("REST: the URL of an image", 3),
        ("REST: an uploaded image", 3),
        ("REST: a base64 image, in JSON", 3),
    ] {
        let hits = crate::world::hits(sections[title]);
        assert_eq!(hits.len(), n_hits, "{title}");
        let is_of_ship = !title.contains("minus");
        assert_eq!(
            is_of_ship,
            hits[0].0 == ship && hits[0].1 > 0.999,
            "{title}"
        );
    }
    // All forms and formats give the three rows of similar-to.rq.
    let query = fs::read_to_string(world.path("examples/similar-to.rq")).unwrap();
    let (_, rows) = world.select(&query);
    for (title, body) in &sections {
        if title.starts_with("SPARQL: CONSTRUCT") {
            assert!(body.contains(&world.image("two-ships")), "{title}: {body}");
        } else if title.starts_with("SPARQL") {
            for row in &rows {
                assert!(
                    row.iter().all(|cell| body.contains(cell)),
                    "{title}: {body}"
                );
            }
        }
    }
    assert!(sections["what this endpoint is"].contains("a sd:Service"));
    assert!(sections["is it up?"].contains("\"ok\""));
    assert!(sections["does it answer queries?"].contains("\"images\":12"));
}

//! Real triple stores and clients call the running service; what they answer is what it answers alone.

use crate::process::{program, run};
use crate::support;
use crate::world::{World, repository, send, table};
use serde_json::Value;
use std::fs;
use std::process::Command;
use tempfile::NamedTempFile;

const PREFIXES: &str = "PREFIX clip: <https://service.swissartresearch.net/clip/>
PREFIX dct: <http://purl.org/dc/terms/>
PREFIX work: <http://example.org/work/>
PREFIX person: <http://example.org/person/>
";
/// What most requests ask, another question, and one whose text is bound elsewhere.
const SEARCH: &str = "?request a clip:Request ; clip:queryString \"a boat\" ; clip:minScore \"-1\" ; clip:score ?score ; clip:iiifUrl ?iiif .";
const OTHER_SEARCH: &str = "?second a clip:Request ; clip:queryString \"a mountain\" ; clip:minScore \"-1\" ; clip:score ?other ; clip:iiifUrl ?iiif .";
const SEARCH_FOR_TEXT: &str = "?r a clip:Request ; clip:queryString ?q ; clip:minScore \"-1\" ; clip:limit 3 ; clip:iiifUrl ?iiif ; clip:score ?score .";

/// A query with `SERVICE` before the block that this service answers.
struct Federated {
    name: &'static str,
    query: &'static str,
    /// Engines that keep to themselves what the block needs to be answered.
    silent: &'static [&'static str],
    /// Engines that are known to answer it wrongly.
    wrong: &'static [&'static str],
}

const fn federated(name: &'static str, query: &'static str) -> Federated {
    Federated {
        name,
        query,
        silent: &[],
        wrong: &[],
    }
}

impl Federated {
    const fn silent(mut self, engines: &'static [&'static str]) -> Self {
        self.silent = engines;
        self
    }

    const fn wrong(mut self, engines: &'static [&'static str]) -> Self {
        self.wrong = engines;
        self
    }
}

const FEDERATED: [Federated; 33] = [
    federated(
        "a: the service first",
        "SELECT ?iiif ?score ?title { SERVICE { {S} } ?work dct:hasFormat ?iiif ; dct:title ?title }",
    ),
    federated(
        "b: local patterns first",
        "SELECT ?iiif ?score ?title { ?work dct:hasFormat ?iiif ; dct:title ?title . SERVICE { {S} } }",
    ),
    federated(
        "b1: one local row first",
        "SELECT ?iiif ?score { work:two-ships dct:hasFormat ?iiif . SERVICE { {S} } }",
    ),
    federated(
        "b2: a few local rows first",
        "SELECT ?iiif ?score ?work { ?work dct:creator person:carlo-riva ; dct:hasFormat ?iiif . SERVICE { {S} } }",
    ),
    federated(
        "c: texts from local rows",
        "SELECT ?q ?iiif ?score { ?w dct:title ?q ; dct:creator person:carlo-riva . SERVICE { {Q} } }",
    )
    .silent(&["pyoxigraph"]),
    federated(
        "c2: texts from local rows that follow",
        "SELECT ?q ?iiif ?score { SERVICE { {Q} } ?w dct:title ?q ; dct:creator person:carlo-riva }",
    )
    .silent(&["pyoxigraph", "rdflib", "comunica", "jena"]),
    federated(
        "c3: a text by BIND",
        "SELECT ?q ?iiif ?score { BIND('a boat' AS ?q) SERVICE { {Q} } }",
    )
    .silent(&["pyoxigraph"]),
    federated(
        "c4: texts by VALUES before",
        "SELECT ?q ?iiif ?score { VALUES ?q { 'a boat' 'a mountain' } SERVICE { {Q} } }",
    )
    .silent(&["pyoxigraph"]),
    federated(
        "c5: a text from one local row",
        "SELECT ?q ?iiif ?score { work:two-ships dct:title ?q FILTER(LANG(?q) = 'en') SERVICE { {Q} } }",
    )
    .silent(&["pyoxigraph"]),
    federated(
        "c6: many texts, with language tags, quotes and umlauts",
        "SELECT ?q ?iiif ?score { VALUES ?q { 'a \"boat\"' 'Ein Hügel'@de \"l'eau\"@fr 'a' 'b' 'c' 'd' 'e' 'f' 'g' 'h' 'i' 'j' 'k' 'l' 'm' 'n' 'o' 'p' 'q' 'r' 's' 't' } SERVICE { {Q} } }",
    )
    .silent(&["pyoxigraph"]),
    federated(
        "c7: texts by VALUES inside",
        "SELECT ?q ?iiif ?score { SERVICE { VALUES ?q { 'a boat' 'ein Berg'@de } {Q} } ?work dct:hasFormat ?iiif }",
    ),
    federated(
        "d: the best of the service",
        "SELECT ?iiif ?score { SERVICE { SELECT ?iiif ?score { {S} } ORDER BY DESC(?score) LIMIT 5 } ?work dct:hasFormat ?iiif }",
    ),
    federated(
        "d2: the best of the service after local patterns",
        "SELECT ?iiif ?score { ?work dct:hasFormat ?iiif . SERVICE { SELECT ?iiif ?score { {S} } ORDER BY DESC(?score) LIMIT 5 } }",
    )
    .wrong(&["rdflib", "jena"]),
    federated(
        "d3: a limit of the request",
        "SELECT ?iiif ?score { SERVICE { {S} ?request clip:limit 4 . } }",
    ),
    federated(
        "f: ASK",
        "ASK { ?work dct:creator person:carlo-riva ; dct:hasFormat ?iiif . SERVICE { {S} } }",
    ),
    federated("f2: ASK of the service alone", "ASK { SERVICE { {S} } }"),
    federated(
        "g: images by VALUES beside",
        "SELECT ?iiif ?score { VALUES ?iiif { <{IIIF}/coin.jpg> <{IIIF}/map.jpg> <http://example.org/none> } SERVICE { {S} } }",
    ),
    federated(
        "g2: images by VALUES inside",
        "SELECT ?iiif ?score { SERVICE { VALUES ?iiif { <{IIIF}/coin.jpg> <{IIIF}/map.jpg> <http://example.org/none> } {S} } }",
    ),
    federated(
        "h: two requests in one block",
        "SELECT ?iiif ?score ?other { SERVICE { {S} {S2} } }",
    ),
    federated(
        "h2: two requests in two blocks",
        "SELECT ?iiif ?score ?other { SERVICE { {S} } SERVICE { {S2} } }",
    )
    .wrong(&["rdflib"]),
    federated(
        "i: a blank node",
        "SELECT ?iiif ?score { SERVICE { [] a clip:Request ; clip:queryString 'a boat' ; clip:minScore '-1' ; clip:iiifUrl ?iiif ; clip:score ?score } }",
    ),
    federated(
        "i2: a blank node with its properties",
        "SELECT ?iiif ?score { SERVICE { [ a clip:Request ; clip:queryString 'a boat' ; clip:minScore '-1' ; clip:iiifUrl ?iiif ; clip:score ?score ] } }",
    ),
    federated(
        "k: a filter outside",
        "SELECT ?iiif ?score { SERVICE { {S} } FILTER(?score > {T}) }",
    ),
    federated(
        "k2: a filter inside",
        "SELECT ?iiif ?score { SERVICE { {S} FILTER(?score > {T}) } }",
    ),
    federated(
        "l: an optional call",
        "SELECT ?work ?score { ?work dct:hasFormat ?iiif OPTIONAL { SERVICE { {S} } } }",
    ),
    federated(
        "p: a language tag and numbers",
        "SELECT ?iiif ?score { SERVICE { ?r a clip:Request ; clip:queryString 'une barque'@fr ; clip:minScore '-0.5'^^<http://www.w3.org/2001/XMLSchema#decimal> ; clip:limit 4 ; clip:iiifUrl ?iiif ; clip:score ?score } }",
    ),
    federated(
        "q: a count outside",
        "SELECT ?creator (COUNT(?iiif) AS ?n) (MAX(?score) AS ?best) { SERVICE { {S} } ?work dct:hasFormat ?iiif ; dct:creator ?creator } GROUP BY ?creator",
    ),
    federated(
        "s: SILENT",
        "SELECT ?iiif ?score { SERVICE SILENT { {S} } ?work dct:hasFormat ?iiif }",
    )
    .wrong(&["rdflib"]),
    federated(
        "t: the best of the query",
        "SELECT ?iiif ?score { SERVICE { {S} } } ORDER BY DESC(?score) LIMIT 5",
    ),
    federated(
        "u: a sub-SELECT around the block",
        "SELECT ?iiif ?score { ?work dct:hasFormat ?iiif { SELECT ?iiif ?score { SERVICE { {S} } } } }",
    ),
    federated(
        "x: either of two blocks",
        "SELECT ?iiif ?score ?other { { SERVICE { {S} } } UNION { SERVICE { {S2} } } }",
    )
    .wrong(&["rdflib"]),
    federated(
        "y: an IRI as request",
        "SELECT ?iiif ?score { SERVICE { <http://example.org/r> a clip:Request ; clip:queryString 'a boat' ; clip:minScore '-1' ; clip:iiifUrl ?iiif ; clip:score ?score } }",
    ),
    federated(
        "z: what the service does not find",
        "SELECT ?iiif { ?work dct:hasFormat ?iiif MINUS { SERVICE { {S} FILTER(?score > {T}) } } }",
    ),
];

/// What an engine made of each query: variables and rows, or its error.
type Answers = Vec<Result<Table, String>>;
type Table = (Vec<String>, Vec<Vec<String>>);

/// The line that engines.py and comunica.mjs print for an answer.
fn answer_of(line: &str) -> Result<Table, String> {
    let json: Value = serde_json::from_str(line).expect(line);
    if let Some(error) = json["error"].as_str() {
        return Err(error.to_owned());
    }
    Ok(match json["boolean"].as_bool() {
        Some(value) => boolean(value),
        None => table(line),
    })
}

fn boolean(value: bool) -> Table {
    (vec!["boolean".to_owned()], vec![vec![value.to_string()]])
}

/// The answers of a program that is given its data and files with queries, and prints a line for each.
fn ask(command: &mut Command, data: &str, queries: &[String]) -> Answers {
    let files: Vec<NamedTempFile> = queries.iter().map(|query| file_with(query)).collect();
    command
        .arg(data)
        .args(files.iter().map(NamedTempFile::path));
    let printed = run(command).ok();
    let answers: Answers = printed.lines().map(answer_of).collect();
    assert_eq!(answers.len(), queries.len(), "{printed}");
    answers
}

fn file_with(query: &str) -> NamedTempFile {
    let file = NamedTempFile::with_suffix(".rq").unwrap();
    fs::write(file.path(), query).unwrap();
    file
}

fn python_engine(python: &str, engine: &str) -> Command {
    let mut command = program(python);
    command.arg(repository("tests/it/end_to_end/engines.py"));
    command.arg(engine);
    command
}

/// Variables and rows, neither of which is in any order.
fn unordered((variables, rows): Table) -> Vec<Vec<(String, String)>> {
    let mut rows: Vec<Vec<(String, String)>> = (rows.into_iter())
        .map(|row| {
            let cells = variables.iter().cloned().zip(row);
            let mut row: Vec<_> = cells.map(|(name, text)| (name, canonical(text))).collect();
            row.sort();
            row
        })
        .collect();
    rows.sort();
    rows
}

/// Engines write the same number in different ways.
fn canonical(text: String) -> String {
    match text.parse::<f32>() {
        Ok(number) => number.to_string(),
        Err(_) => text,
    }
}

fn text(query: &str, world: &World) -> String {
    let all = world.select(&format!(
        "{PREFIXES} SELECT ?score {{ {SEARCH} }} ORDER BY DESC(?score)"
    ));
    let score = |row: usize| all.1[row][0].parse::<f64>().unwrap();
    let middle = f64::midpoint(score(6), score(7));
    let query = query
        .replace("{S}", SEARCH)
        .replace("{S2}", OTHER_SEARCH)
        .replace("{Q}", SEARCH_FOR_TEXT)
        .replace("{IIIF}", &world.iiif)
        // Between two scores, whatever the model's random weights give.
        .replace("{T}", &format!("{middle:.4}"));
    format!("{PREFIXES}{query}")
}

/// What the service answers alone, with its own metadata.
fn locally(query: &str, world: &World) -> Table {
    let query = query.replace("SERVICE SILENT", "").replace("SERVICE", "");
    if query.contains("ASK") {
        let endpoint = format!("{}/sparql", world.service);
        let (status, body) = send(&endpoint, "application/sparql-query", query.as_bytes());
        assert_eq!(status, 200, "{body}");
        return answer_of(&body).unwrap();
    }
    world.select(&query)
}

/// An engine joins what this service answers with its own data: what comes out is what this service
/// answers alone, or, where the engine does not send what is needed, the sentence that helps its user.
fn check(engine: &str, world: &World, ask: impl FnOnce(&str, &[String]) -> Answers) {
    let queries: Vec<String> = (FEDERATED.iter())
        .map(|federated| text(federated.query, world))
        .collect();
    let service = format!("<{}/sparql>", world.service);
    let sent: Vec<String> = (queries.iter())
        .map(|query| {
            query
                .replace("SERVICE {", &format!("SERVICE {service} {{"))
                .replace("SERVICE SILENT {", &format!("SERVICE SILENT {service} {{"))
        })
        .collect();
    let answers = ask(&world.path("metadata.ttl"), &sent);
    let mut faults = Vec::new();
    for ((federated, query), found) in FEDERATED.iter().zip(&queries).zip(answers) {
        let name = federated.name;
        let local = unordered(locally(query, world));
        assert!(!local.is_empty(), "{name}");
        let is_as_expected = match &found {
            Ok(found) => unordered(found.clone()) == local,
            // Jena shows its user the status alone.
            Err(error) if engine == "jena" => error.contains("400 Bad Request"),
            Err(error) => error.contains("put the value or the VALUES inside the SERVICE block"),
        };
        let expects_rows = !federated.silent.contains(&engine);
        let is_wrong = federated.wrong.contains(&engine);
        if is_wrong == (is_as_expected && found.is_ok() == expects_rows) {
            faults.push(format!("{name}: {found:?}\nlocally: {local:?}"));
        }
    }
    assert!(faults.is_empty(), "{engine}:\n{}", faults.join("\n\n"));
}

#[test]
fn pyoxigraph_joins_what_this_service_answers() {
    let Some(python) = support::python("pyoxigraph") else {
        return;
    };
    check("pyoxigraph", &World::shared(), |metadata, queries| {
        ask(&mut python_engine(&python, "pyoxigraph"), metadata, queries)
    });
}

#[test]
fn rdflib_joins_what_this_service_answers() {
    let Some(python) = support::python("rdflib") else {
        return;
    };
    check("rdflib", &World::shared(), |metadata, queries| {
        ask(&mut python_engine(&python, "rdflib"), metadata, queries)
    });
}

#[test]
fn comunica_joins_what_this_service_answers() {
    let Some([node, script]) = support::comunica() else {
        return;
    };
    check("comunica", &World::shared(), |metadata, queries| {
        ask(program(&node).arg(&script), metadata, queries)
    });
}

#[test]
fn jena_joins_what_this_service_answers() {
    let Some(class_path) = support::jena() else {
        return;
    };
    check("jena", &World::shared(), |metadata, queries| {
        let answer = |query: &String| {
            let file = file_with(query);
            let mut java = program("java");
            // Two compilers and collectors of a virtual machine that lives a second are one too many.
            java.args([
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                &class_path,
            ]);
            java.args([
                "arq.sparql",
                "--results=json",
                "--data",
                metadata,
                "--query",
            ]);
            let ended = run(java.arg(file.path()));
            match ended.code {
                Some(0) if ended.stdout.trim_start().starts_with('{') => answer_of(&ended.stdout),
                _ => Err(ended.stderr),
            }
        };
        queries.iter().map(answer).collect()
    });
}

#[test]
fn sparqlwrapper_reads_every_form() {
    let Some(python) = support::python("SPARQLWrapper") else {
        return;
    };
    let world = World::shared();
    let query = text(
        "SELECT ?iiif ?score ?title { {S} ?work dct:hasFormat ?iiif ; dct:title ?title FILTER(LANG(?title) = 'de') }",
        &world,
    );
    let expected = world.select(&query);
    assert_eq!(expected.1.len(), 12);
    let ways = ["get-json", "post-json", "body-json", "get-xml", "post-xml"];
    let file = file_with(&query);
    let mut command = python_engine(&python, "sparqlwrapper");
    command.arg(format!("{}/sparql", world.service));
    command.arg(file.path()).args(ways);
    let printed = run(&mut command).ok();
    assert_eq!(printed.lines().count(), ways.len());
    for (way, line) in ways.into_iter().zip(printed.lines()) {
        assert_eq!(answer_of(line).as_ref(), Ok(&expected), "{way}");
    }
}

/// The example, as its reader would run it.
#[test]
fn the_example_of_federation_runs_in_pyoxigraph() {
    let Some(python) = support::python("pyoxigraph") else {
        return;
    };
    let world = World::shared();
    let federated = fs::read_to_string(world.path("examples/federated.rq")).unwrap();
    let metadata = world.path("metadata.ttl");
    let mut pyoxigraph = python_engine(&python, "pyoxigraph");
    let [Ok(found)] = &ask(&mut pyoxigraph, &metadata, std::slice::from_ref(&federated))[..] else {
        panic!("no answer to {federated}");
    };
    let local = federated.replace(&format!("SERVICE <{}/sparql>", world.service), "");
    assert_ne!(local, federated);
    assert_eq!(*found, world.select(&local));
    assert_eq!(found.1.len(), 10);
}

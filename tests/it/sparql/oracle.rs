//! The oracle: the relation enumerated as triples, the query on stock oxigraph.
//!
//! A random query is written twice: once with `clip:` terms for the program, once with terms of its own
//! for each request for the oracle. The oracle's store holds, for every request, one node per set of
//! inputs and image, in every graph. Both must give the same solutions.

use super::{METADATA, N_IMAGES, World, collection, direction, url};
use clip_search::embedding::Embedding;
use clip_search::features::nearest;
use clip_search::image_id::image_id;
use clip_search::sparql::{PlannerOptions, SparqlOptions};
use oxigraph::io::RdfFormat;
use oxigraph::model::{GraphName, Literal, NamedNode, Quad, Term};
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use proptest::prelude::*;
use std::fmt::Write;

const TEXTS: [&str; 6] = [
    "\"lake\"",
    "\"castle\"@en",
    "\"ship\"",
    "\"Hodler\"",
    "\"Anker\"",
    "\"dog\"",
];
/// What the oracle's store says of the name of each named graph, in it.
const IS_NAME: &str = "<http://oracle/is> <http://oracle/name>";
const DCT: &str = "http://purl.org/dc/terms/";

/// How a request gets what it looks for.
#[derive(Debug, Clone)]
enum Look {
    Text(usize),
    TwoTexts(usize, usize),
    /// The first text without the second.
    TextWithout(usize, usize),
    /// One text or the other, in branches of a UNION.
    EitherText(usize, usize),
    /// `?q` with `?m` as its minimum score.
    LabelAndScore,
    /// `?other`, bound by a request of its own.
    SimilarToOther,
    /// `?q`, bound by the pattern named.
    Label(&'static str),
    Similar(usize),
    /// `?iiif`, bound by the works' triples.
    SimilarToBound,
    /// `?q`, computed in a LATERAL from what stands before it.
    LateralLabel,
}

/// The dataset of a query, for the program and for the oracle, whose relation needs a graph to stand in.
const DATASETS: [(&str, &str); 4] = [
    ("", ""),
    (
        "FROM ex:g1 FROM NAMED ex:g1 FROM NAMED ex:g2",
        "FROM ex:g1 FROM NAMED ex:g1 FROM NAMED ex:g2",
    ),
    (
        "FROM NAMED ex:g1 FROM NAMED ex:g2",
        "FROM <http://oracle/relation> FROM NAMED ex:g1 FROM NAMED ex:g2",
    ),
    (
        "FROM ex:nowhere FROM NAMED ex:g1 FROM NAMED ex:g2",
        "FROM <http://oracle/relation> FROM NAMED ex:g1 FROM NAMED ex:g2",
    ),
];

/// Minimum scores: some numbers, and the scores that images have, as answers show them.
fn min_scores() -> Vec<&'static str> {
    static OF_IMAGES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let collection = collection();
        let shown = |text: &str, row: usize| {
            let hits = nearest::at_least(
                collection.features(),
                &direction(text.as_bytes()),
                -1.0,
                None,
            );
            hits[row].score
        };
        (0..N_IMAGES)
            .flat_map(|row| {
                [
                    format!("\"{}\"^^xsd:float", shown("lake", row)),
                    format!("\"{}\"", shown("ship", row)),
                    format!("{:?}", shown("dog", row)),
                ]
            })
            .collect()
    });
    let mut all = vec![
        "\"0.8\"",
        "0.9",
        "-1",
        "\"0.95\"^^xsd:float",
        "\"0.95\"",
        "0.8",
    ];
    all.extend(OF_IMAGES.iter().map(String::as_str));
    all
}

#[derive(Debug, Clone)]
struct Request {
    look: Look,
    min_score: Option<&'static str>,
    limit: Option<usize>,
    /// Name of the variable for the image.
    image: &'static str,
    outputs: Vec<&'static str>,
    subject: &'static str,
    split: bool,
    /// What else is asked about the same hits, `?r` being the subject.
    again: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Pattern {
    Request(Request),
    Triples(&'static str),
    Join(Box<Self>, Box<Self>),
    Optional(Box<Self>, Box<Self>),
    Union(Box<Self>, Box<Self>),
    Minus(Box<Self>, Box<Self>),
    Exists(Box<Self>, Box<Self>, bool),
    /// What stands before and after the group.
    Select(Box<Self>, (&'static str, &'static str)),
    Graph(&'static str, Box<Self>),
    Lateral(Box<Self>, Box<Self>),
    /// A LATERAL that reads the values of what stands before it.
    LateralText(Box<Self>, &'static str),
    Filter(Box<Self>, &'static str),
}

impl Pattern {
    /// Whether a MINUS stands where values `come_in` from outside, in an EXISTS or a LATERAL: stock oxigraph has its sides
    /// share these, and is no oracle then. (scope.rs has such queries.)
    fn compares_what_comes_in(&self, come_in: bool) -> bool {
        match self {
            Self::Request(_) | Self::Triples(_) => false,
            Self::Minus(a, b) => {
                come_in || a.compares_what_comes_in(false) || b.compares_what_comes_in(false)
            }
            Self::Join(a, b) | Self::Optional(a, b) | Self::Union(a, b) => {
                a.compares_what_comes_in(come_in) || b.compares_what_comes_in(come_in)
            }
            Self::Exists(a, b, _) | Self::Lateral(a, b) => {
                a.compares_what_comes_in(come_in) || b.compares_what_comes_in(true)
            }
            Self::Select(p, _)
            | Self::Graph(_, p)
            | Self::LateralText(p, _)
            | Self::Filter(p, _) => p.compares_what_comes_in(come_in),
        }
    }
}

fn request() -> impl Strategy<Value = Request> {
    let look = prop_oneof![
        (0..TEXTS.len()).prop_map(Look::Text),
        (0..TEXTS.len(), 0..TEXTS.len()).prop_map(|(a, b)| Look::TwoTexts(a, b)),
        (0..TEXTS.len(), 1..TEXTS.len())
            .prop_map(|(a, b)| Look::TextWithout(a, (a + b) % TEXTS.len())),
        (0..TEXTS.len(), 1..TEXTS.len())
            .prop_map(|(a, b)| Look::EitherText(a, (a + b) % TEXTS.len())),
        Just(Look::LabelAndScore),
        Just(Look::SimilarToOther),
        proptest::sample::select(vec![
            "VALUES ?q { \"lake\" \"castle\"@en \"dog\" }",
            "?w dct:title ?q .",
            "?a rdfs:label ?q .",
            "BIND(\"ship\" AS ?q)",
            "VALUES (?q ?iiif) { (\"dog\" <https://iiif.example.org/img1>) (\"ship\" UNDEF) }",
            "{ SELECT ?q { ?a rdfs:label ?q } }",
            "?a rdfs:label ?q . ?w dct:hasFormat ?iiif .",
            "?w dct:title ?q ; dct:hasFormat ?iiif .",
            "{ ?w dct:title ?q } UNION { ?a rdfs:label ?q }",
            "{ ?w ex:by ?a OPTIONAL { ?w dct:title ?q } FILTER(BOUND(?q)) }",
            "{ SELECT ?q { ?w dct:title ?q } ORDER BY ?q LIMIT 2 }",
            "VALUES ?w { ex:w1 ex:w2 } ?w dct:title ?l . BIND(?l AS ?q)",
            "{ ?w dct:title ?q MINUS { ?w ex:by ex:anker } }",
        ])
        .prop_map(Look::Label),
        (0..N_IMAGES).prop_map(Look::Similar),
        Just(Look::SimilarToBound),
        Just(Look::LateralLabel),
    ];
    (
        look,
        proptest::option::of(proptest::sample::select(min_scores())),
        proptest::option::weighted(0.3, 1..5_usize),
        proptest::sample::select(vec![
            "?iiif",
            "?iiif",
            "?iiif",
            "?other",
            "?other",
            "<https://iiif.example.org/img2>",
        ]),
        proptest::sample::subsequence(
            vec![
                "clip:score ?s",
                "clip:rank ?rank",
                "clip:imageId ?id",
                "clip:link ?link",
                "clip:rank 2",
                "clip:link <https://iiif.example.org/img3/full/1000,/0/default.jpg>",
                "clip:iiifUrl ?other",
            ],
            0..=3,
        ),
        proptest::sample::select(vec!["?r", "?r2", "[]", "<http://example.org/req>"]),
        any::<bool>(),
        proptest::option::weighted(
            0.3,
            proptest::sample::select(vec![
                "OPTIONAL { ?r clip:rank ?rank FILTER(?rank < 4) }",
                "MINUS { ?r clip:score ?least FILTER(?least < 0.9) }",
                "FILTER NOT EXISTS { ?r clip:rank ?e FILTER(?e < 3) }",
                "FILTER EXISTS { ?r clip:iiifUrl ?e . ?x dct:hasFormat ?e }",
                "{ ?r clip:rank ?z } UNION { ?r clip:score ?z }",
                "OPTIONAL { ?r clip:score ?k OPTIONAL { ?r clip:rank ?rank FILTER(?k > 0.9) } }",
                "{ SELECT ?r (MAX(?k) AS ?z) { ?r clip:score ?k } GROUP BY ?r }",
            ]),
        ),
    )
        .prop_map(
            |(look, min_score, limit, image, outputs, subject, split, again)| {
                // `[]` cannot be named in two groups.
                let subject = match look {
                    Look::EitherText(..) if subject == "[]" => "?r",
                    _ => subject,
                };
                let is_variable = subject.starts_with('?');
                Request {
                    min_score: min_score.filter(|_| !matches!(look, Look::LabelAndScore)),
                    look,
                    limit,
                    image,
                    outputs,
                    subject,
                    split: split && is_variable,
                    again: again.filter(|_| is_variable),
                }
            },
        )
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let leaf = prop_oneof![
        3 => request().prop_map(Pattern::Request),
        2 => proptest::sample::select(vec![
            "?w dct:hasFormat ?iiif .",
            "?w dct:hasFormat ?iiif ; dct:title ?t .",
            "?w ex:year ?y .",
            "VALUES ?iiif { <https://iiif.example.org/img0> <https://iiif.example.org/img4> <http://e/none> }",
            "VALUES (?iiif ?z) { (<https://iiif.example.org/img0> 1) (UNDEF 2) }",
            "VALUES (?iiif ?z) { (<https://iiif.example.org/img0> '01'^^xsd:integer) (<https://iiif.example.org/img5> 1.0) }",
            "VALUES (?iiif ?rank) { (<https://iiif.example.org/img0> UNDEF) (<https://iiif.example.org/img2> 1) }",
            "VALUES ?id { \"d41d8cd98f00b204e9800998ecf8427e\" }",
            "VALUES ?rank { 1 2 UNDEF }",
            "VALUES (?rank ?iiif) { (1 UNDEF) (UNDEF <https://iiif.example.org/img3>) }",
            "VALUES ?iiif { <https://iiif.example.org/img7> }",
            "VALUES ?other { <https://iiif.example.org/img1> <https://iiif.example.org/img6> }",
            "VALUES ?link { <https://iiif.example.org/img5/full/1000,/0/default.jpg> }",
            "?w ex:by ?a OPTIONAL { ?w ex:year ?y } FILTER(!BOUND(?y) || ?y > 1880)",
            "?w dct:hasFormat ?other .",
            "?w dct:title ?t BIND(IRI(?nothing) AS ?iiif)",
            "?w dct:hasFormat ?x BIND(IF(?x = <https://iiif.example.org/img2>, ?x, ?nothing) AS ?iiif)",
        ])
        .prop_map(Pattern::Triples),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let two = || (inner.clone(), inner.clone()).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
        prop_oneof![
            4 => two().prop_map(|(a, b)| Pattern::Join(a, b)),
            2 => two().prop_map(|(a, b)| Pattern::Optional(a, b)),
            2 => two().prop_map(|(a, b)| Pattern::Union(a, b)),
            1 => two().prop_map(|(a, b)| Pattern::Minus(a, b)),
            1 => (two(), any::<bool>()).prop_map(|((a, b), not)| Pattern::Exists(a, b, not)),
            1 => (
                inner.clone(),
                proptest::sample::select(vec![
                    ("?iiif ?s", ""),
                    ("?iiif ?q ?r", ""),
                    ("?w ?iiif", ""),
                    ("DISTINCT ?iiif", ""),
                    ("?r ?other", ""),
                    ("DISTINCT ?iiif", "ORDER BY ?iiif LIMIT 3"),
                    ("?s", "ORDER BY DESC(?s) LIMIT 3"),
                    ("DISTINCT ?s", "ORDER BY DESC(?s) ?iiif LIMIT 2 OFFSET 1"),
                    ("?iiif ?s ?w ?t ?y ?q ?r ?other ?rank ?id ?link ?m ?z ?a ?v ?seed", "ORDER BY DESC(?s) ?iiif ?w ?t ?y ?q ?other ?rank ?id ?link ?m ?z ?a ?v ?seed LIMIT 4"),
                    ("DISTINCT ?iiif ?q", "ORDER BY ?iiif ?q LIMIT 2 OFFSET 1"),
                    ("?iiif (COUNT(*) AS ?z)", "GROUP BY ?iiif"),
                    ("(COUNT(?iiif) AS ?z)", ""),
                    ("?iiif ?other", ""),
                    ("?w ?q ?other", ""),
                    ("DISTINCT ?s ?iiif", ""),
                    ("DISTINCT ?other", "ORDER BY DESC(?other) LIMIT 4"),
                    ("?w (MAX(?s) AS ?s2)", "GROUP BY ?w HAVING(COUNT(*) > 1)"),
                ]),
            )
                .prop_map(|(p, around)| Pattern::Select(Box::new(p), around)),
            1 => (
                proptest::sample::select(vec!["?g", "ex:g1", "ex:g2"]),
                inner.clone(),
            )
                .prop_map(|(g, p)| Pattern::Graph(g, Box::new(p))),
            1 => two().prop_map(|(a, b)| Pattern::Lateral(a, b)),
            1 => (
                inner.clone(),
                proptest::sample::select(vec![
                    "FILTER(?s > 0.85)",
                    "BIND(?s * 2 AS ?z2)",
                    "OPTIONAL { ?w dct:hasFormat ?iiif FILTER(?s > 0.85) }",
                    "?w dct:title ?t FILTER EXISTS { ?w dct:hasFormat ?iiif FILTER(?s > 0.8) }",
                    "VALUES ?z { 1 2 } FILTER(?z = ?rank || ?s > 0.9)",
                    "{ FILTER(?s > 0.85) } UNION { BIND(STR(?q) AS ?v) }",
                    "SELECT ?s ?z { BIND(?s + 1 AS ?z) }",
                    "SELECT ?iiif (COUNT(?w) AS ?z) { ?w dct:hasFormat ?iiif } GROUP BY ?iiif",
                ]),
            )
                .prop_map(|(p, text)| Pattern::LateralText(Box::new(p), text)),
            1 => (
                inner.clone(),
                proptest::sample::select(vec!["?iiif = <https://iiif.example.org/img1> || ?iiif = <https://iiif.example.org/img3>", "?iiif IN (<https://iiif.example.org/img1>, <https://iiif.example.org/img5>)", "EXISTS { ?w dct:hasFormat ?iiif }", "?s > 0.85", "?iiif != <https://iiif.example.org/img0>", "!BOUND(?t)", "?q = 'lake'"]),
            )
                .prop_map(|(p, f)| Pattern::Filter(Box::new(p), f)),
        ]
    })
}

/// Writes a pattern, for the program or for the oracle.
struct Writer {
    requests: Vec<Request>,
    for_oracle: bool,
}

impl Writer {
    fn write(&mut self, pattern: &Pattern, out: &mut String) {
        match pattern {
            Pattern::Request(request) => self.write_request(request, out),
            Pattern::Triples(text) => out.push_str(text),
            Pattern::Join(a, b) => {
                self.group(a, out);
                self.group(b, out);
            }
            Pattern::Optional(a, b) => {
                self.group(a, out);
                out.push_str(" OPTIONAL ");
                self.group(b, out);
            }
            Pattern::Union(a, b) => {
                self.group(a, out);
                out.push_str(" UNION ");
                self.group(b, out);
            }
            Pattern::Minus(a, b) => {
                self.group(a, out);
                out.push_str(" MINUS ");
                self.group(b, out);
            }
            Pattern::Exists(a, b, not) => {
                self.group(a, out);
                out.push_str(if *not {
                    " FILTER NOT EXISTS "
                } else {
                    " FILTER EXISTS "
                });
                self.group(b, out);
            }
            Pattern::Select(p, (before, after)) => {
                write!(out, "{{ SELECT {before} ").unwrap();
                self.group(p, out);
                write!(out, "{after} }}").unwrap();
            }
            Pattern::Graph(name, p) => {
                let mut inside = String::new();
                self.group(p, &mut inside);
                // SPARQL evaluates what is inside graph by graph, and then joins the name; stock oxigraph binds
                // the name where it reads a triple, so that sub-SELECTs lose it and MINUS shares it.
                if *name == "?g" && self.for_oracle {
                    let [first, second] = ["ex:g1", "ex:g2"].map(|graph| {
                        format!("{{ GRAPH {graph} {inside} GRAPH {graph} {{ ?g {IS_NAME} }} }}")
                    });
                    write!(out, "{{ {first} UNION {second} }}").unwrap();
                } else {
                    write!(out, "GRAPH {name} {inside}").unwrap();
                }
            }
            Pattern::Lateral(a, b) => {
                self.group(a, out);
                out.push_str(" LATERAL ");
                self.group(b, out);
            }
            Pattern::LateralText(p, text) => {
                self.group(p, out);
                write!(out, " LATERAL {{ {text} }}").unwrap();
            }
            Pattern::Filter(p, condition) => {
                self.group(p, out);
                write!(out, " FILTER({condition}) ").unwrap();
            }
        }
    }

    fn group(&mut self, pattern: &Pattern, out: &mut String) {
        out.push_str(" { ");
        self.write(pattern, out);
        out.push_str(" } ");
    }

    fn write_request(&mut self, request: &Request, out: &mut String) {
        if let Look::SimilarToOther = request.look {
            let seeds = Request {
                look: Look::Text(2),
                min_score: None,
                limit: Some(2),
                image: "?other",
                outputs: Vec::new(),
                subject: "?r",
                split: false,
                again: None,
            };
            self.write_request(&seeds, out);
            out.push(' ');
        }
        let number = self.requests.len();
        let mut request = request.clone();
        // Each request is one of its own: no two share a subject.
        request.subject = [
            [
                "?r", "?r1", "?r2", "?r3", "?r4", "?r5", "?r6", "?r7", "?r8", "?r9",
            ],
            ["[]"; 10],
            [
                "<http://e/0>",
                "<http://e/1>",
                "<http://e/2>",
                "<http://e/3>",
                "<http://e/4>",
                "<http://e/5>",
                "<http://e/6>",
                "<http://e/7>",
                "<http://e/8>",
                "<http://e/9>",
            ],
        ][match request.subject {
            "[]" => 1,
            s if s.starts_with('<') => 2,
            _ => 0,
        }][number % 10];
        let subject = if self.for_oracle && request.subject.starts_with('<') {
            format!("?iri{number}")
        } else {
            request.subject.to_owned()
        };
        let mut first = String::from("a clip:Request");
        match &request.look {
            Look::Text(t) => write!(first, " ; clip:queryString {}", TEXTS[*t]),
            Look::TwoTexts(a, b) => {
                write!(first, " ; clip:queryString {}, {}", TEXTS[*a], TEXTS[*b])
            }
            Look::Label(binding) => {
                out.push_str(binding);
                out.push(' ');
                write!(first, " ; clip:queryString ?q")
            }
            Look::TextWithout(a, b) => write!(
                first,
                " ; clip:queryString {} ; clip:excludeString {}",
                TEXTS[*a], TEXTS[*b]
            ),
            Look::EitherText(..) => Ok(()),
            Look::LabelAndScore => {
                out.push_str("VALUES (?q ?m) { (\"lake\" 0.8) (\"dog\" \"0.95\") (\"dog\" 0.8) } ");
                write!(first, " ; clip:queryString ?q ; clip:minScore ?m")
            }
            Look::SimilarToOther => write!(first, " ; clip:similarTo ?other"),
            Look::Similar(i) => write!(first, " ; clip:similarTo <{}>", url(*i)),
            Look::SimilarToBound => {
                out.push_str("?v dct:hasFormat ?seed . ");
                write!(first, " ; clip:similarTo ?seed")
            }
            Look::LateralLabel => {
                out.push_str("?w dct:title ?l LATERAL { BIND(STR(?l) AS ?q) ");
                write!(first, " ; clip:queryString ?q")
            }
        }
        .unwrap();
        if let Some(min_score) = request.min_score {
            write!(first, " ; clip:minScore {min_score}").unwrap();
        }
        if let Some(limit) = request.limit {
            write!(first, " ; clip:limit {limit}").unwrap();
        }
        let mut rest = format!("clip:iiifUrl {}", request.image);
        for output in &request.outputs {
            write!(rest, " ; {output}").unwrap();
        }
        let mut text = if request.split {
            format!("{{ {subject} {rest} }} {subject} {first} .")
        } else {
            format!("{subject} {first} ; {rest} .")
        };
        if let Look::EitherText(a, b) = request.look {
            write!(
                text,
                " {{ {subject} clip:queryString {} }} UNION {{ {subject} clip:queryString {} }}",
                TEXTS[a], TEXTS[b]
            )
            .unwrap();
        }
        if let Some(again) = request.again {
            write!(text, " {}", again.replace("?r ", &format!("{subject} "))).unwrap();
        }
        out.push_str(&if self.for_oracle {
            text.replace("clip:", &format!("o{number}:"))
        } else {
            text
        });
        if let Look::LateralLabel = request.look {
            out.push_str(" }");
        }
        self.requests.push(request);
    }
}

/// `PREFIX`es, and the projection: every variable but the requests' subjects.
fn query(pattern: &Pattern, dataset: &str, for_oracle: bool) -> (String, Vec<Request>) {
    let mut writer = Writer {
        requests: Vec::new(),
        for_oracle,
    };
    let mut body = String::new();
    writer.write(pattern, &mut body);
    let mut text = String::from(
        "PREFIX dct: <http://purl.org/dc/terms/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
         PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> PREFIX ex: <http://example.org/>
         PREFIX clip: <https://service.swissartresearch.net/clip/>\n",
    );
    for number in 0..writer.requests.len() {
        writeln!(text, "PREFIX o{number}: <http://oracle/{number}/>").unwrap();
    }
    write!(
        text,
        "SELECT ?iiif ?other ?m ?s ?rank ?id ?link ?w ?t ?y ?q ?g ?z ?a ?v ?z2 ?seed {dataset} WHERE {{ {body} }}"
    )
    .unwrap();
    (text, writer.requests)
}

fn term(text: &str) -> Term {
    // Literals as the query writes them.
    if let Some(text) = text.strip_suffix("@en") {
        Literal::new_language_tagged_literal(text.trim_matches('"'), "en")
            .unwrap()
            .into()
    } else if let Some(text) = text.strip_suffix("^^xsd:float") {
        Literal::new_typed_literal(text.trim_matches('"'), oxigraph::model::vocab::xsd::FLOAT)
            .into()
    } else if text.starts_with('"') {
        Literal::new_simple_literal(text.trim_matches('"')).into()
    } else if text.contains('.') {
        Literal::new_typed_literal(text, oxigraph::model::vocab::xsd::DECIMAL).into()
    } else {
        Literal::new_typed_literal(text, oxigraph::model::vocab::xsd::INTEGER).into()
    }
}

fn text_of(term: &Term) -> String {
    match term {
        Term::Literal(literal) => literal.value().to_owned(),
        Term::NamedNode(node) => node.as_str().to_owned(),
        Term::BlankNode(_) | Term::Triple(_) => unreachable!("inputs are literals and IRIs"),
    }
}

/// The metadata and the enumerated relation, for one of the [`DATASETS`].
fn oracle_store(requests: &[Request], dataset: usize) -> Store {
    let store = Store::new().unwrap();
    store
        .load_from_slice(RdfFormat::TriG, METADATA.as_bytes())
        .unwrap();
    let collection = collection();
    let mut graphs: Vec<GraphName> = [
        GraphName::DefaultGraph,
        NamedNode::new_unchecked("http://example.org/g1").into(),
        NamedNode::new_unchecked("http://example.org/g2").into(),
    ]
    .into();
    if DATASETS[dataset].1.contains("<http://oracle/relation>") {
        graphs.push(NamedNode::new_unchecked("http://oracle/relation").into());
    }
    store
        .load_from_slice(
            RdfFormat::TriG,
            format!(
                "PREFIX ex: <http://example.org/> ex:g1 {{ ex:g1 {IS_NAME} }} ex:g2 {{ ex:g2 {IS_NAME} }}"
            )
            .as_bytes(),
        )
        .unwrap();
    for (number, request) in requests.iter().enumerate() {
        let strings = |texts: &[&str]| -> Vec<(&str, Term)> {
            texts.iter().map(|t| ("queryString", term(t))).collect()
        };
        let image = |i: usize| vec![("similarTo", Term::from(NamedNode::new_unchecked(url(i))))];
        let input_sets: Vec<Vec<(&str, Term)>> = match &request.look {
            Look::Text(t) => vec![strings(&[TEXTS[*t]])],
            // Twice the same is one triple.
            Look::TwoTexts(a, b) if a == b => vec![strings(&[TEXTS[*a]])],
            Look::TwoTexts(a, b) => vec![strings(&[TEXTS[*a], TEXTS[*b]])],
            Look::TextWithout(a, b) => {
                let mut inputs = strings(&[TEXTS[*a]]);
                inputs.push(("excludeString", term(TEXTS[*b])));
                vec![inputs]
            }
            Look::EitherText(a, b) => vec![strings(&[TEXTS[*a]]), strings(&[TEXTS[*b]])],
            Look::LabelAndScore => TEXTS
                .iter()
                .flat_map(|t| {
                    ["0.8", "\"0.95\""].map(|m| {
                        let mut inputs = strings(&[t]);
                        inputs.push(("minScore", term(m)));
                        inputs
                    })
                })
                .collect(),
            Look::SimilarToOther => (0..N_IMAGES).map(image).collect(),
            Look::Label(_) => TEXTS.iter().map(|t| strings(&[t])).collect(),
            Look::LateralLabel => (TEXTS.iter().chain(["\"castle\""].iter()))
                .map(|t| strings(&[t]))
                .collect(),
            Look::Similar(i) => vec![image(*i)],
            Look::SimilarToBound => (0..N_IMAGES).map(image).collect(),
        };
        for (set, inputs) in input_sets.iter().enumerate() {
            let directions = |names: &[&str]| -> Vec<Embedding> {
                inputs
                    .iter()
                    .filter(|(name, _)| names.contains(name))
                    .map(|(_, t)| direction(text_of(t).as_bytes()))
                    .collect()
            };
            let like = directions(&["queryString", "similarTo"]);
            let unlike = directions(&["excludeString"]);
            let query = match (&like[..], &unlike[..]) {
                ([one], []) => one.clone(),
                _ => Embedding::combine(&like, &unlike).unwrap(),
            };
            let own_score = inputs.iter().find(|(name, _)| *name == "minScore");
            let min_score = request
                .min_score
                .map(term)
                .or(own_score.map(|(_, term)| term.clone()))
                .map_or(0.2, |m| text_of(&m).parse::<f32>().unwrap());
            let hits = nearest::at_least(
                collection.features(),
                &query,
                min_score.into(),
                request.limit,
            );
            for (index, hit) in hits.iter().enumerate() {
                let node =
                    NamedNode::new_unchecked(format!("http://oracle/{number}/{set}/{}", hit.row));
                let mut triples: Vec<(&str, Term)> = inputs.clone();
                if let Some(min_score) = request.min_score {
                    triples.push(("minScore", term(min_score)));
                }
                if let Some(limit) = request.limit {
                    triples.push(("limit", term(&limit.to_string())));
                }
                let image = collection.url(hit.row);
                triples.extend([
                    ("iiifUrl", NamedNode::new_unchecked(&image).into()),
                    ("score", Literal::from(hit.score).into()),
                    (
                        "rank",
                        Literal::from(i64::try_from(index + 1).unwrap()).into(),
                    ),
                    (
                        "imageId",
                        Literal::new_simple_literal(image_id(&image)).into(),
                    ),
                    (
                        "link",
                        NamedNode::new_unchecked(format!("{image}/full/1000,/0/default.jpg"))
                            .into(),
                    ),
                ]);
                for graph in &graphs {
                    store
                        .insert(&Quad::new(
                            node.clone(),
                            oxigraph::model::vocab::rdf::TYPE,
                            NamedNode::new_unchecked(format!("http://oracle/{number}/Request")),
                            graph.clone(),
                        ))
                        .unwrap();
                    for (name, object) in &triples {
                        store
                            .insert(&Quad::new(
                                node.clone(),
                                NamedNode::new_unchecked(format!("http://oracle/{number}/{name}")),
                                object.clone(),
                                graph.clone(),
                            ))
                            .unwrap();
                    }
                }
            }
        }
    }
    store
}

/// Without the optimizer, which moves an EXISTS to where it sees variables that its own group does not
/// bind.
fn oracle_rows(store: &Store, query: &str) -> Vec<String> {
    let results = SparqlEvaluator::new()
        .without_optimizations()
        .parse_query(query)
        .unwrap()
        .on_store(store)
        .execute()
        .unwrap();
    let QueryResults::Solutions(solutions) = results else {
        unreachable!("a SELECT")
    };
    let variables = solutions.variables().to_vec();
    let mut rows: Vec<String> = solutions
        .map(|solution| {
            let solution = solution.unwrap();
            variables
                .iter()
                .map(|v| solution.get(v).map(ToString::to_string).unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\t")
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// The same rows from the program, written like the oracle's.
fn program_rows(world: &World, query: &str) -> Result<Vec<String>, String> {
    let answer = world.ask(query).map_err(|error| error.to_string())?;
    let mut rows: Vec<String> = answer
        .lines()
        .skip(1)
        .map(|line| {
            line.split('\t')
                .map(|cell| {
                    if cell.is_empty() {
                        String::new()
                    } else {
                        cell.parse::<Term>()
                            .unwrap_or_else(|_| {
                                Literal::new_typed_literal(
                                    cell,
                                    oxigraph::model::vocab::xsd::INTEGER,
                                )
                                .into()
                            })
                            .to_string()
                    }
                })
                .collect::<Vec<_>>()
                .join("\t")
        })
        .collect();
    rows.sort_unstable();
    Ok(rows)
}

fn check(world: &World, pattern: &Pattern, dataset: usize) -> Result<bool, TestCaseError> {
    let (text, requests) = query(pattern, DATASETS[dataset].0, false);
    let (oracle_text, _) = query(pattern, DATASETS[dataset].1, true);
    // Without a request the program is stock oxigraph, its graphs of sub-SELECTs included.
    if requests.is_empty() || pattern.compares_what_comes_in(false) {
        return Ok(false);
    }
    // A LATERAL may not bind what stands before it.
    if SparqlEvaluator::new().parse_query(&oracle_text).is_err() {
        prop_assert!(world.ask(&text).is_err(), "{text}");
        return Ok(false);
    }
    match program_rows(world, &text) {
        Ok(rows) => {
            let expected = oracle_rows(&oracle_store(&requests, dataset), &oracle_text);
            let (extra, missing) = (beyond(&rows, &expected), beyond(&expected, &rows));
            prop_assert!(
                extra.is_empty() && missing.is_empty(),
                "too many: {extra:#?}\nmissing: {missing:#?}\n{text}"
            );
            if let [_] = &requests[..] {
                check_order(world, &text)?;
                check_top(world, &text, &expected)?;
            }
            Ok(true)
        }
        // An input that nothing binds has no answer; the oracle would enumerate every input there is.
        Err(error) if error.contains("which nothing else in the query binds") => Ok(false),
        Err(error) => Err(TestCaseError::fail(format!("{error}\n{text}"))),
    }
}

/// What of `rows` is not in `others`, or not so often.
fn beyond(rows: &[String], others: &[String]) -> Vec<String> {
    let mut left = others.to_vec();
    let mut is_new = |row: &String| match left.iter().position(|other| other == row) {
        Some(place) => {
            left.swap_remove(place);
            false
        }
        None => true,
    };
    rows.iter().filter(|row| is_new(row)).cloned().collect()
}

/// The first rows alone are those that all rows begin with, whatever plan finds them.
fn check_top(world: &World, text: &str, all: &[String]) -> Result<(), TestCaseError> {
    let column = text.split_whitespace().filter(|word| word.starts_with('?'));
    let column = column.take_while(|word| *word != "?s").count();
    let score = |row: &String| match row.split('\t').nth(column).unwrap() {
        "" => f32::NEG_INFINITY,
        cell => match cell.parse::<Term>().unwrap() {
            Term::Literal(literal) => literal.value().parse().unwrap(),
            _ => unreachable!("a score"),
        },
    };
    let scores = |rows: &[String]| {
        let mut scores: Vec<f32> = rows.iter().map(score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores
    };
    let mut distinct = all.to_vec();
    distinct.dedup();
    for (is_distinct, order, length, start) in [
        (false, "", 2, 0),
        (false, "ORDER BY DESC(?s)", 3, 0),
        (false, "ORDER BY DESC(?s) ?w DESC(?t)", 2, 1),
        (true, "ORDER BY DESC(?s)", 3, 1),
        (true, "", 2, 0),
    ] {
        let all = if is_distinct { &distinct } else { all };
        let text = if is_distinct {
            text.replacen("SELECT", "SELECT DISTINCT", 1)
        } else {
            text.to_owned()
        };
        let text = format!("{text} {order} LIMIT {length} OFFSET {start}");
        let rows = program_rows(world, &text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(
            rows.len(),
            length.min(all.len().saturating_sub(start)),
            "{}",
            text
        );
        let mut left = all.to_vec();
        for row in &rows {
            let place = left.iter().position(|other| other == row);
            prop_assert!(place.is_some(), "{row} is no row, or not so often\n{text}");
            left.remove(place.unwrap());
        }
        // A sub-SELECT may hide the score by which rows are ordered.
        if !order.is_empty() || text.matches("SELECT").count() == 1 {
            let best = scores(all);
            let best = &best[start.min(best.len())..(start + length).min(best.len())];
            prop_assert_eq!(scores(&rows), best, "{}", text);
        }
    }
    let (before, after) = text.split_once("SELECT").unwrap();
    let dataset = after.split_once("?seed").unwrap().1;
    let ask = format!("{before} ASK {dataset}");
    let answer = world
        .ask(&ask)
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(answer.trim(), (!all.is_empty()).to_string(), "{}", ask);
    Ok(())
}

/// Without ORDER BY the rows of one request come best score first, and those without a hit last. (A
/// sub-SELECT may hide the score, or a score of its own may stand there.)
fn check_order(world: &World, text: &str) -> Result<(), TestCaseError> {
    if text.matches("SELECT").count() > 1 {
        return Ok(());
    }
    let answer = world.ask(text).unwrap();
    let mut lines = answer.lines();
    let column = lines
        .next()
        .and_then(|head| head.split('\t').position(|name| name == "?s"))
        .unwrap();
    let scores: Vec<f32> = lines
        .map(|line| match line.split('\t').nth(column).unwrap() {
            "" => f32::NEG_INFINITY,
            cell => match cell.parse::<Term>().unwrap() {
                Term::Literal(literal) => literal.value().parse().unwrap(),
                _ => unreachable!("a score"),
            },
        })
        .collect();
    prop_assert!(
        scores.is_sorted_by(|a, b| a >= b),
        "not best first: {scores:?}\n{text}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(2),
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_answer_is_that_of_the_enumerated_relation(
        pattern in pattern(),
        dataset in proptest::sample::select(vec![0, 0, 0, 1, 2, 3]),
    ) {
        thread_local! {
            static WORLD: World = World::new();
            // With so small a collection only such settings show all plans.
            static TIGHT: World = World::with(
                SparqlOptions {
                    planner: PlannerOptions { probe_rows: Some(2), first_block: 1, inline_rows: 0 },
                    ..SparqlOptions::default()
                },
                super::store(),
            );
        }
        WORLD.with(|world| check(world, &pattern, dataset))?;
        TIGHT.with(|world| check(world, &pattern, dataset))?;
    }
}

/// Without clip terms the program is stock oxigraph.
#[test]
fn plain_queries_are_answered_as_the_store_does() {
    let world = World::new();
    let store = super::store();
    for query in [
        "SELECT * { ?s ?p ?o }",
        "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g ORDER BY ?g",
        "SELECT ?t { ?w <http://purl.org/dc/terms/title> ?t FILTER(LANG(?t) = 'en') }",
        "SELECT ?a ?n { { SELECT ?a (COUNT(?w) AS ?n) { ?w <http://example.org/by> ?a } GROUP BY ?a } }",
        "SELECT ?w ?y { ?w <http://example.org/by> ?a OPTIONAL { ?w <http://example.org/year> ?y } } ORDER BY DESC(?y) ?w",
    ] {
        let query = query.replace("dct:", DCT);
        let mut plain = oracle_rows(&store, &query);
        plain.sort_unstable();
        assert_eq!(program_rows(&world, &query).unwrap(), plain, "{query}");
    }
}

//! Endpoints that cut their answers in every way, over a store that knows the whole.

use super::*;
use crate::build::options::{Network, Source};
use axum::Router;
use axum::extract::Form;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use oxigraph::sparql::{QueryResults, SparqlEvaluator};
use oxigraph::store::Store;
use oxrdf::Literal;
use oxrdf::Variable;
use proptest::prelude::*;
use sparesults::{QueryResultsFormat, QueryResultsSerializer};
use spargebra::algebra::{Expression, Function, GraphPattern, OrderExpression};
use spargebra::{Query, SparqlParser};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How an endpoint treats its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    /// The header names the limit.
    MaxRows(usize),
    /// A header says that rows are missing.
    Flag(usize),
    /// So does the status.
    Status(usize),
    /// The text ends after so many rows.
    Body(usize),
    /// Nothing says it.
    Silent(usize),
    /// Virtuoso: the header, and an error where more than so many rows were to be sorted.
    Sorting(usize, usize),
    NoOffset(usize),
    /// Other rows each time.
    Moving(usize),
    /// Literals are ordered by their text alone, and what that leaves open is in another order each time.
    Tied(usize),
    /// The same, and nothing can be ordered by what a function gives.
    Blunt(usize),
}

struct Loopback {
    url: Url,
    store: Store,
    n_requests: Arc<AtomicUsize>,
}

impl Loopback {
    async fn new(data: &str, way: Way) -> Self {
        let store = Store::new().unwrap();
        let turtle = oxrdfio::RdfFormat::Turtle;
        store
            .load_from_slice(oxigraph::io::RdfParser::from_format(turtle), data)
            .unwrap();
        let n_requests = Arc::new(AtomicUsize::new(0));
        let (known, count) = (store.clone(), n_requests.clone());
        let handler = move |Form(form): Form<HashMap<String, String>>| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let response = respond(&known, &form["query"], way, number);
            async move { response }
        };
        let router = Router::new().route("/sparql", post(handler));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sparql", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: url.parse().unwrap(),
            store,
            n_requests,
        }
    }

    /// The lines that the rows of `query` become, in the order in which the build has them, and its remarks.
    async fn read(
        &self,
        query: &str,
        page_size: usize,
        allow_partial: bool,
    ) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool {
            answer: dir.path().join("answer.part"),
            rows: dir.path().join("rows.part"),
        };
        let source = Source::Csv(PathBuf::new());
        let mut options = BuildOptions::new(source, PathBuf::new());
        options.allow_partial = allow_partial;
        options.network = Network {
            retries: 0,
            ..Network::default()
        };
        let query = SelectQuery::new(query)?;
        let endpoint = Endpoint::new(&self.url, &options.network)?;
        let sink = Sink::create(&spool.rows, sink::as_csv())?;
        let mut rows = match page_size {
            0 => at_once(&endpoint, &query, sink, &options, &spool.answer).await?,
            size => in_pages(&endpoint, &query, size, sink, &options, &spool.answer).await?,
        };
        rows.sink.mark()?;
        let text = std::fs::read_to_string(&spool.rows)?;
        Ok((text.lines().map(str::to_owned).collect(), rows.remarks))
    }

    /// The lines of the whole answer, sorted.
    fn whole(&self, query: &str) -> Vec<String> {
        let (_, rows) = evaluate(&self.store, query);
        let mut write = sink::as_csv();
        let mut text = Vec::new();
        for row in &rows {
            write(row, &mut text).unwrap();
        }
        let text = String::from_utf8(text).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

fn evaluate(store: &Store, query: &str) -> (Vec<Variable>, Vec<sink::Row>) {
    let query = SparqlEvaluator::new().parse_query(query).unwrap();
    let QueryResults::Solutions(solutions) = query.on_store(store).execute().unwrap() else {
        panic!("only SELECT is asked for");
    };
    let variables = solutions.variables().to_vec();
    let rows = solutions.map(|row| row.unwrap().values().to_vec());
    (variables.clone(), rows.collect())
}

fn respond(store: &Store, query: &str, way: Way, number: usize) -> Response {
    let parsed = SparqlParser::new().parse_query(query).unwrap();
    let Query::Select { pattern, .. } = &parsed else {
        panic!("only SELECT is asked for");
    };
    let (mut start, mut length) = (0, None);
    if let GraphPattern::Slice {
        start: from,
        length: n,
        ..
    } = pattern
    {
        (start, length) = (*from, *n);
    }
    if let Way::Sorting(_, most) = way
        && is_sorted(pattern)
        && length.is_some_and(|n| start + n > most)
    {
        let text = format!(
            "Virtuoso 22023 Error SR353: Sorted TOP clause specifies more then {most} rows to sort."
        );
        return (StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
    }
    if matches!(way, Way::Blunt(_)) && query.contains("DATATYPE(") {
        let text = "ORDER BY takes variables".to_owned();
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let (variables, mut rows) = match way {
        Way::Tied(_) | Way::Blunt(_) => {
            evaluate(store, &with_open_ties(parsed.clone(), number).to_string())
        }
        Way::NoOffset(_) => match (parsed.clone(), start > 0) {
            (
                Query::Select {
                    dataset,
                    pattern: GraphPattern::Slice { inner, length, .. },
                    base_iri,
                },
                true,
            ) => {
                let pattern = GraphPattern::Slice {
                    inner,
                    start: 0,
                    length,
                };
                let query = Query::Select {
                    dataset,
                    pattern,
                    base_iri,
                };
                evaluate(store, &query.to_string())
            }
            _ => evaluate(store, query),
        },
        _ => evaluate(store, query),
    };
    if let Way::Moving(_) = way
        && rows.len() > 1
    {
        let n_rows = rows.len();
        rows.rotate_left(number % n_rows);
    }
    let n_all = rows.len();
    let most = match way {
        Way::Whole | Way::Body(_) => usize::MAX,
        Way::MaxRows(n)
        | Way::Flag(n)
        | Way::Status(n)
        | Way::Silent(n)
        | Way::Sorting(n, _)
        | Way::NoOffset(n)
        | Way::Moving(n)
        | Way::Tied(n)
        | Way::Blunt(n) => n,
    };
    rows.truncate(most);
    let serializer = QueryResultsSerializer::from_format(QueryResultsFormat::Json);
    let mut serializer = serializer
        .serialize_solutions_to_writer(Vec::new(), variables.clone())
        .unwrap();
    let mut n_written = 0;
    for row in &rows {
        let bound = variables
            .iter()
            .zip(row)
            .filter_map(|(name, term)| Some((name, term.as_ref()?)));
        serializer.serialize(bound).unwrap();
        n_written += 1;
        if matches!(way, Way::Body(n) if n == n_written && n_all > n) {
            break;
        }
    }
    let mut body = serializer.finish().unwrap();
    let is_cut = n_all > most || n_all > n_written;
    if let (Way::Body(_), true) = (way, is_cut) {
        body.truncate(body.len() - 4);
    }
    let mut response = (
        [(header::CONTENT_TYPE, "application/sparql-results+json")],
        body,
    )
        .into_response();
    let headers = response.headers_mut();
    match way {
        Way::MaxRows(n)
        | Way::Sorting(n, _)
        | Way::NoOffset(n)
        | Way::Moving(n)
        | Way::Tied(n)
        | Way::Blunt(n) => {
            headers.insert("x-sparql-maxrows", n.into());
        }
        Way::Flag(_) if is_cut => {
            headers.insert("x-result-truncated", "true".parse().unwrap());
        }
        Way::Status(_) if is_cut => *response.status_mut() = StatusCode::PARTIAL_CONTENT,
        _ => {}
    }
    response
}

/// The query with variables ordered by their texts, and what that leaves open by chance.
fn with_open_ties(query: Query, number: usize) -> Query {
    fn open(pattern: GraphPattern, number: usize) -> GraphPattern {
        let inner = |inner: Box<GraphPattern>| Box::new(open(*inner, number));
        match pattern {
            GraphPattern::Slice {
                inner: rows,
                start,
                length,
            } => GraphPattern::Slice {
                inner: inner(rows),
                start,
                length,
            },
            GraphPattern::Distinct { inner: rows } => GraphPattern::Distinct { inner: inner(rows) },
            GraphPattern::Project {
                inner: rows,
                variables,
            } => GraphPattern::Project {
                inner: inner(rows),
                variables,
            },
            GraphPattern::OrderBy {
                inner: rows,
                expression,
            } => {
                let call = |function, of: Vec<Expression>| Expression::FunctionCall(function, of);
                let mut order: Vec<OrderExpression> = Vec::new();
                let mut by_chance = Vec::new();
                for by in expression {
                    order.push(match by {
                        OrderExpression::Asc(by @ Expression::Variable(_)) => {
                            let mark = call(Function::Lang, vec![by.clone()]);
                            let salt = Literal::from(number.to_string());
                            let salted = call(Function::Concat, vec![mark, salt.into()]);
                            by_chance.push(OrderExpression::Asc(call(Function::Md5, vec![salted])));
                            OrderExpression::Asc(call(Function::Str, vec![by]))
                        }
                        by => by,
                    });
                }
                order.extend(by_chance);
                GraphPattern::OrderBy {
                    inner: rows,
                    expression: order,
                }
            }
            other => other,
        }
    }
    match query {
        Query::Select {
            dataset,
            pattern,
            base_iri,
        } => Query::Select {
            dataset,
            pattern: open(pattern, number),
            base_iri,
        },
        other => other,
    }
}

/// Whether ORDER BY stands beside LIMIT.
fn is_sorted(pattern: &GraphPattern) -> bool {
    match pattern {
        GraphPattern::OrderBy { .. } => true,
        GraphPattern::Slice { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner } => is_sorted(inner),
        _ => false,
    }
}

/// Queries over what [`data`] makes.
const QUERIES: [&str; 11] = [
    "SELECT ?u ?t { ?u <x:t> ?t }",
    "SELECT ?u ?t { ?u <x:t> ?t } ORDER BY ?u",
    "SELECT ?u { ?u a <x:C> } ORDER BY ?u",
    "SELECT ?t { ?u <x:t> ?t }",
    "SELECT DISTINCT ?t { ?u <x:t> ?t }",
    "SELECT REDUCED ?u { ?u a <x:C> } ORDER BY ASC(?u)",
    "SELECT ?u (COUNT(?t) AS ?n) { ?u a <x:C> OPTIONAL { ?u <x:t> ?t } } GROUP BY ?u ORDER BY DESC(?n)",
    "SELECT ?u (COUNT(*) AS ?m) { ?u ?p ?t } GROUP BY ?u HAVING (COUNT(*) > 1) ORDER BY ?u",
    "SELECT ?u ?t { ?u a <x:C> OPTIONAL { ?u <x:t> ?t } } ORDER BY ?t",
    "SELECT * { { ?u <x:t> ?t } UNION { ?t a ?u } } ORDER BY ?t",
    "SELECT (STR(?u) AS ?s) ?n { ?u <x:t> ?t BIND(LANG(?t) AS ?n) FILTER EXISTS { ?u a <x:C> } } ORDER BY ?s",
];

/// Images with titles of every kind, some without, some with several.
fn data() -> impl Strategy<Value = String> {
    let title = prop_oneof![
        (0..4u8).prop_map(|n| format!("\"t{n}\"")),
        (0..3u8).prop_map(|n| format!("\"t{n}\"@de")),
        (0..30u8).prop_map(|n| format!("{n}")),
        (0..3u8).prop_map(|n| format!("<x:t{n}>")),
        Just("\"a \\\"quoted\\\", title\"".to_owned()),
    ];
    let image = prop::collection::vec(title, 0..3);
    prop::collection::vec(image, 1..40).prop_map(|images| {
        let mut turtle = String::new();
        for (n, titles) in images.iter().enumerate() {
            turtle += &format!("<http://i/{}> a <x:C> .\n", n * 7 % 41);
            for title in titles {
                turtle += &format!("<http://i/{}> <x:t> {title} .\n", n * 7 % 41);
            }
        }
        turtle
    })
}

fn ways() -> impl Strategy<Value = Way> {
    let limit = 2..20usize;
    prop_oneof![
        limit.clone().prop_map(Way::MaxRows),
        limit.clone().prop_map(Way::Flag),
        limit.clone().prop_map(Way::Status),
        limit.clone().prop_map(Way::Body),
        limit.clone().prop_map(Way::Silent),
        limit.clone().prop_map(|n| Way::Sorting(n, n + 3)),
        limit.clone().prop_map(Way::NoOffset),
        limit.clone().prop_map(Way::Moving),
        limit.clone().prop_map(Way::Tied),
        limit.prop_map(Way::Blunt),
    ]
}

/// Whether an error may come of a way of cutting: never rows that are not all.
fn may_fail(way: Way, error: &str, whole: &[String], size: usize) -> bool {
    let most_of_one = whole.chunk_by(|a, b| a == b).map(<[_]>::len).max();
    match way {
        Way::NoOffset(_) => {
            error.contains("as if OFFSET were not there")
                || error.contains("counts")
                || error.contains("again and again")
        }
        Way::Moving(_) => true,
        // What can be told apart is told apart, and what cannot is not passed over.
        Way::Blunt(_) => ["not firm", "different rows", "again and again"]
            .iter()
            .any(|words| error.contains(words)),
        _ => {
            error.contains("again and again")
                && most_of_one.unwrap_or_default() >= 2 * size.min(3) - 1
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn pages_have_the_rows_of_the_whole_answer(
        data in data(), way in ways(), query in prop::sample::select(&QUERIES[..]), pages in prop::option::of(2..25usize)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (result, whole) = runtime.block_on(async {
            let endpoint = Loopback::new(&data, way).await;
            // Nobody can know of a cut at so few rows, unless pages are asked for.
            let size = match (way, pages) {
                (Way::Silent(n), None) => n,
                (_, size) => size.unwrap_or_default(),
            };
            (endpoint.read(query, size, false).await, endpoint.whole(query))
        });
        match result {
            Ok((mut lines, remarks)) => {
                lines.sort();
                prop_assert_eq!(&lines, &whole);
                prop_assert_eq!(remarks.len(), 0);
            }
            Err(error) => {
                let error = format!("{error:#}");
                prop_assert!(may_fail(way, &error, &whole, 2), "{}", error);
            }
        }
    }
}

/// Rows of images `0..n`.
fn images(n: usize) -> String {
    (0..n)
        .map(|n| format!("<http://i/{n:05}> a <x:C> ; <x:t> \"t{}\" .\n", n % 10))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_stops_at_a_round_number_is_tried_for_one_more_row() {
    let query = "SELECT ?u { ?u a <x:C> } ORDER BY ?u";
    for (n_images, way, n_requests) in [
        // The answer, one more row, pages of 1000 of which one row is known, the end, the number.
        (2300, Way::Silent(1000), 2 + 4 + 1),
        (1000, Way::Whole, 2),
        (2300, Way::Whole, 1),
        (900, Way::Silent(1000), 1),
    ] {
        let endpoint = Loopback::new(&images(n_images), way).await;
        let (lines, remarks) = endpoint.read(query, 0, false).await.unwrap();
        // In the order of the query, whatever the pages.
        assert_eq!(lines, endpoint.whole(query), "{n_images} {way:?}");
        assert_eq!(remarks, [""; 0]);
        assert_eq!(
            endpoint.n_requests.load(Ordering::SeqCst),
            n_requests,
            "{n_images} {way:?}"
        );
    }
    // What the query itself asks for is whole.
    let endpoint = Loopback::new(&images(2300), Way::Silent(1000)).await;
    let limited = format!("{query} LIMIT 1000");
    let (lines, remarks) = endpoint.read(&limited, 0, false).await.unwrap();
    assert_eq!((lines.len(), remarks.len()), (1000, 0));
    // A part is taken and told.
    let (lines, remarks) = endpoint.read(query, 0, true).await.unwrap();
    assert_eq!(lines.len(), 1000);
    assert!(
        remarks[0].contains("stops at 1000 rows without a word"),
        "{remarks:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_told_by_the_key_where_there_is_one() {
    // Rows that are sorted beyond the limit cannot be had by OFFSET beside ORDER BY; by key they are.
    let endpoint = Loopback::new(&images(200), Way::Sorting(20, 30)).await;
    for (query, most_requests) in [
        ("SELECT ?u ?t { ?u <x:t> ?t } ORDER BY ?u", 14),
        // The first pages that are refused are asked for otherwise.
        ("SELECT ?u ?t { ?u <x:t> ?t }", 15),
        // Ties show at once.
        ("SELECT ?u ?t { ?u <x:t> ?t } ORDER BY ?t", 16),
    ] {
        let before = endpoint.n_requests.load(Ordering::SeqCst);
        let (mut lines, _) = endpoint.read(query, 0, false).await.unwrap();
        lines.sort();
        assert_eq!(lines, endpoint.whole(query), "{query}");
        let n_requests = endpoint.n_requests.load(Ordering::SeqCst) - before;
        assert!(n_requests <= most_requests, "{query}: {n_requests}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_the_same_however_the_answer_is_cut() {
    let query = "SELECT ?u ?t { ?u <x:t> ?t }";
    let mut expected: Option<Vec<String>> = None;
    for (way, size) in [
        (Way::MaxRows(20), 0),
        (Way::Status(50), 0),
        (Way::Body(33), 0),
        (Way::Silent(9), 70),
        (Way::Whole, 41),
        (Way::Sorting(20, 25), 0),
    ] {
        let endpoint = Loopback::new(&images(120), way).await;
        let (lines, _) = endpoint.read(query, size, false).await.unwrap();
        assert_eq!(expected.get_or_insert(lines.clone()), &lines, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_paged_says_why_and_what_to_do() {
    let data = images(60);
    for (way, query, size, expected) in [
        (
            Way::MaxRows(10),
            "SELECT ?u { ?u a <x:C> } LIMIT 40",
            0,
            "has a LIMIT or OFFSET of its own; take that out",
        ),
        (
            Way::Flag(10),
            "SELECT ?u { ?u a <x:C> } OFFSET 3",
            0,
            "has a LIMIT or OFFSET of its own",
        ),
        (
            Way::Whole,
            "SELECT ?u { ?u a <x:C> } LIMIT 40",
            10,
            "--page-size does not fit the image query",
        ),
        (
            Way::NoOffset(10),
            "SELECT ?u { ?u a <x:C> }",
            0,
            "after row 10 the same page comes again, as if OFFSET were not there",
        ),
        (
            Way::NoOffset(10),
            "SELECT ?t { ?u <x:t> ?t FILTER(?t = \"t1\") }",
            2,
            "again and again; ask with SELECT DISTINCT",
        ),
        (
            Way::Moving(10),
            "SELECT ?u { ?u a <x:C> }",
            0,
            "its order is not firm",
        ),
        (
            Way::Flag(1),
            "SELECT ?u { ?u a <x:C> }",
            0,
            "a page of 2 rows is cut as well (x-result-truncated: true)",
        ),
        (
            Way::Status(0),
            "SELECT ?u { ?u a <x:C> }",
            0,
            "206 Partial Content",
        ),
    ] {
        let endpoint = Loopback::new(&data, way).await;
        let error = endpoint.read(query, size, false).await.err();
        let error = format!("{:#}", error.unwrap_or_else(|| panic!("{way:?} {query}")));
        assert!(error.contains(expected), "{way:?}: {error}");
        assert!(!error.contains('\n') && error.len() < 700, "{error}");
        if size == 0 {
            assert!(error.contains("--allow-partial"), "{error}");
            let (lines, _) = endpoint.read(query, size, true).await.unwrap();
            assert!(lines.len() <= 40, "{way:?}");
        }
    }
    for (query, expected) in [
        ("CONSTRUCT WHERE { ?s ?p ?o }", "--metadata-query"),
        ("DESCRIBE <x:a>", "--metadata-query"),
        (
            "ASK {}",
            "a SELECT query that binds the IIIF URLs is needed",
        ),
    ] {
        let error = SelectQuery::new(query).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

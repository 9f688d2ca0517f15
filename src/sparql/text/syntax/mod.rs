//! What is wrong with a query that cannot be parsed, in one sentence.
//!
//! The parser's own message lists every token that could stand where it gave up, which may be some characters behind
//! the mistake. Where the mistake is one of those that people make, it is found and told here; otherwise what of the
//! parser's message helps: the place, what stands there, and what could.

mod known;
mod mistake;
mod tokens;
mod triples;
mod words;

/// The sentence about `query`, of which the parser says `message`. `declared`: the prefixes that it knows.
pub(super) fn sentence(query: &str, message: &str, declared: &[&str]) -> String {
    let words = tokens::tokens(query);
    let remark = parts(message).and_then(|(.., expected)| remark(expected));
    // What the parser says in words is about meanings. The one about prefixes does not say which.
    let is_syntax = remark.as_deref().is_none_or(|remark| remark == NO_PREFIX);
    if let Some(found) = known::find(&words, declared).filter(|_| is_syntax) {
        let (line, column) = place(query, found.at);
        return format!(
            "the query is not SPARQL at line {line}, column {column}: {}",
            found.says
        );
    }
    from_parser(query, message)
}

/// What the parser remarks about prefixes.
const NO_PREFIX: &str = "Prefix not found";

/// Most things that are told to be expected.
const MOST_EXPECTED: usize = 5;

fn from_parser(query: &str, message: &str) -> String {
    let Some((line, column, expected)) = parts(message) else {
        return format!("the query is not SPARQL: {}", one_line(message));
    };
    let rest: String = (query.lines().skip(line - 1))
        .take(1)
        .flat_map(|text| text.chars().skip(column - 1))
        .collect();
    let is_end =
        rest.trim().is_empty() && query.lines().skip(line).all(|text| text.trim().is_empty());
    let found = if is_end {
        "its end".to_owned()
    } else if rest.trim().is_empty() {
        "the end of the line".to_owned()
    } else {
        excerpt(&rest)
    };
    // Where the grammar allows a term but the term is wrong, the parser says what is wrong with it.
    let reason = remark(expected)
        .map(|remark| format!(" ({remark})"))
        .or_else(|| in_words(expected))
        .unwrap_or_default();
    format!("the query is not SPARQL near line {line}, column {column}, at {found}{reason}")
}

/// Line and column, from 1, and what was expected there: `error at 1:17: expected …`.
fn parts(message: &str) -> Option<(usize, usize, &str)> {
    let (place, expected) = message
        .strip_prefix("error at ")?
        .split_once(": expected ")?;
    let (line, column) = place.split_once(':')?;
    let (line, column) = (line.parse().ok()?, column.parse().ok()?);
    (line > 0 && column > 0).then_some((line, column, expected))
}

fn listed(expected: &str) -> impl Iterator<Item = &str> {
    let list = expected.strip_prefix("one of ").unwrap_or(expected);
    list.split(", ").map(str::trim)
}

/// The first thing expected that is a remark and no token.
fn remark(expected: &str) -> Option<String> {
    let is_remark =
        |item: &&str| item.contains(' ') && !item.starts_with(['"', '[', '\'', '<', '|']);
    listed(expected).find(is_remark).map(one_line)
}

/// The likeliest of what could stand at the place, as one says it. Keywords are none of it: the parser has read
/// beyond where they could stand.
fn in_words(expected: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for item in listed(expected) {
        let word = match item {
            r#""?""# | r#""$""# => "a variable",
            r#""<""# => "an IRI in < >",
            r#"":""# => "a name with a prefix",
            r#""\"""# | r#""'""# => "a text in quotes",
            "['0'..='9']" => "a number",
            r#""(""# => "(",
            r#"")""# => ")",
            r#""{""# => "{",
            r#""}""# => "}",
            r#"".""# => ".",
            r#"";""# => ";",
            r#"",""# => ",",
            r#"">""# => ">",
            _ => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(MOST_EXPECTED);
    let last = words.pop()?;
    let before = words.join(", ");
    let or = if before.is_empty() { "" } else { " or " };
    Some(format!("; there could stand {before}{or}{last}"))
}

/// Line and column of the byte `at`, in characters from 1.
fn place(query: &str, at: usize) -> (usize, usize) {
    let before = &query[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The beginning of what stands at the place of the error.
fn excerpt(rest: &str) -> String {
    const LONGEST: usize = 30;
    let mut text: String = rest.trim().chars().take(LONGEST).collect();
    if rest.trim().chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    format!("“{text}”")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DECLARED: [&str; 2] = ["clip", "rdf"];

    /// What is said of a query that the parser refuses.
    fn said(query: &str) -> String {
        let error = spargebra::SparqlParser::new()
            .parse_query(query)
            .expect_err(query);
        let sentence = sentence(query, &error.to_string(), &DECLARED);
        sentence
            .strip_prefix("the query is not SPARQL ")
            .expect(&sentence)
            .to_owned()
    }

    /// What is said of each query holds what is expected, and is one short line.
    fn check(cases: &[(&str, &str)]) {
        for (query, expected) in cases {
            let said = said(query);
            assert!(said.contains(expected), "{query}\n{said}\n{expected}");
            assert!(!said.contains('\n') && said.len() < 250, "{said}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_the_remedy() {
        check(&[
            // Words
            (
                "SELEC ?x {}",
                "at line 1, column 1: no query begins with SELEC; did you mean SELECT?",
            ),
            (
                "@prefix ex: <http://e/> SELECT * {}",
                "at line 1, column 1: no query begins with @prefix; did you mean PREFIX?",
            ),
            (
                "hello world",
                "at line 1, column 1: no query begins with hello; begin with SELECT",
            ),
            (
                "INSERT DATA { <a> <b> <c> }",
                "INSERT begins an update, and this service is read-only",
            ),
            ("", "at line 1, column 1: there is no query"),
            (
                "SELECT ?x WERE { ?x ?y ?z }",
                "column 11: WERE is no word of SPARQL; did you mean WHERE?",
            ),
            (
                "SELECT ?x {\n ?x ?y ?z .\n FILER(?x > 1) }",
                "line 3, column 2: FILER is no word of SPARQL; did you mean FILTER?",
            ),
            ("SELECT * { OPTINAL { ?x a ?z } }", "did you mean OPTIONAL?"),
            ("SELECT ?x { ?x ?y ?z } ORDR BY ?x", "did you mean ORDER?"),
            (
                "SELECT * { ?x a ?y FILTER(BOUNDD(?y)) }",
                "did you mean BOUND?",
            ),
            (
                "SELECT * { ?x a lake }",
                "column 17: lake is no word of SPARQL; write texts in quotes, variables with ?, and names with a prefix: \"lake\", ?lake, ex:lake",
            ),
            // Ends
            (
                "SELECT ?x { ?x ?y \"abc }",
                "column 19: the text that begins here has no end; close it with \"",
            ),
            ("SELECT ?x { ?x ?y '''abc }", "close it with '''"),
            (
                "SELECT * { ?x a 'it's' }",
                "column 22: the text that begins here has no end; close it with '",
            ),
            (
                "SELECT * { ?x <http://e ?y }",
                "column 15: the IRI that begins here has no end",
            ),
            (
                "SELECT ?x { ?x ?y ?z",
                "column 11: the { that opens here is never closed; write the }",
            ),
            (
                "CONSTRUCT { ?s ?p ?o WHERE { ?s ?p ?o }",
                "column 11: the { that opens here is never closed",
            ),
            (
                "SELECT ?x {\n ?x ?y ?z\n}\n}\n",
                "line 4, column 1: this } closes nothing that is open; take it away",
            ),
            (
                "SELECT * { ?x ?y ?z FILTER(?z > 1 }",
                "column 27: the ( that opens here is not closed before the next }; write the )",
            ),
            ("SELECT * { ?x a [ }", "column 17: the [ that opens here"),
            // Prefixes
            (
                "SELECT ?x { ?x foo:bar 1 }",
                "column 16: the prefix foo: of foo:bar is not declared; write PREFIX foo: <…> before the query",
            ),
            (
                "SELECT * { ?x dct:title ?t }",
                "write PREFIX dct: <http://purl.org/dc/terms/> before the query",
            ),
            (
                "SELECT * { ?x :title ?t }",
                "the prefix : of :title is not declared",
            ),
            (
                "PREFIX ex: http://e/ SELECT * {}",
                "column 12: a prefix stands for an IRI, which is written between < and >",
            ),
            (
                "PREFIX ex <http://e/> SELECT * {}",
                "column 8: PREFIX is followed by a name with a colon",
            ),
            (
                "SELECT * { ?x <http://e/p> http://e/ }",
                "column 28: an IRI stands between < and >",
            ),
            // Variables where none may stand
            (
                "SELECT ?x { ?x ?y ?z } LIMIT ?n",
                "column 30: LIMIT is followed by a whole number such as 10, and not by the variable ?n",
            ),
            ("SELECT ?x { ?x ?y ?z } LIMIT ten", "and not by ten"),
            (
                "SELECT ?x FROM ?g { ?x ?y ?z }",
                "column 16: FROM is followed by the IRI of a graph, and not by the variable ?g",
            ),
            (
                "PREFIX ?p <http://e/> SELECT * {}",
                "and not by the variable ?p",
            ),
            (
                "SELECT * { VALUES ?x { 1 ?y } }",
                "column 26: VALUES lists terms, and ?y is a variable",
            ),
            (
                "SELECT * { ?x <http://e/a>/?y ?z }",
                "column 28: a path of predicates holds no variables, and ?y is one",
            ),
            // Triples
            (
                "SELECT ?x { ?x ?y ?z\n ?x ?b ?c }",
                "line 2, column 2: before the variable ?x a sign is missing: . ends a triple",
            ),
            (
                "SELECT ?x { ?x a ?y ; <http://e/p> 'x'@en ?b ?c }",
                "column 43: before the variable ?b a sign is missing",
            ),
            (
                "SELECT ?x { { SELECT ?x { ?x a ?y } LIMIT 1 } ?x a ?y ?x a ?z }",
                "before the variable ?x a sign is missing",
            ),
            (
                "SELECT ?x WHERE { ?x a } LIMIT 1",
                "column 24: a triple has three parts, and before this } the object is missing",
            ),
            (
                "SELECT ?x WHERE { ?x . }",
                "column 22: a triple has three parts, and this one of the variable ?x has no predicate",
            ),
            (
                "SELECT * { ?x ?y ?z,, 1 }",
                "before this , the object is missing",
            ),
            (
                "SELECT * { ?x 1 ?z }",
                "column 15: a predicate is an IRI, a name with a prefix, a variable or a, and not 1",
            ),
            // What must follow
            (
                "SELECT ?x { ?x ?y ?z } ORDER ?x",
                "column 30: ORDER is followed by BY, and not by the variable ?x",
            ),
            ("SELECT ?x { ?x ?y ?z } ORDER BY", "after BY, name what by"),
            (
                "SELECT * WHERE ?x a ?y",
                "column 16: WHERE is followed by {, and not by the variable ?x",
            ),
            (
                "SELECT * { ?x a ?y UNION { ?x a 1 } }",
                "UNION stands between two groups",
            ),
            (
                "SELECT * { ?x ?y ?z FILTER ?z > 1 }",
                "column 28: FILTER is followed by a condition in ( )",
            ),
            ("SELECT * { GRAPH { ?x a ?y } }", "GRAPH is followed by"),
            (
                "SELECT COUNT(?x) { ?x ?y ?z }",
                "column 8: what SELECT computes stands in ( ) with a name, as in (COUNT(?x) AS ?n)",
            ),
            (
                "SELECT (COUNT(?x) ?n) { ?x ?y ?z }",
                "column 8: what SELECT computes needs a name",
            ),
            (
                "SELECT (COUNT(?x) AS n) { ?x ?y ?z }",
                "column 22: AS is followed by a new variable such as ?n, and not by n",
            ),
            (
                "SELECT ?x, ?y { ?x ?y ?z }",
                "column 10: the variables of SELECT stand without commas",
            ),
            (
                "SELECT { ?x ?y ?z }",
                "column 8: after SELECT, name what is wanted",
            ),
        ]);
    }

    #[test]
    fn what_the_parser_knows_better_it_says() {
        check(&[
            (
                "SELECT (1 AS ?x) (2 AS ?x) {}",
                "(Duplicated variable name in SELECT)",
            ),
            (
                "SELECT ?y { ?x a ?y } GROUP BY ?x",
                "(The SELECT contains a variable that is unbound)",
            ),
            ("SELECT ?x { ?x <http://ä b> 1 }", "line 1"),
            ("SELECT * { ?x ?y ?z FILTER(?z = ) }", "near line 1"),
        ]);
    }

    #[test]
    fn of_what_is_expected_the_likeliest_is_told() {
        for (message, expected) in [
            (
                "error at 1:24: expected one of \"$\", \"(\", \":\", \"<\", \"?\", [^ 'a'..='z'], [_]",
                "near line 1, column 24, at “} LIMIT”; there could stand a variable, (, a name with a prefix or an IRI in < >",
            ),
            (
                "error at 1:24: expected one of \"!\", OPTIONAL, \".\"",
                "near line 1, column 24, at “} LIMIT”; there could stand .",
            ),
            (
                "error at 1:24: expected OPTIONAL",
                "near line 1, column 24, at “} LIMIT”",
            ),
            ("no\n place", ": no place"),
        ] {
            let sentence = from_parser("SELECT ?x WHERE { ?x a } LIMIT", message);
            let said = sentence.strip_prefix("the query is not SPARQL").unwrap();
            assert_eq!(said.trim_start(), expected);
        }
    }

    proptest! {
        #[test]
        fn anything_has_a_sentence(query in r#"([?$]x|[a-zA-Z]{1,8}|[{}()\[\].,;<>"'^@#:_\\|*+/ \n-]|ex:a|ü|<http:|[0-9]){0,40}"#) {
            if let Err(error) = spargebra::SparqlParser::new().parse_query(&query) {
                let sentence = sentence(&query, &error.to_string(), &DECLARED);
                prop_assert!(sentence.starts_with("the query is not SPARQL"));
                prop_assert!(!sentence.contains('\n'));
            }
        }
    }

    #[test]
    fn deep_and_long_queries_are_read_in_their_time() {
        let deep = format!("SELECT * {{ {} ?s ?p ", "{".repeat(100_000));
        let closed = format!(
            "SELECT * {{ {} ?s ?p {} }}",
            "{".repeat(100_000),
            "}".repeat(100_000)
        );
        let long = format!("SELECT * {{ ?s ?p '{}' ?o }}", "A".repeat(5_000_000));
        for query in [deep, closed, long] {
            let sentence = sentence(&query, "error at 1:1: expected [_]", &[]);
            assert!(sentence.len() < 300, "{sentence}");
        }
    }
}

//! What is wrong with a query that cannot be parsed, in one sentence.

/// The parser's own message lists every token that could stand at the place of the error, on lines of its
/// own. Its author needs the place (how far the parser came, which may be a little further), and what stands
/// there.
pub(super) fn sentence(query: &str, message: &str) -> String {
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
    let reason = reason(expected).map_or_else(String::new, |reason| format!(" ({reason})"));
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

/// The first thing expected that is a remark and no token.
fn reason(expected: &str) -> Option<String> {
    let list = expected.strip_prefix("one of ").unwrap_or(expected);
    let is_remark = |item: &&str| item.contains(' ') && !item.starts_with(['"', '[', '\'', '<']);
    list.split(", ")
        .map(str::trim)
        .find(is_remark)
        .map(one_line)
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

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (query, message, expected) in [
            (
                "SELECT ?x WHERE { ?x a } LIMIT",
                "error at 1:24: expected one of \"(\", \"<\", [^ 'a'..='z']",
                "the query is not SPARQL near line 1, column 24, at “} LIMIT”",
            ),
            (
                "SELECT *\n{ ?x ",
                "error at 2:6: expected one of \"a\", \"<\"",
                "the query is not SPARQL near line 2, column 6, at its end",
            ),
            (
                "SELECT *\n{ ex:a a ?x }",
                "error at 2:3: expected one of \"(\", Prefix not found, \"<\"",
                "the query is not SPARQL near line 2, column 3, at “ex:a a ?x }” (Prefix not found)",
            ),
            ("x", "no\n place", "the query is not SPARQL: no place"),
        ] {
            assert_eq!(sentence(query, message), expected);
        }
    }

    #[test]
    fn the_parser_writes_its_messages_so() {
        for (query, expected) in [
            ("", "at its end"),
            ("SELEC ?x {}", "at “{}”"),
            ("SELECT ?x {\n ?x ?y\n}", "near line 3"),
            ("SELECT ?x { ?x <http://ä b> 1 }", "line 1"),
            (
                "SELECT (1 AS ?x) (2 AS ?x) {}",
                "(Duplicated variable name in SELECT)",
            ),
            ("SELECT ?x { ?x foo:bar 1 }", "“"),
        ] {
            let error = spargebra::SparqlParser::new()
                .parse_query(query)
                .unwrap_err();
            let sentence = sentence(query, &error.to_string());
            assert!(sentence.contains(expected), "{query}: {sentence}");
            assert!(
                !sentence.contains('\n') && sentence.len() < 200,
                "{sentence}"
            );
        }
    }
}

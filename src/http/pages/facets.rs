//! Facets: by what the search page lets visitors restrict a search, and how that is asked for in SPARQL.
//!
//! A *facet query* is `SELECT ?image ?facet ?value ?label WHERE { { … } UNION { … } … }`. Each of its groups binds
//! `?facet` to a name with `BIND("maker" AS ?facet)`, and `?image` and `?value`, perhaps `?label`, with the rest. The
//! page counts and restricts by that rest, so it is cut out of the text as it is written: "as SPARQL" shows it.

use crate::sparql::{self, QueryError};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the page can restrict a search by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facets {
    /// In the order in which the query names them.
    pub facets: Vec<Facet>,
    /// Prefixes that the patterns use, with their IRIs.
    pub prefixes: BTreeMap<String, String>,
}

/// One thing that images differ in: their maker, where they were made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facet {
    /// `maker`, `period`, …
    pub name: String,
    /// A group's content that binds `?image`, `?value` and perhaps `?label`.
    pub pattern: String,
}

/// Why a facet query is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FacetError {
    /// It is not a SPARQL query of this service.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// It has another form.
    #[error(
        "a facet query is SELECT ?image ?facet ?value ?label WHERE {{ {{ … }} UNION {{ … }} }}, found no group in its WHERE"
    )]
    NoGroup,
    /// A group does not say which facet it is of.
    #[error(
        "the {0}. group of the facet query names no facet; write BIND(\"maker\" AS ?facet) into it, with a name of yours"
    )]
    NoName(usize),
    /// A group does not bind what a facet needs.
    #[error("the {group}. group of the facet query does not bind ?{variable}")]
    Unbound {
        /// 1 for the first.
        group: usize,
        /// Without its question mark.
        variable: &'static str,
    },
}

impl Facets {
    /// Those that this program carries: of Linked Art, Dublin Core and schema.org.
    ///
    /// # Panics
    /// Never: a test reads the query that is carried.
    #[must_use]
    pub fn carried() -> Self {
        Self::of_query(include_str!("../../../queries/facets.rq"))
            .expect("the query that is carried is tested")
    }

    /// The facets of a facet query.
    ///
    /// # Errors
    /// If it is no SPARQL query or has another form than a facet query.
    pub fn of_query(query: &str) -> Result<Self, FacetError> {
        sparql::visible_variables(query)?;
        let prologue = prologue(query);
        let groups = groups(query);
        if groups.is_empty() {
            return Err(FacetError::NoGroup);
        }
        let mut facets: Vec<Facet> = Vec::new();
        for (n, group) in (1..).zip(groups) {
            let (name, pattern) = named(group).ok_or(FacetError::NoName(n))?;
            let bound =
                sparql::visible_variables(&format!("{prologue}\nSELECT * WHERE {{ {pattern} }}"))?;
            for variable in ["image", "value"] {
                if !bound.iter().any(|name| name == variable) {
                    return Err(FacetError::Unbound { group: n, variable });
                }
            }
            match facets.iter_mut().find(|facet| facet.name == name) {
                Some(facet) => facet.or(&pattern),
                None => facets.push(Facet { name, pattern }),
            }
        }
        let prefixes = prefixes(&prologue);
        Ok(Self { facets, prefixes })
    }
}

impl Facet {
    /// Adds another way in which the facet is said.
    fn or(&mut self, pattern: &str) {
        if !self.pattern.starts_with('{') {
            self.pattern = format!("{{ {} }}", self.pattern);
        }
        self.pattern = format!("{}\nUNION\n{{ {pattern} }}", self.pattern);
    }
}

/// What stands before SELECT.
fn prologue(query: &str) -> String {
    let mut prologue = String::new();
    for (at, part) in parts(query) {
        if part.is_code && starts_with_word(&query[at..], "SELECT") {
            break;
        }
        if !part.is_comment {
            prologue.push_str(&query[at..at + part.length]);
        }
    }
    prologue
}

/// The names of the prefixes that a prologue declares, with their IRIs.
fn prefixes(prologue: &str) -> BTreeMap<String, String> {
    let mut prefixes = BTreeMap::new();
    let words: Vec<&str> = prologue.split_whitespace().collect();
    for window in words.windows(3) {
        if let [keyword, name, iri] = window
            && keyword.eq_ignore_ascii_case("PREFIX")
            && let Some(name) = name.strip_suffix(':')
            && let Some(iri) = iri.strip_prefix('<').and_then(|iri| iri.strip_suffix('>'))
        {
            prefixes.insert(name.to_owned(), iri.to_owned());
        }
    }
    prefixes
}

/// The contents of the groups directly inside the outermost one.
fn groups(query: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, part) in parts(query) {
        match &query[at..at + part.length] {
            "{" => {
                depth += 1;
                if depth == 2 {
                    start = at + 1;
                }
            }
            "}" => {
                if depth == 2 {
                    groups.push(&query[start..at]);
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    groups
}

/// The facet that a group names, and the group without that.
fn named(group: &str) -> Option<(String, String)> {
    for (at, part) in parts(group) {
        if part.is_code
            && starts_with_word(&group[at..], "BIND")
            && let Some((name, length)) = name_in(&group[at..])
        {
            let pattern = format!("{}{}", &group[..at], &group[at + length..]);
            return Some((name, tidy(&pattern)));
        }
    }
    None
}

/// The name in a `BIND("…" AS ?facet)` at the beginning of `text`, and its length.
fn name_in(text: &str) -> Option<(String, usize)> {
    let rest = text["BIND".len()..].trim_start().strip_prefix('(')?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| "\"'".contains(*c))?;
    let (name, rest) = rest[1..].split_once(quote)?;
    let rest = rest.trim_start();
    let rest = rest
        .get(..2)
        .filter(|word| word.eq_ignore_ascii_case("AS"))
        .map(|_| &rest[2..])?;
    let rest = rest.trim_start().strip_prefix("?facet")?;
    let rest = rest.trim_start().strip_prefix(')')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "-_ ".contains(c));
    is_name.then(|| (name.to_owned(), text.len() - rest.len()))
}

/// Without comments and empty lines, indented by none.
fn tidy(pattern: &str) -> String {
    let mut text = String::new();
    for (at, part) in parts(pattern) {
        if !part.is_comment {
            text.push_str(&pattern[at..at + part.length]);
        }
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let is_there = (text.get(..word.len())).is_some_and(|start| start.eq_ignore_ascii_case(word));
    is_there && !text[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// A piece of a query's text.
struct Part {
    length: usize,
    /// Neither string nor IRI nor comment.
    is_code: bool,
    is_comment: bool,
}

/// Splits a query that has been parsed into comments, strings, IRIs, words, and single other characters, with the
/// place of each.
fn parts(query: &str) -> impl Iterator<Item = (usize, Part)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &query[at..];
        let first = rest.chars().next()?;
        let (length, is_code, is_comment) = match first {
            '#' => (rest.find(['\n', '\r']).unwrap_or(rest.len()), false, true),
            '"' | '\'' => (string_length(rest, first), false, false),
            '<' => match rest.find(|c: char| c == '>' || c.is_whitespace()) {
                Some(end) if rest[end..].starts_with('>') => (end + 1, false, false),
                _ => (1, true, false),
            },
            c if c.is_alphanumeric() || c == '_' => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                (
                    rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                    true,
                    false,
                )
            }
            c => (c.len_utf8(), true, false),
        };
        let part = Part {
            length,
            is_code,
            is_comment,
        };
        at += length;
        Some((at - length, part))
    })
}

/// The length of the string literal at the beginning of `text`, in bytes.
fn string_length(text: &str, quote: char) -> usize {
    let long: String = [quote; 3].iter().collect();
    let (start, end) = if text.starts_with(&long) {
        (3, long.as_str())
    } else {
        (1, &long[..1])
    };
    let mut at = start;
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(end) {
            return at + end.len();
        }
        at += c.len_utf8();
        if c == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facets_that_are_carried_can_be_read() {
        let names: Vec<String> = Facets::carried()
            .facets
            .into_iter()
            .map(|facet| facet.name)
            .collect();
        assert_eq!(names, ["maker", "period", "technique", "place"]);
    }

    #[test]
    fn groups_of_one_name_are_one_facet_and_text_stays_as_it_is_written() {
        let query = r#"
            PREFIX ex: <http://example.org/#x> # a } comment
            prefix dct: <http://purl.org/dc/terms/>
            SELECT ?image ?facet ?value ?label WHERE {
              { ?w ex:of ?image ; ex:by ?value . # { by whom
                FILTER(?value != "}" && ?value < ex:z) BIND("maker" AS ?facet) }
              UNION { ?w ex:at ?image { ?w ex:place ?value } bind ( 'where' as ?facet ) }
              UNION { ?image dct:creator ?value . BIND("maker" AS ?facet) OPTIONAL { ?value ex:n """a"}""" } }
            }"#;
        let facets = Facets::of_query(query).unwrap();
        let patterns: Vec<(&str, &str)> = (facets.facets.iter())
            .map(|facet| (facet.name.as_str(), facet.pattern.as_str()))
            .collect();
        assert_eq!(
            patterns,
            [
                (
                    "maker",
                    "{ ?w ex:of ?image ; ex:by ?value .\nFILTER(?value != \"}\" && ?value < ex:z) }\nUNION\n{ ?image dct:creator ?value .  OPTIONAL { ?value ex:n \"\"\"a\"}\"\"\" } }"
                ),
                ("where", "?w ex:at ?image { ?w ex:place ?value }"),
            ]
        );
        assert_eq!(facets.prefixes["ex"], "http://example.org/#x");
        assert_eq!(facets.prefixes["dct"], "http://purl.org/dc/terms/");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_group() {
        for (query, expected) in [
            (
                "SELECT ?image WHERE { ?image a ?facet }",
                "a facet query is SELECT ?image ?facet ?value ?label WHERE { { … } UNION { … } }, found no group in its WHERE",
            ),
            (
                "SELECT * WHERE { { ?image a ?value BIND(\"a\" AS ?facet) } UNION { ?image a ?value } }",
                "the 2. group of the facet query names no facet; write BIND(\"maker\" AS ?facet) into it, with a name of yours",
            ),
            (
                "SELECT * WHERE { { ?image a ?type BIND(\"a\" AS ?facet) } }",
                "the 1. group of the facet query does not bind ?value",
            ),
        ] {
            assert_eq!(Facets::of_query(query).unwrap_err().to_string(), expected);
        }
        let error = Facets::of_query("SELECT * WHERE { ").unwrap_err();
        assert!(matches!(error, FacetError::Query(_)), "{error}");
        let error = Facets::of_query("ASK {}").unwrap_err();
        assert!(error.to_string().contains("SELECT"), "{error}");
    }
}

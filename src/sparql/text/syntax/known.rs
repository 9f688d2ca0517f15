//! The mistakes that people make most, found in the words and signs of a query that the parser refuses.

use super::mistake::{Mistake, cut, mistake, shown};
use super::tokens::{Kind, Token};
use super::{triples, words};

/// The first mistake that is known. `declared`: the prefixes that need no declaration.
pub(super) fn find(tokens: &[Token<'_>], declared: &[&str]) -> Option<Mistake> {
    // In the order in which one hides another: in a text without an end, nothing else is what it seems.
    open_end(tokens)
        .or_else(|| beginning(tokens))
        .or_else(|| brackets(tokens))
        .or_else(|| places(tokens))
        .or_else(|| undeclared(tokens, declared))
        .or_else(|| misspelt(tokens))
        .or_else(|| triples::find(tokens))
}

/// A text or an IRI without an end.
fn open_end(tokens: &[Token<'_>]) -> Option<Mistake> {
    tokens.iter().find_map(|token| match token.kind {
        Kind::OpenText => {
            let mark = &token.text[..1];
            let mark = if token.text.starts_with(&mark.repeat(3)) {
                mark.repeat(3)
            } else {
                mark.to_owned()
            };
            mistake(
                token.start,
                format!("the text that begins here has no end; close it with {mark}"),
            )
        }
        Kind::OpenIri => mistake(
            token.start,
            "the IRI that begins here has no end; close it with >, and write no spaces in it",
        ),
        _ => None,
    })
}

const FORMS: [&str; 4] = ["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"];

const PROLOGUE: [&str; 3] = ["PREFIX", "BASE", "VERSION"];

const UPDATES: [&str; 11] = [
    "INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH", "UPDATE",
];

/// A query that is none from its first word on.
fn beginning(tokens: &[Token<'_>]) -> Option<Mistake> {
    let Some(first) = tokens.first() else {
        return mistake(
            0,
            "there is no query; write one, such as SELECT * { ?s ?p ?o } LIMIT 10",
        );
    };
    let is_one_of = |words: &[&str]| words.iter().any(|word| first.is_word(word));
    if is_one_of(&FORMS) || is_one_of(&PROLOGUE) {
        return None;
    }
    if is_one_of(&UPDATES) {
        return mistake(
            first.start,
            format!(
                "{} begins an update, and this service is read-only; ask with SELECT, ASK, CONSTRUCT or DESCRIBE",
                first.text.to_uppercase()
            ),
        );
    }
    let known: Vec<&str> = PROLOGUE.into_iter().chain(FORMS).collect();
    // As Turtle writes it, a prefix begins with @.
    let meant = words::nearest(first.text.trim_start_matches('@'), &known);
    let remedy = meant.map_or_else(
        || "begin with SELECT, ASK, CONSTRUCT or DESCRIBE, or before that with PREFIX".to_owned(),
        |meant| format!("did you mean {meant}?"),
    );
    mistake(
        first.start,
        format!("no query begins with {}; {remedy}", shown(first)),
    )
}

/// A bracket without its other half.
fn brackets(tokens: &[Token<'_>]) -> Option<Mistake> {
    const PAIRS: [(&str, &str); 4] = [("{", "}"), ("(", ")"), ("[", "]"), ("{|", "|}")];
    let mut open: Vec<(&Token<'_>, &str)> = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Sign) {
        let text = if token.text == "<<(" { "(" } else { token.text };
        if let Some((_, closing)) = PAIRS.iter().find(|(opening, _)| *opening == text) {
            open.push((token, closing));
        } else if PAIRS.iter().any(|(_, closing)| *closing == text) {
            match open.pop() {
                Some((_, closing)) if closing == text => {}
                Some((opening, closing)) => {
                    return mistake(
                        opening.start,
                        format!(
                            "the {} that opens here is not closed before the next {text}; write the {closing} that is missing",
                            opening.text
                        ),
                    );
                }
                None => {
                    return mistake(
                        token.start,
                        format!("this {text} closes nothing that is open; take it away"),
                    );
                }
            }
        }
    }
    let (opening, closing) = open.last()?;
    mistake(
        opening.start,
        format!(
            "the {} that opens here is never closed; write the {closing} that is missing",
            opening.text
        ),
    )
}

/// Words that something else must follow.
// Long, for there is an arm for each word.
fn places(tokens: &[Token<'_>]) -> Option<Mistake> {
    let mut is_values = false;
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        let here = next.map_or(token.range().end, |next| next.start);
        let follows =
            |signs: &[&str]| next.is_some_and(|next| signs.iter().any(|sign| next.is(sign)));
        let found = next.map_or_else(|| "the end".to_owned(), shown);
        if token.is_word("VALUES") {
            is_values = true;
            depth = 0;
        } else if is_values && token.is("{") {
            depth += 1;
        } else if is_values && token.is("}") {
            is_values = false;
            depth = 0;
        } else if is_values && depth > 0 && token.kind == Kind::Variable {
            return mistake(
                token.start,
                format!(
                    "VALUES lists terms, and {} is a variable; write an IRI, a text, a number or UNDEF",
                    token.text
                ),
            );
        }
        if token.kind != Kind::Word {
            continue;
        }
        let upper = token.text.to_ascii_uppercase();
        let is_number = next.is_some_and(|next| next.kind == Kind::Number);
        let is_iri = next.is_some_and(|next| matches!(next.kind, Kind::Iri | Kind::Prefixed));
        match upper.as_str() {
            "LIMIT" | "OFFSET" if !is_number => {
                return mistake(
                    here,
                    format!("{upper} is followed by a whole number such as 10, and not by {found}"),
                );
            }
            "ORDER" | "GROUP" if !next.is_some_and(|next| next.is_word("BY")) => {
                return mistake(
                    here,
                    format!("{upper} is followed by BY, and not by {found}"),
                );
            }
            "BY" if next.is_none() || follows(&["}"]) => {
                return mistake(
                    here,
                    "after BY, name what by: a variable, or an expression in ( )",
                );
            }
            "PREFIX" => {
                let is_name = next
                    .is_some_and(|next| next.kind == Kind::Prefixed && next.text.ends_with(':'));
                if !is_name {
                    return mistake(
                        here,
                        format!(
                            "PREFIX is followed by a name with a colon and an IRI, as in PREFIX ex: <http://example.org/>, and not by {found}"
                        ),
                    );
                }
                let iri = tokens.get(at + 2);
                if !iri.is_some_and(|iri| iri.kind == Kind::Iri) {
                    return mistake(
                        iri.map_or(token.range().end, |iri| iri.start),
                        "a prefix stands for an IRI, which is written between < and >, as in PREFIX ex: <http://example.org/>",
                    );
                }
            }
            "FROM" if !is_iri && !next.is_some_and(|next| next.is_word("NAMED")) => {
                return mistake(
                    here,
                    format!("FROM is followed by the IRI of a graph, and not by {found}"),
                );
            }
            "AS" if !next.is_some_and(|next| next.kind == Kind::Variable) => {
                return mistake(
                    here,
                    format!("AS is followed by a new variable such as ?n, and not by {found}"),
                );
            }
            "WHERE" | "OPTIONAL" | "MINUS" | "UNION" | "EXISTS" | "LATERAL" if !follows(&["{"]) => {
                return mistake(
                    here,
                    format!("{upper} is followed by {{, and not by {found}"),
                );
            }
            "UNION" if at == 0 || !tokens[at - 1].is("}") => {
                return mistake(
                    token.start,
                    "UNION stands between two groups, each of them in { }",
                );
            }
            "FILTER" => {
                let is_call = next.is_some_and(|next| next.kind == Kind::Word) || is_iri;
                if !is_call && !follows(&["("]) {
                    return mistake(
                        here,
                        format!("FILTER is followed by a condition in ( ), and not by {found}"),
                    );
                }
            }
            "BIND" if !follows(&["("]) => {
                return mistake(
                    here,
                    "BIND is followed by an expression and its variable in ( ), as in BIND(1 AS ?n)",
                );
            }
            "GRAPH" if follows(&["{"]) => {
                return mistake(
                    here,
                    "GRAPH is followed by the IRI of a graph or a variable, and then by {",
                );
            }
            "SELECT" => {
                if let Some(found) = selection(&tokens[at + 1..]) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

/// What stands between SELECT and the pattern.
fn selection(tokens: &[Token<'_>]) -> Option<Mistake> {
    let mut depth = 0_usize;
    let mut is_named = true;
    let mut opened = 0;
    let is_pattern = |token: &Token<'_>| token.is("{") || token.is_word("WHERE");
    if let Some(first) = tokens.first().filter(|first| is_pattern(first)) {
        return mistake(
            first.start,
            "after SELECT, name what is wanted: variables, or * for all of them",
        );
    }
    for token in tokens {
        if is_pattern(token) || token.is_word("FROM") {
            return None;
        } else if token.is("(") {
            if depth == 0 {
                (is_named, opened) = (false, token.start);
            }
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 && !is_named {
                return mistake(
                    opened,
                    "what SELECT computes needs a name, as in (COUNT(?x) AS ?n)",
                );
            }
        } else if token.is_word("AS") {
            is_named = true;
        } else if depth == 0 && token.is(",") {
            return mistake(
                token.start,
                "the variables of SELECT stand without commas between them",
            );
        } else if depth == 0
            && token.kind == Kind::Word
            && words::FUNCTIONS.iter().any(|name| token.is_word(name))
        {
            return mistake(
                token.start,
                format!(
                    "what SELECT computes stands in ( ) with a name, as in ({}(?x) AS ?n)",
                    token.text
                ),
            );
        }
    }
    None
}

/// A prefix that stands for nothing.
fn undeclared(tokens: &[Token<'_>], declared: &[&str]) -> Option<Mistake> {
    let mut known: Vec<&str> = declared.to_vec();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Prefixed {
            continue;
        }
        let prefix = token.text.split(':').next().unwrap_or_default();
        if at > 0 && tokens[at - 1].is_word("PREFIX") {
            known.push(prefix);
        } else if !known.contains(&prefix) {
            if token.text[prefix.len() + 1..].is_empty()
                && tokens
                    .get(at + 1)
                    .is_some_and(|next| next.is("/") && next.start == token.range().end)
            {
                return mistake(
                    token.start,
                    "an IRI stands between < and >, as in <http://example.org/>",
                );
            }
            let iri = words::well_known(prefix).unwrap_or("…");
            return mistake(
                token.start,
                format!(
                    "the prefix {prefix}: of {} is not declared; write PREFIX {prefix}: <{iri}> before the query",
                    cut(token.text)
                ),
            );
        }
    }
    None
}

/// A word that SPARQL does not have.
fn misspelt(tokens: &[Token<'_>]) -> Option<Mistake> {
    let unknown = tokens
        .iter()
        .find(|token| token.kind == Kind::Word && !words::is_known(token.text))?;
    let word = cut(unknown.text);
    let remedy = words::nearest_of_all(unknown.text).map_or_else(
        || format!("write texts in quotes, variables with ?, and names with a prefix: \"{word}\", ?{word}, ex:{word}"),
        |meant| format!("did you mean {meant}?"),
    );
    mistake(
        unknown.start,
        format!("{word} is no word of SPARQL; {remedy}"),
    )
}

//! The words and signs of a query, with their places: enough to tell what is wrong with it.

use std::ops::Range;

/// What a word or sign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `<…>`
    Iri,
    /// `ex:name`
    Prefixed,
    /// `?x` or `$x`
    Variable,
    /// A text in quotes, without what may follow it.
    Text,
    /// A text that never ends.
    OpenText,
    /// `<http://…` that never ends.
    OpenIri,
    /// `@en`
    Language,
    /// A number.
    Number,
    /// `_:b`
    BlankNode,
    /// A keyword, the name of a function, `a`, `true`, or what was meant to be one.
    Word,
    /// Anything else, mostly of one character.
    Sign,
}

/// A word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// Whether it is this keyword, in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// The words and signs of `query`, without comments.
pub(super) fn tokens(query: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = query[start..].chars().next() {
        let rest = &query[start..];
        if first.is_whitespace() {
            start += first.len_utf8();
        } else if first == '#' {
            start += rest.find(['\n', '\r']).unwrap_or(rest.len());
        } else {
            let (kind, length) = token(rest, first);
            tokens.push(Token {
                kind,
                text: &rest[..length],
                start,
            });
            start += length;
        }
    }
    tokens
}

/// What `rest` begins with, and how many bytes that has, at least one character.
fn token(rest: &str, first: char) -> (Kind, usize) {
    match first {
        '"' | '\'' => text(rest, first),
        '<' => iri(rest),
        '?' | '$' => match name_length(&rest[1..]) {
            0 => (Kind::Sign, 1),
            length => (Kind::Variable, 1 + length),
        },
        '@' => (
            Kind::Language,
            1 + while_in(&rest[1..], |c| c.is_ascii_alphanumeric() || c == '-'),
        ),
        '0'..='9' => (Kind::Number, number_length(rest)),
        '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            (Kind::Number, number_length(rest))
        }
        '_' if rest.starts_with("_:") => (Kind::BlankNode, 2 + name_length(&rest[2..])),
        c if c.is_alphabetic() || c == '_' || c == ':' => word(rest),
        _ => {
            let long = ["^^", "&&", "||", "!=", ">=", "{|", "|}"];
            let sign = long.into_iter().find(|sign| rest.starts_with(sign));
            (Kind::Sign, sign.map_or(first.len_utf8(), str::len))
        }
    }
}

fn text(rest: &str, quote: char) -> (Kind, usize) {
    let long = quote.to_string().repeat(3);
    let (closing, is_long) = if rest.starts_with(&long) {
        (long.as_str(), true)
    } else {
        (&long[..1], false)
    };
    let mut at = closing.len();
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with(closing) {
            return (Kind::Text, at + closing.len());
        }
        if !is_long && (c == '\n' || c == '\r') {
            return (Kind::OpenText, at);
        }
        at += c.len_utf8();
        if c == '\\' {
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (Kind::OpenText, rest.len())
}

/// An IRI, or the sign for less.
fn iri(rest: &str) -> (Kind, usize) {
    for sign in ["<<(", "<<", "<="] {
        if rest.starts_with(sign) {
            return (Kind::Sign, sign.len());
        }
    }
    let is_outside = |c: char| c.is_whitespace() || "<\"{}|^`\\>".contains(c);
    let end = rest[1..].find(is_outside).map_or(rest.len(), |end| 1 + end);
    if rest[end..].starts_with('>') {
        return (Kind::Iri, end + 1);
    }
    let scheme = while_in(&rest[1..], |c| {
        c.is_ascii_alphanumeric() || "+-.".contains(c)
    });
    if scheme > 0 && rest[1 + scheme..].starts_with(':') && end > 2 + scheme {
        (Kind::OpenIri, end)
    } else {
        (Kind::Sign, 1)
    }
}

/// A word, or a name with a prefix.
fn word(rest: &str) -> (Kind, usize) {
    let prefix = name_length(rest);
    if !rest[prefix..].starts_with(':') {
        return (Kind::Word, prefix.max(1));
    }
    let is_local = |c: char| is_name(c) || ":%\\.-".contains(c);
    let local = &rest[prefix + 1..];
    let length = while_in(local, is_local);
    // A dot at the end is that of the triple.
    let length = local[..length].trim_end_matches('.').len();
    (Kind::Prefixed, prefix + 1 + length)
}

fn number_length(rest: &str) -> usize {
    let length = while_in(rest, |c| c.is_ascii_alphanumeric() || c == '.');
    rest[..length].trim_end_matches('.').len().max(1)
}

fn name_length(rest: &str) -> usize {
    let length = while_in(rest, |c| is_name(c) || c == '-' || c == '.');
    let name = rest[..length].trim_end_matches(['.', '-']);
    // A variable has neither; `?a-?b` is a difference, which no mistake hangs on.
    name.len()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn while_in(text: &str, is_in: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_in(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_told_apart() {
        let query = "SELECT ?x { ?x ex:a.b <http://e/> , 'it\\'s'@en-GB, \"\"\"a \"b\" c\"\"\"^^xsd:x . # no\n\
                     FILTER(?x<3.5 && ?y >= -1) _:b :p [] }";
        let found: Vec<(Kind, &str)> = tokens(query)
            .iter()
            .map(|token| (token.kind, token.text))
            .collect();
        use Kind::{BlankNode, Iri, Language, Number, Prefixed, Sign, Text, Variable, Word};
        assert_eq!(
            found,
            [
                (Word, "SELECT"),
                (Variable, "?x"),
                (Sign, "{"),
                (Variable, "?x"),
                (Prefixed, "ex:a.b"),
                (Iri, "<http://e/>"),
                (Sign, ","),
                (Text, "'it\\'s'"),
                (Language, "@en-GB"),
                (Sign, ","),
                (Text, "\"\"\"a \"b\" c\"\"\""),
                (Sign, "^^"),
                (Prefixed, "xsd:x"),
                (Sign, "."),
                (Word, "FILTER"),
                (Sign, "("),
                (Variable, "?x"),
                (Sign, "<"),
                (Number, "3.5"),
                (Sign, "&&"),
                (Variable, "?y"),
                (Sign, ">="),
                (Sign, "-"),
                (Number, "1"),
                (Sign, ")"),
                (BlankNode, "_:b"),
                (Prefixed, ":p"),
                (Sign, "["),
                (Sign, "]"),
                (Sign, "}"),
            ]
        );
    }

    #[test]
    fn what_never_ends_is_told() {
        for (query, kind, text) in [
            ("'abc", Kind::OpenText, "'abc"),
            ("\"abc\n\"", Kind::OpenText, "\"abc"),
            ("'''abc'' ", Kind::OpenText, "'''abc'' "),
            ("'abc\\", Kind::OpenText, "'abc\\"),
            ("<http://e ?y", Kind::OpenIri, "<http://e"),
        ] {
            let found = &tokens(query)[0];
            assert_eq!((found.kind, found.text), (kind, text));
        }
    }

    #[test]
    fn anything_is_read_to_its_end() {
        for query in [
            "ü€\u{300}💧",
            "?",
            "$",
            "@",
            "_",
            ":",
            "\\",
            "<",
            "^",
            "\u{0}",
            "'",
            "1.",
        ] {
            let tokens = tokens(query);
            let last = tokens.last().unwrap();
            assert_eq!(last.range().end, query.len(), "{query}");
        }
    }
}

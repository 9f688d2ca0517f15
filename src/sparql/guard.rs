//! Refuses query texts whose shape alone would exhaust the stack, before they are parsed.
//!
//! Parser, optimizer and evaluator recurse over the query. Threads that evaluate have
//! [`STACK_SIZE`] bytes of it; the limits here keep every recursion far below it.

use super::{QueryError, algebra};
use spargebra::algebra::GraphPattern;

/// Stack that a thread needs to evaluate every query that is not refused for its shape, in bytes.
pub const STACK_SIZE: usize = 256 << 20;

/// Deepest nesting of brackets. Queries written by people stay below 20, those of engines below 60.
const MAX_NESTING: usize = 200;

/// Most operators and groups in one query: each can add one level to the algebra. A list of 10,000
/// VALUES rows has none of them; a FILTER of 1,000 equalities has 2,000.
const MAX_OPERATORS: usize = 5_000;

/// Most patterns in one join whose order the optimizer may choose.
///
/// Its time grows with the fourth power of their number, and it cannot be interrupted: 100 patterns
/// take a second, 200 take 20 (oxigraph 0.5.13). Longer joins are evaluated in the order written.
const MAX_OPTIMIZED_JOIN: usize = 40;

/// Most OPTIONALs in a row that the optimizer is given: its time grows with their cube.
const MAX_OPTIMIZED_OPTIONALS: usize = 100;

/// Whether the optimizer can be let loose on a pattern.
pub(super) fn is_optimizable(pattern: &GraphPattern) -> bool {
    let mut longest_join = 0;
    let mut n_optionals = 0;
    algebra::visit(pattern, &mut |node| {
        longest_join = longest_join.max(join_length(node));
        n_optionals += usize::from(matches!(node, GraphPattern::LeftJoin { .. }));
    });
    longest_join <= MAX_OPTIMIZED_JOIN && n_optionals <= MAX_OPTIMIZED_OPTIONALS
}

/// Number of patterns that are joined at this node, or one more than allowed.
fn join_length(pattern: &GraphPattern) -> usize {
    let mut length = 0;
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Join { left, right } => open.extend([&**left, &**right]),
            GraphPattern::Filter { inner, .. } | GraphPattern::Graph { inner, .. } => {
                open.push(inner);
            }
            GraphPattern::Bgp { patterns } => length += patterns.len(),
            _ => length += 1,
        }
        if length > MAX_OPTIMIZED_JOIN {
            return length;
        }
    }
    length
}

/// Most brackets "(" outside inline data: each FILTER, BIND and SELECT expression has one. The time of the
/// optimizer grows with the square of their number: 5,000 take some seconds (oxigraph 0.5.13).
const MAX_EXPRESSIONS: usize = 5_000;

/// Most hyphens outside strings and IRIs. Not all are minus signs, but each of `?x-1-1-1` adds one level; the
/// stack holds twice as many.
const MAX_HYPHENS: usize = 100_000;

/// Most triples and list items, as they are written: each adds a level or two to the join that they are part
/// of. 150,000 exhaust the stack.
const MAX_TRIPLES: usize = 5_000;

/// Longest IRI, in bytes. What looks like a longer one is "less than", and "greater than" far behind.
const LONGEST_IRI: usize = 2000;

/// Checks the nesting and the number of operators of a query text.
pub(super) fn check(query: &str) -> Result<(), QueryError> {
    let mut shape = Shape {
        line: 1,
        ..Shape::default()
    };
    // What is looked for is ASCII, which no part of another character is.
    let bytes = query.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at + 1..];
        let mut length = 1;
        match byte {
            b'\n' => shape.line += 1,
            b' ' | b'\t' | b'\r' => {}
            b'#' => length += length_until(rest, |b| matches!(b, b'\n' | b'\r')),
            // In a prefixed name; strings are passed as a whole.
            b'\\' => length = 2,
            b'<' => {
                if let Some(iri) = iri_at(rest) {
                    let is_after_term = shape.is_after_term;
                    // It may still be "less than": what nests or chains without end counts.
                    iri.iter().try_for_each(|b| shape.bracket(*b))?;
                    let n_ands = iri.windows(2).filter(|pair| pair == b"&&").count();
                    shape.operators(n_ands)?;
                    shape.is_after_term = is_after_term;
                    shape.term()?;
                    length += iri.len() + 1;
                } else if rest.first() == Some(&b'<') {
                    shape.bracket(b'<')?;
                    length = 2;
                }
            }
            b'>' => {
                shape.is_after_term = false;
                if rest.first() == Some(&b'>') {
                    shape.bracket(b'>')?;
                    length = 2;
                }
            }
            b'"' | b'\'' => {
                length = string_length(&bytes[at..], byte);
                let string = &bytes[at..at + length];
                shape.line += string.iter().filter(|b| **b == b'\n').count();
                shape.term()?;
            }
            b'|' | b'&' | b'!' | b'+' | b'*' | b'/' | b'^' | b'=' => shape.operators(1)?,
            b'-' => {
                shape.hyphen()?;
                // A minus inside a number or a name is none.
                if matches!(rest.first(), Some(b' ' | b'-')) {
                    shape.operators(1)?;
                }
            }
            b';' | b',' => shape.separator(byte)?,
            other if is_word_byte(other) || b"?$@".contains(&other) => {
                length += length_until(rest, |b| !is_word_byte(b));
                shape.expects_data |= is_word(bytes, at, b"VALUES");
                shape.word(&bytes[at..at + length])?;
            }
            other => shape.bracket(other)?,
        }
        at += length;
    }
    Ok(())
}

/// What was counted so far.
#[derive(Default)]
struct Shape {
    /// The brackets that are open.
    open: Vec<u8>,
    operators: usize,
    expressions: usize,
    hyphens: usize,
    triples: usize,
    /// Whether a term was written last: one beside it is part of the same triple or list.
    is_after_term: bool,
    line: usize,
    /// Whether the next group is that of VALUES, and how deep the group is whose inside this is.
    expects_data: bool,
    data: Option<usize>,
}

impl Shape {
    fn bracket(&mut self, byte: u8) -> Result<(), QueryError> {
        let is_after_term = std::mem::take(&mut self.is_after_term);
        match byte {
            b'{' | b'(' | b'[' | b'<' => {
                self.open.push(byte);
                if self.open.len() > MAX_NESTING {
                    return Err(QueryError::Malformed(format!(
                        "the query nests brackets more than {MAX_NESTING} deep at line {}; write it flatter",
                        self.line
                    )));
                }
                match byte {
                    b'{' => {
                        if std::mem::take(&mut self.expects_data) {
                            self.data = Some(self.open.len());
                        }
                        self.operators(1)
                    }
                    _ if self.data.is_some() => Ok(()),
                    _ => {
                        self.triples(usize::from(is_after_term))?;
                        if byte == b'(' {
                            self.expression()
                        } else {
                            Ok(())
                        }
                    }
                }
            }
            b'}' | b')' | b']' | b'>' => {
                if self.data == Some(self.open.len()) {
                    self.data = None;
                }
                self.open.pop();
                self.is_after_term = byte != b'}';
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A term was written.
    fn term(&mut self) -> Result<(), QueryError> {
        let n = usize::from(std::mem::replace(&mut self.is_after_term, true));
        self.triples(n)
    }

    /// A variable, a number, a name, a keyword, or a part of one of these.
    fn word(&mut self, word: &[u8]) -> Result<(), QueryError> {
        match word[0] {
            // The language of a string.
            b'@' => Ok(()),
            b'?' | b'$' | b'0'..=b'9' => self.term(),
            _ if word.contains(&b':') || matches!(word, b"a" | b"true" | b"false") => self.term(),
            _ => {
                self.is_after_term = false;
                Ok(())
            }
        }
    }

    /// What divides triples with the same beginning, or the arguments of a function.
    fn separator(&mut self, byte: u8) -> Result<(), QueryError> {
        self.is_after_term = false;
        let divides_triples = byte == b';' || self.open.last() != Some(&b'(');
        self.triples(usize::from(divides_triples))
    }

    fn triples(&mut self, n: usize) -> Result<(), QueryError> {
        if self.data.is_none() {
            self.triples += n;
        }
        self.refuse_beyond(
            self.triples,
            MAX_TRIPLES,
            "triples, list items and names in a row",
            "use VALUES for long lists, or ask in several queries",
        )
    }

    fn expression(&mut self) -> Result<(), QueryError> {
        self.expressions += 1;
        self.refuse_beyond(
            self.expressions,
            MAX_EXPRESSIONS,
            "brackets \"(\", of FILTERs, BINDs and functions",
            "use VALUES or IN for long lists",
        )
    }

    fn hyphen(&mut self) -> Result<(), QueryError> {
        self.is_after_term = false;
        self.hyphens += 1;
        self.refuse_beyond(
            self.hyphens,
            MAX_HYPHENS,
            "hyphens and minus signs outside strings and IRIs",
            "write names as IRIs in <>, or ask in several queries",
        )
    }

    fn operators(&mut self, n: usize) -> Result<(), QueryError> {
        self.is_after_term &= n == 0;
        self.operators += n;
        self.refuse_beyond(
            self.operators,
            MAX_OPERATORS,
            "operators and groups",
            "use VALUES or IN for long lists",
        )
    }

    fn refuse_beyond(
        &self,
        n: usize,
        most: usize,
        what: &str,
        remedy: &str,
    ) -> Result<(), QueryError> {
        if n <= most {
            return Ok(());
        }
        Err(QueryError::Malformed(format!(
            "the query has more than {most} {what} (line {}); {remedy}",
            self.line
        )))
    }
}

/// Whether a byte may stand inside a word, as far as that matters here.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_:%".contains(&byte)
}

/// Whether `word`, in any case, stands at a place, and is no part of a name or variable.
fn is_word(text: &[u8], at: usize, word: &[u8]) -> bool {
    let is_name = |byte: &u8| {
        byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_?$:@-.%\\".contains(byte)
    };
    let end = at + word.len();
    (text.get(at..end)).is_some_and(|found| found.eq_ignore_ascii_case(word))
        && !(at > 0 && is_name(&text[at - 1]))
        // What follows may be a variable.
        && !(text.get(end)).is_some_and(|byte| is_name(byte) && !matches!(byte, b'?' | b'$'))
}

/// What stands before the ">" at the end of an IRI, if there is one before anything that no IRI contains.
fn iri_at(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = &bytes[..bytes.len().min(LONGEST_IRI)];
    let end = length_until(bytes, |b| {
        matches!(
            b,
            b'>' | ..=b' ' | b'<' | b'"' | b'{' | b'}' | b'|' | b'^' | b'`' | b'\\'
        )
    });
    (bytes.get(end) == Some(&b'>')).then(|| &bytes[..end])
}

/// How many bytes come before one that `is_end`.
fn length_until(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> usize {
    (bytes.iter().position(|byte| is_end(*byte))).unwrap_or(bytes.len())
}

/// Length of the string literal at the start of `text`, quotes included.
fn string_length(text: &[u8], quote: u8) -> usize {
    let is_long = text.starts_with(&[quote; 3]);
    let quote_length = if is_long { 3 } else { 1 };
    let mut is_escaped = false;
    let mut run = 0;
    for (at, &byte) in text.iter().enumerate().skip(quote_length) {
        if is_escaped {
            is_escaped = false;
            run = 0;
        } else if byte == b'\\' {
            is_escaped = true;
            run = 0;
        } else if byte == quote {
            run += 1;
            if run == quote_length {
                return at + 1;
            }
        } else if byte == b'\n' && !is_long {
            // Not a string after all; the parser will say so.
            return at;
        } else {
            run = 0;
        }
    }
    text.len()
}

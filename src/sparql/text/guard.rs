//! Refuses query texts whose shape alone would exhaust the stack, before they are parsed.
//!
//! Parser, optimizer and evaluator recurse over the query. Threads that evaluate have
//! [`STACK_SIZE`] bytes of it; the limits here keep every recursion far below it.

use crate::sparql::error::Malformed;

/// Stack that a thread needs to evaluate every query that is not refused for its shape, in bytes.
pub const STACK_SIZE: usize = 256 << 20;

/// Deepest nesting of brackets. Queries written by people stay below 20, those of engines below 60.
const MAX_NESTING: usize = 200;

/// Most operators and groups in one query: each can add one level to the algebra. A list of 10,000
/// VALUES rows has none of them; a FILTER of 1,000 equalities has 2,000.
const MAX_OPERATORS: usize = 5_000;

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
pub(in crate::sparql) fn check(query: &str) -> Result<(), Malformed> {
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
                    shape.iri(iri)?;
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
    fn bracket(&mut self, byte: u8) -> Result<(), Malformed> {
        let is_after_term = std::mem::take(&mut self.is_after_term);
        match byte {
            b'{' | b'(' | b'[' | b'<' => {
                self.open.push(byte);
                if self.open.len() > MAX_NESTING {
                    return Err(Malformed::TooDeep {
                        most: MAX_NESTING,
                        line: self.line,
                    });
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

    /// What is an IRI, or may still be "less than": what nests or chains without end counts.
    fn iri(&mut self, iri: &[u8]) -> Result<(), Malformed> {
        let is_after_term = self.is_after_term;
        iri.iter().try_for_each(|b| self.bracket(*b))?;
        let n_ands = iri.windows(2).filter(|pair| pair == b"&&").count();
        self.operators(n_ands)?;
        self.is_after_term = is_after_term;
        self.term()
    }

    /// A term was written.
    fn term(&mut self) -> Result<(), Malformed> {
        let n = usize::from(std::mem::replace(&mut self.is_after_term, true));
        self.triples(n)
    }

    /// A variable, a number, a name, a keyword, or a part of one of these.
    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
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
    fn separator(&mut self, byte: u8) -> Result<(), Malformed> {
        self.is_after_term = false;
        let divides_triples = byte == b';' || self.open.last() != Some(&b'(');
        self.triples(usize::from(divides_triples))
    }

    fn triples(&mut self, n: usize) -> Result<(), Malformed> {
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

    fn expression(&mut self) -> Result<(), Malformed> {
        self.expressions += 1;
        self.refuse_beyond(
            self.expressions,
            MAX_EXPRESSIONS,
            "brackets \"(\", of FILTERs, BINDs and functions",
            "use VALUES or IN for long lists",
        )
    }

    fn hyphen(&mut self) -> Result<(), Malformed> {
        self.is_after_term = false;
        self.hyphens += 1;
        self.refuse_beyond(
            self.hyphens,
            MAX_HYPHENS,
            "hyphens and minus signs outside strings and IRIs",
            "write names as IRIs in <>, or ask in several queries",
        )
    }

    fn operators(&mut self, n: usize) -> Result<(), Malformed> {
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
        what: &'static str,
        remedy: &'static str,
    ) -> Result<(), Malformed> {
        if n <= most {
            return Ok(());
        }
        Err(Malformed::TooMany {
            most,
            what,
            line: self.line,
            remedy,
        })
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

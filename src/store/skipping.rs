//! Reading statement by statement, so that one that cannot be read costs no other.
//!
//! A parser that goes on after an error may be in the wrong state: an unclosed quote turns all that follows inside
//! out. So the text is cut into statements first, where they surely end, and each that fails is left out by itself.

use super::{Loaded, MAX_SHOWN};
use oxigraph::io::{RdfFormat, RdfParseError, RdfParser};
use oxigraph::model::{BlankNode, GraphName, NamedOrBlankNode, Quad, Term, Triple};
use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest statement; what is longer has lost its end and is left out.
const MAX_STATEMENT: usize = 16 << 20;
/// Statements are parsed together up to about so many bytes, and one by one where that fails.
const CHUNK: usize = 256 << 10;

/// The quads of a text in Turtle, N-Triples or N-Quads, without the statements that cannot be read.
pub(super) struct Skipping<R> {
    text: R,
    parser: RdfParser,
    has_lines: bool,
    /// The `@prefix` and `@base` of Turtle so far, and their number of lines.
    header: Vec<u8>,
    line: u64,
    ready: VecDeque<Quad>,
    /// Makes the blank nodes of this text different from those of others.
    salt: String,
    counted: Arc<Mutex<Loaded>>,
    has_ended: bool,
}

/// A statement, or several, and the line where it begins.
struct Statement {
    line: u64,
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl<R: BufRead> Skipping<R> {
    /// `parser` must not rename blank nodes: they have one meaning in the whole text.
    pub(super) fn new(
        text: R,
        parser: RdfParser,
        format: RdfFormat,
        counted: Arc<Mutex<Loaded>>,
    ) -> Self {
        Self {
            text,
            parser,
            has_lines: format != RdfFormat::Turtle,
            header: Vec::new(),
            line: 1,
            ready: VecDeque::new(),
            salt: BlankNode::default().as_str().to_owned(),
            counted,
            has_ended: false,
        }
    }

    /// Reads the next statements.
    fn fill(&mut self) -> io::Result<()> {
        let mut statements = Vec::new();
        let mut n_bytes = 0;
        while n_bytes < CHUNK {
            let Some(statement) = self.statement()? else {
                self.has_ended = true;
                break;
            };
            n_bytes += statement.bytes.len();
            statements.push(statement);
        }
        let together: Vec<u8> = (statements.iter())
            .flat_map(|statement| statement.bytes.iter().copied())
            .collect();
        if !statements.iter().any(|statement| statement.is_too_long)
            && let Ok(quads) = self.parse(&together)
        {
            for statement in &statements {
                self.keep_directive(&statement.bytes);
            }
            self.take(quads);
            return Ok(());
        }
        for statement in statements {
            if statement.is_too_long {
                self.skip(format!(
                    "line {}: a statement of more than {MAX_STATEMENT} bytes; is a quote not closed?",
                    statement.line
                ));
                continue;
            }
            match self.parse(&statement.bytes) {
                Ok(quads) => {
                    self.keep_directive(&statement.bytes);
                    self.take(quads);
                }
                Err(error) => {
                    let reason = self.reason(&error, statement.line);
                    self.skip(reason);
                }
            }
        }
        Ok(())
    }

    fn parse(&self, text: &[u8]) -> Result<Vec<Quad>, RdfParseError> {
        let whole = [&self.header[..], text].concat();
        self.parser
            .clone()
            .for_slice(&whole)
            .map(|quad| quad.map_err(RdfParseError::from))
            .collect()
    }

    /// The parser's words, with the line of the file.
    fn reason(&self, error: &RdfParseError, line: u64) -> String {
        let RdfParseError::Syntax(syntax) = error else {
            return format!("line {line}: {error}");
        };
        let n_header = self.header.iter().filter(|byte| **byte == b'\n').count() as u64;
        let within = syntax
            .location()
            .map_or(0, |location| location.start.line.saturating_sub(n_header));
        // A line that has no end is noticed at the next one.
        let within = if self.has_lines { 0 } else { within };
        let text = syntax.to_string();
        let words = text.split_once(": ").map_or(&*text, |(_, words)| words);
        format!("line {}: {words}", line + within)
    }

    fn take(&mut self, quads: Vec<Quad>) {
        self.loaded(|loaded| loaded.n_triples += quads.len() as u64);
        let salt = &self.salt;
        self.ready
            .extend(quads.into_iter().map(|quad| salted(quad, salt)));
    }

    fn skip(&mut self, reason: String) {
        self.loaded(|loaded| {
            loaded.n_skipped += 1;
            if loaded.skipped.len() < MAX_SHOWN {
                loaded.skipped.push(reason);
            }
        });
    }

    fn loaded(&self, change: impl FnOnce(&mut Loaded)) {
        change(&mut self.counted.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prefixes and bases hold for all that follows.
    fn keep_directive(&mut self, statement: &[u8]) {
        if !self.has_lines && directive(first_word(statement)).is_some() {
            self.header.extend(statement);
            self.header.push(b'\n');
        }
    }

    /// The next statement with what stands before it; none at the end.
    fn statement(&mut self) -> io::Result<Option<Statement>> {
        let mut cut = Cut::new(self.has_lines);
        let begins = self.line;
        let mut bytes = Vec::new();
        let mut is_too_long = false;
        let mut has_any = false;
        loop {
            let available = self.text.fill_buf()?;
            if available.is_empty() {
                break;
            }
            has_any = true;
            let mut n_used = 0;
            let mut has_ended = false;
            for (index, &byte) in available.iter().enumerate() {
                // What ends a statement may show only in the byte after it.
                match cut.step(byte) {
                    Step::EndsBefore => has_ended = true,
                    Step::EndsAfter => {
                        n_used = index + 1;
                        has_ended = true;
                    }
                    Step::GoesOn => n_used = index + 1,
                }
                if has_ended {
                    break;
                }
            }
            let used = &available[..n_used];
            self.line += used.iter().filter(|byte| **byte == b'\n').count() as u64;
            if bytes.len() + n_used <= MAX_STATEMENT {
                bytes.extend(used);
            } else {
                is_too_long = true;
                bytes.clear();
            }
            self.text.consume(n_used);
            if has_ended {
                break;
            }
        }
        Ok(has_any.then_some(Statement {
            line: begins,
            bytes,
            is_too_long,
        }))
    }
}

impl<R: BufRead> Iterator for Skipping<R> {
    type Item = Result<Quad, RdfParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.has_ended {
            if let Err(error) = self.fill() {
                self.has_ended = true;
                return Some(Err(error.into()));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// Finds where statements end.
struct Cut {
    has_lines: bool,
    state: State,
    /// The first word, as far as it may be a directive.
    word: Vec<u8>,
    is_word_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    /// After a full stop that may end the statement.
    Stop,
    Comment,
    Iri,
    /// One or two quotes so far: a string begins, or is empty.
    Opening(u8, u8),
    Short(u8),
    /// In a long string, with so many of its quotes in a row.
    Long(u8, u8),
    /// After a backslash in a string.
    Escape {
        quote: u8,
        is_long: bool,
    },
}

enum Step {
    GoesOn,
    /// The statement ended before this byte, which is not taken.
    EndsBefore,
    /// This byte is its last.
    EndsAfter,
}

impl Cut {
    fn new(has_lines: bool) -> Self {
        Self {
            has_lines,
            state: State::Plain,
            word: Vec::new(),
            is_word_over: false,
        }
    }

    fn step(&mut self, byte: u8) -> Step {
        if self.has_lines {
            return if byte == b'\n' {
                Step::EndsAfter
            } else {
                Step::GoesOn
            };
        }
        match self.state {
            State::Stop if !is_name(byte) => return Step::EndsBefore,
            State::Stop | State::Plain => return self.plain(byte),
            State::Comment => {
                if byte == b'\n' {
                    self.state = State::Plain;
                }
            }
            State::Iri => match byte {
                b'>' => {
                    self.state = State::Plain;
                    // PREFIX and BASE have no full stop.
                    if directive(&self.word) == Some(Directive::WithoutStop) {
                        return Step::EndsAfter;
                    }
                }
                // It has lost its end.
                b'\n' => return Step::EndsAfter,
                _ => {}
            },
            State::Opening(quote, 1) if byte == quote => self.state = State::Opening(quote, 2),
            State::Opening(quote, 2) if byte == quote => self.state = State::Long(quote, 0),
            // An empty string.
            State::Opening(_, 2) => {
                self.state = State::Plain;
                return self.plain(byte);
            }
            State::Opening(quote, _) | State::Short(quote) => match byte {
                b'\\' => {
                    self.state = State::Escape {
                        quote,
                        is_long: false,
                    }
                }
                b'\n' => return Step::EndsAfter,
                byte if byte == quote => {
                    self.state = State::Plain;
                    return self.after_string();
                }
                _ => self.state = State::Short(quote),
            },
            State::Long(quote, n) => match byte {
                b'\\' => {
                    self.state = State::Escape {
                        quote,
                        is_long: true,
                    }
                }
                byte if byte == quote && n == 2 => self.state = State::Plain,
                byte if byte == quote => self.state = State::Long(quote, n + 1),
                _ => self.state = State::Long(quote, 0),
            },
            State::Escape { quote, is_long } => {
                self.state = if is_long {
                    State::Long(quote, 0)
                } else {
                    State::Short(quote)
                };
            }
        }
        Step::GoesOn
    }

    fn plain(&mut self, byte: u8) -> Step {
        if !self.is_word_over {
            if byte.is_ascii_alphabetic() || byte == b'@' {
                self.word.push(byte);
            }
            self.is_word_over = self.word.len() > 8
                || (!self.word.is_empty() && !byte.is_ascii_alphabetic() && byte != b'@')
                || (self.word.is_empty() && !byte.is_ascii_whitespace() && byte != b'#');
        }
        self.state = match byte {
            b'.' => State::Stop,
            b'#' => State::Comment,
            b'<' => State::Iri,
            b'"' | b'\'' => State::Opening(byte, 1),
            _ => State::Plain,
        };
        Step::GoesOn
    }

    /// `VERSION "1.2"` has no full stop either.
    fn after_string(&self) -> Step {
        if directive(&self.word) == Some(Directive::WithoutStop) {
            Step::EndsAfter
        } else {
            Step::GoesOn
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Directive {
    WithStop,
    WithoutStop,
}

fn directive(word: &[u8]) -> Option<Directive> {
    match word {
        b"@prefix" | b"@base" | b"@version" => Some(Directive::WithStop),
        word if [&b"prefix"[..], b"base", b"version"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known)) =>
        {
            Some(Directive::WithoutStop)
        }
        _ => None,
    }
}

/// The first word of a statement, after spaces and comments.
fn first_word(statement: &[u8]) -> &[u8] {
    let mut rest = statement.trim_ascii_start();
    while rest.first() == Some(&b'#') {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        rest = rest[end..].trim_ascii_start();
    }
    let end = (rest.iter()).position(|byte| !byte.is_ascii_alphabetic() && *byte != b'@');
    &rest[..end.unwrap_or(rest.len())]
}

/// Whether a byte after a full stop makes it a part of a name or a number.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_:.%\\-".contains(&byte)
}

fn salted(quad: Quad, salt: &str) -> Quad {
    Quad {
        subject: salted_subject(quad.subject, salt),
        predicate: quad.predicate,
        object: salted_term(quad.object, salt),
        graph_name: match quad.graph_name {
            GraphName::BlankNode(node) => salted_node(&node, salt).into(),
            other @ (GraphName::NamedNode(_) | GraphName::DefaultGraph) => other,
        },
    }
}

fn salted_term(term: Term, salt: &str) -> Term {
    match term {
        Term::BlankNode(node) => salted_node(&node, salt).into(),
        Term::Triple(triple) => {
            let Triple {
                subject,
                predicate,
                object,
            } = *triple;
            Triple {
                subject: salted_subject(subject, salt),
                predicate,
                object: salted_term(object, salt),
            }
            .into()
        }
        other @ (Term::NamedNode(_) | Term::Literal(_)) => other,
    }
}

fn salted_subject(subject: NamedOrBlankNode, salt: &str) -> NamedOrBlankNode {
    match subject {
        NamedOrBlankNode::BlankNode(node) => salted_node(&node, salt).into(),
        NamedOrBlankNode::NamedNode(node) => node.into(),
    }
}

fn salted_node(node: &BlankNode, salt: &str) -> BlankNode {
    BlankNode::new_unchecked(format!("{salt}{}", node.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The literals that are read, and the lines that are told.
    fn read(format: RdfFormat, text: &[u8]) -> (Vec<String>, Vec<String>) {
        let counted = Arc::new(Mutex::new(Loaded::default()));
        let parser = RdfParser::from_format(format);
        let quads = Skipping::new(text, parser, format, counted.clone());
        let found = quads
            .map(|quad| match quad.unwrap().object {
                Term::Literal(literal) => literal.value().to_owned(),
                other => other.to_string(),
            })
            .collect();
        let told = std::mem::take(&mut counted.lock().unwrap().skipped);
        let lines = told
            .iter()
            .map(|reason| reason.split(':').next().unwrap().to_owned())
            .collect();
        (found, lines)
    }

    #[test]
    fn a_bad_line_costs_no_other() {
        let text = b"<http://x/a> <http://x/t> \"1\" .\n<http://x/b> <http://x/t> \"\xff\" .\n<http://x/c> <http://x/t> \"2\" .\n<http://x/d> <http://x/t> \"3\"\n<http://x/e> <http://x/t> \"4\" .\n<http://x/f> <http://x/t> \"un .\n<http://x/g> <http://x/t> \"5\" .\ngarbage\n\n# a \"comment\n<http://x/h> <http://x/t> \"6\" . # c\n<http://x/i <http://x/t> \"x\" .\n<http://x/j> <http://x/t> \"7\" .";
        for format in [RdfFormat::NTriples, RdfFormat::NQuads] {
            let (found, lines) = read(format, text);
            assert_eq!(found, ["1", "2", "4", "5", "6", "7"]);
            assert_eq!(lines, ["line 2", "line 4", "line 6", "line 8", "line 12"]);
        }
    }

    #[test]
    fn a_bad_statement_of_turtle_costs_no_other_that_ends_before_it() {
        let text = b"@prefix ex: <http://x/> .\nPREFIX ey: <http://y/>\nex:a ex:t \"1\" .\nex:b ex:t .\nex:c ex:t \"2\" .\nex:d ex:t \"unterminated .\nex:e ex:t \"3\" .\nex:f ex:t \"\"\"3b. \"\"\n\" .\"\"\" .\nex:g ex:t 1.5 , \"a.b\\\" .\" , ''; ey:t \"4\".\nnope:g ex:t \"bad\" .\nex:i ex:t \"5\" . # \"\n<http://x/ b> ex:t \"bad\" .\n<http://x/lost ex:t\nex:j ex:t \"6\"\nex:k ex:t \"7\" .\n<#r> ex:a.b [ ex:t \"8\" ] .\nex:l ex:t \"9\"";
        let (found, lines) = read(RdfFormat::Turtle, text);
        let found: Vec<&str> = found
            .iter()
            .map(String::as_str)
            .filter(|text| !text.starts_with('_'))
            .collect();
        // The last has no end, line 14 takes the next line with it, and <#r> has no base.
        assert_eq!(
            found,
            [
                "1",
                "2",
                "3",
                "3b. \"\"\n\" .",
                "1.5",
                "a.b\" .",
                "",
                "4",
                "5"
            ]
        );
        assert_eq!(
            lines,
            [
                "line 4", "line 6", "line 11", "line 13", "line 14", "line 16", "line 17",
                "line 18"
            ]
        );
    }

    #[test]
    fn blank_nodes_are_the_same_across_errors_and_others_in_other_texts() {
        let text = b"_:a <http://x/t> _:b .\nbad\n_:a <http://x/t> _:b .\n";
        let nodes = || {
            let counted = Arc::default();
            let parser = RdfParser::from_format(RdfFormat::NTriples);
            let quads = Skipping::new(&text[..], parser, RdfFormat::NTriples, counted);
            quads.map(Result::unwrap).collect::<Vec<Quad>>()
        };
        let (first, second) = (nodes(), nodes());
        assert_eq!(first[0], first[1]);
        assert_ne!(
            first[0].subject,
            first[0].object.clone().try_into().unwrap()
        );
        assert_ne!(first[0], second[0]);
    }

    /// Whatever the size of the pieces that come, and of the chunks, good text is read as a whole.
    #[test]
    fn much_good_text_is_read_as_it_is() {
        let text: String = (0..20_000)
            .map(|n| format!("<http://x/{n}> <http://x/t> \"{n}. \\\"x\" .\n"))
            .collect();
        let text = text.replacen("<http://x/15000>", "<http://x/15 000>", 1);
        for format in [RdfFormat::NTriples, RdfFormat::Turtle] {
            let (found, lines) = read(format, text.as_bytes());
            assert_eq!(found.len(), 19_999);
            assert_eq!(lines, ["line 15001"]);
        }
    }
}

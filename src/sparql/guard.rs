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

/// Checks the nesting and the number of operators of a query text.
pub(super) fn check(query: &str) -> Result<(), QueryError> {
    let mut nesting = 0usize;
    let mut operators = 0usize;
    let mut line = 1usize;
    // What is looked for is ASCII, which no part of another character is.
    let bytes = query.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at + 1..];
        let mut length = 1;
        match byte {
            b'\n' => line += 1,
            b'#' => length += length_until(rest, |b| b == b'\n'),
            // An IRI, if it ends before anything that no IRI contains; else "less than".
            b'<' => {
                let end = length_until(rest, |b| {
                    matches!(
                        b,
                        b'>' | ..=b' ' | b'<' | b'"' | b'{' | b'}' | b'|' | b'^' | b'`' | b'\\'
                    )
                });
                if rest.get(end) == Some(&b'>') {
                    length += end + 1;
                }
            }
            b'"' | b'\'' => {
                length = string_length(&bytes[at..], byte);
                line += bytes[at..at + length]
                    .iter()
                    .filter(|b| **b == b'\n')
                    .count();
            }
            b'{' | b'(' | b'[' => {
                nesting += 1;
                if nesting > MAX_NESTING {
                    return Err(QueryError::Malformed(format!(
                        "the query nests brackets more than {MAX_NESTING} deep at line {line}; write it flatter"
                    )));
                }
                operators += usize::from(byte == b'{');
            }
            b'}' | b')' | b']' => nesting = nesting.saturating_sub(1),
            b'|' | b'&' | b'!' | b'+' | b'*' | b'/' | b'^' | b'=' => operators += 1,
            // A minus inside a number or a name is none.
            b'-' if matches!(rest.first(), Some(b' ' | b'-')) => operators += 1,
            _ => {}
        }
        if operators > MAX_OPERATORS {
            return Err(QueryError::Malformed(format!(
                "the query has more than {MAX_OPERATORS} operators and groups (line {line}); use VALUES or IN for long lists"
            )));
        }
        at += length;
    }
    Ok(())
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

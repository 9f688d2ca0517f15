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
    let mut chars = query.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => line += 1,
            '#' => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            // An IRI, if it ends before anything that no IRI contains; else "less than".
            '<' => {
                let rest = &query[at + 1..];
                let end = rest.find(|c: char| c == '>' || c <= ' ' || "<\"{}|^`\\".contains(c));
                if let Some(end) = end
                    && rest[end..].starts_with('>')
                {
                    while chars.next_if(|(i, _)| *i <= at + 1 + end).is_some() {}
                }
            }
            '"' | '\'' => {
                let long = query[at..].starts_with(if c == '"' { "\"\"\"" } else { "'''" });
                let end = string_end(&query[at..], c, long);
                line += query[at..at + end].matches('\n').count();
                while chars.next_if(|(i, _)| *i < at + end).is_some() {}
            }
            '{' | '(' | '[' => {
                nesting += 1;
                if nesting > MAX_NESTING {
                    return Err(QueryError::Malformed(format!(
                        "the query nests brackets more than {MAX_NESTING} deep at line {line}; write it flatter"
                    )));
                }
                operators += usize::from(c == '{');
            }
            '}' | ')' | ']' => nesting = nesting.saturating_sub(1),
            '|' | '&' | '!' | '+' | '*' | '/' | '^' | '=' | '?' if c != '?' => operators += 1,
            // A minus inside a number or a name is none.
            '-' if chars
                .peek()
                .is_some_and(|(_, next)| *next == ' ' || *next == '-') =>
            {
                operators += 1;
            }
            _ => {}
        }
        if operators > MAX_OPERATORS {
            return Err(QueryError::Malformed(format!(
                "the query has more than {MAX_OPERATORS} operators and groups (line {line}); use VALUES or IN for long lists"
            )));
        }
    }
    Ok(())
}

/// Length in bytes of the string literal at the start of `text`, quotes included.
fn string_end(text: &str, quote: char, long: bool) -> usize {
    let quote_length = if long { 3 } else { 1 };
    let mut escaped = false;
    let mut run = 0usize;
    for (at, c) in text.char_indices().skip(quote_length) {
        if escaped {
            escaped = false;
            run = 0;
        } else if c == '\\' {
            escaped = true;
            run = 0;
        } else if c == quote {
            run += 1;
            if run == quote_length {
                return at + 1;
            }
        } else if c == '\n' && !long {
            // Not a string after all; the parser will say so.
            return at;
        } else {
            run = 0;
        }
    }
    text.len()
}

//! What is said of a mistake, and where it is.

use super::tokens::{Kind, Token};

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// In bytes from the beginning of the query.
    pub(super) at: usize,
    /// What is wrong and what to do, as the end of a sentence.
    pub(super) says: String,
}

pub(super) fn mistake(at: usize, says: impl Into<String>) -> Option<Mistake> {
    let says = says.into();
    Some(Mistake { at, says })
}

/// A word or sign as a sentence shows it.
pub(super) fn shown(token: &Token<'_>) -> String {
    match token.kind {
        Kind::Variable => format!("the variable {}", cut(token.text)),
        _ => cut(token.text),
    }
}

/// The beginning of a long word.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut cut: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.push('…');
    }
    cut.replace(char::is_control, " ")
}

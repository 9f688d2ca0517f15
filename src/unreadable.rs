//! What is said about a file or folder that cannot be read.

use std::fmt::Display;
use std::io::{self, ErrorKind};

/// `subject` (its path, or words and its path), which the user named with `flag`, cannot be read.
pub(crate) fn unreadable(subject: impl Display, error: &io::Error, flag: &str) -> anyhow::Error {
    let remedy = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("check the path given with {flag}")
        }
        ErrorKind::IsADirectory => format!("it is a folder; name a file with {flag}"),
        ErrorKind::PermissionDenied => "allow this user to read it".to_owned(),
        ErrorKind::InvalidData => "save it as UTF-8 text".to_owned(),
        _ => format!("make it readable, or name another with {flag}"),
    };
    anyhow::anyhow!("{subject} cannot be read: {error}; {remedy}")
}

//! Standard output and standard error, which may be closed or full: the one place that writes to them.

use anyhow::Context;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// What a command prints on standard output. After a first failure nothing more is written, so that a
/// command comes to the end of its work whoever reads it; [`Output::finish`] tells the failure.
#[derive(Debug, Default)]
#[must_use = "finish() says whether it could be written"]
pub struct Output {
    failure: Option<io::Error>,
}

impl Output {
    /// Prints a line at once.
    pub fn line(&mut self, line: impl Display) {
        self.bytes(format!("{line}\n").as_bytes());
    }

    /// Prints bytes at once.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            let mut stdout = io::stdout().lock();
            self.failure = stdout.write_all(bytes).and_then(|()| stdout.flush()).err();
        }
    }

    /// Whether all could be written. A reader that has seen enough (`… | head -1`) is no failure.
    ///
    /// # Errors
    /// If the device is full or broken.
    pub fn finish(self) -> anyhow::Result<()> {
        match self.failure {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(error).context("standard output cannot be written")
            }
            _ => Ok(()),
        }
    }
}

/// Tells people something on standard error, where nobody may be listening.
pub fn note(line: impl Display) {
    // Written in one go, so that the lines of several threads do not mix.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// The error with its causes in one sentence. Some errors tell their cause themselves; it is not told
/// twice.
#[must_use]
pub fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.ends_with(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}

/// A time for people.
pub(crate) fn duration(seconds: u64) -> impl Display {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {seconds} s"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Unreadable {
        #[error("x.ttl cannot be read: {0}")]
        Telling(#[source] io::Error),
        #[error("x.ttl cannot be read")]
        Silent(#[source] io::Error),
    }

    #[test]
    fn a_cause_is_told_once() {
        let cause = || io::Error::other("the disk is gone");
        for error in [Unreadable::Telling(cause()), Unreadable::Silent(cause())] {
            let error = anyhow::Error::from(error).context("nothing was loaded");
            assert_eq!(
                sentence(&error),
                "nothing was loaded: x.ttl cannot be read: the disk is gone"
            );
        }
    }

    #[test]
    fn times_are_for_people() {
        for (n, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (7265, "2 h 1 min"),
        ] {
            assert_eq!(duration(n).to_string(), text);
        }
    }
}

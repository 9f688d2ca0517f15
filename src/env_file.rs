//! The file `.env`: settings for whoever starts the program in its folder or below.
//!
//! The file may be of another project, and holds secrets: what cannot be understood is told by line and
//! name, never by value.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a `.env` says.
#[derive(Debug, Default)]
pub struct EnvFile {
    /// Where it is; empty where there is none.
    pub path: PathBuf,
    /// Names and values, in the order of the file; of equal names the first one counts.
    pub settings: Vec<(String, String)>,
    /// What cannot be understood.
    pub mistakes: Vec<EnvFileError>,
}

/// Why a line of a `.env`, or all of it, cannot be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvFileError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}; make it readable or take it away")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is not text.
    #[error("{path}, line {line}: this is not UTF-8 text; save the file as UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A value has quotes or other signs in wrong places.
    #[error(
        "{path}, line {line}: the value of {name} cannot be understood; put all of it in double quotes: {name}=\"…\""
    )]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The setting.
        name: String,
    },
    /// A line is no setting.
    #[error("{path}, line {line}: this is no NAME=value; write it so, or begin the line with #")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
}

impl EnvFile {
    /// The `.env` in the working directory or the nearest folder above that has one.
    #[must_use]
    pub fn nearest() -> Option<Self> {
        let folder = std::env::current_dir().ok()?;
        let path = folder
            .ancestors()
            .map(|folder| folder.join(".env"))
            .find(|path| path.is_file())?;
        Some(match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&path, &bytes),
            Err(source) => Self {
                settings: Vec::new(),
                mistakes: vec![EnvFileError::Unreadable {
                    path: path.clone(),
                    source,
                }],
                path,
            },
        })
    }

    fn parse(path: &Path, bytes: &[u8]) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let n_text = match std::str::from_utf8(bytes) {
            // Text in UTF-16 is valid UTF-8 with zeros, which no environment can hold.
            Ok(text) => text.find('\0').unwrap_or(bytes.len()),
            Err(error) => error.valid_up_to(),
        };
        let text = if n_text < bytes.len() {
            let whole_lines = bytes[..n_text]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let text = &bytes[..whole_lines];
            file.mistakes.push(EnvFileError::NotText {
                path: path.to_owned(),
                line: 1 + n_lines(text),
            });
            text
        } else {
            bytes
        };
        let n_read = Rc::new(Cell::new(0));
        let lines = LineByLine {
            rest: text,
            n_read: Rc::clone(&n_read),
        };
        // A line that is no text ends the text before it, so nothing is lost here.
        let physical: Vec<&str> = std::str::from_utf8(text)
            .unwrap_or_default()
            .lines()
            .collect();
        let mut settings = dotenvy::from_read_iter(lines);
        loop {
            let n_before = n_read.get();
            match settings.next() {
                None => break,
                Some(Ok(setting)) => file.settings.push(setting),
                Some(Err(_)) => {
                    let read = physical.get(n_before..n_read.get()).unwrap_or_default();
                    // The parser passes over such lines without a word.
                    let is_passed_over = |line: &&&str| {
                        let line = line.trim_start();
                        line.is_empty() || line.starts_with('#')
                    };
                    let n_passed_over = read.iter().take_while(is_passed_over).count();
                    let text = read[n_passed_over..].join("\n");
                    match unquoted(&text) {
                        Some(setting) => file.settings.push(setting),
                        None => {
                            let line = n_before + n_passed_over + 1;
                            file.mistakes.push(mistake(path, line, &text));
                        }
                    }
                }
            }
        }
        file
    }
}

fn n_lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

fn mistake(path: &Path, line: usize, text: &str) -> EnvFileError {
    let path = path.to_owned();
    match assignment(text) {
        Some((name, _)) => EnvFileError::Value {
            path,
            line,
            name: name.to_owned(),
        },
        None => EnvFileError::Line { path, line },
    }
}

/// Name and value of a line, as they are written.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    is_name.then_some((name, value))
}

/// A value without quotes that has spaces in it, which Docker Compose takes as it is, up to a comment.
fn unquoted(line: &str) -> Option<(String, String)> {
    let (name, value) = assignment(line)?;
    let comment = [" #", "\t#"].iter().filter_map(|c| value.find(c)).min();
    let value = value[..comment.unwrap_or(value.len())].trim();
    if value.contains(['"', '\'', '\\', '\n']) {
        return None;
    }
    // Read again with quotes: variables in it are replaced as in other values.
    let quoted = format!("{name}=\"{value}\"\n");
    dotenvy::from_read_iter(quoted.as_bytes()).next()?.ok()
}

/// Gives no more than a line at a time and counts them, so that the parser, which tells no line, has
/// never read beyond the line that it is at.
struct LineByLine<'a> {
    rest: &'a [u8],
    n_read: Rc<Cell<usize>>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.split_inclusive(|byte| *byte == b'\n').next();
        let line = line.unwrap_or_default();
        let n = line.len().min(buffer.len());
        buffer[..n].copy_from_slice(&line[..n]);
        self.rest = &self.rest[n..];
        if n > 0 && n == line.len() {
            self.n_read.set(self.n_read.get() + 1);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> (Vec<(String, String)>, Vec<String>) {
        let file = EnvFile::parse(Path::new(".env"), bytes);
        let mistakes = file.mistakes.iter().map(ToString::to_string).collect();
        (file.settings, mistakes)
    }

    #[test]
    fn values_may_have_spaces_as_in_docker_compose() {
        for (line, expected) in [
            ("PROJECT_NAME=Museum", "Museum"),
            ("PROJECT_NAME=My Museum", "My Museum"),
            ("PROJECT_NAME = My  Museum # ours ", "My  Museum"),
            ("export PROJECT_NAME=My Museum", "My Museum"),
            ("PROJECT_NAME=Museum #1", "Museum"),
            ("PROJECT_NAME=a#b c#d", "a#b c#d"),
            ("PROJECT_NAME=\"My Museum\"", "My Museum"),
            ("PROJECT_NAME='My \"Museum\"'", "My \"Museum\""),
            ("PROJECT_NAME=", ""),
        ] {
            let text = format!("\u{feff}A=1\r\n\r\n# note\r\n{line}\r\nB=2\r\n");
            let (settings, mistakes) = parse(text.as_bytes());
            assert_eq!(mistakes, [""; 0], "{line}");
            let expected = [("A", "1"), ("PROJECT_NAME", expected), ("B", "2")]
                .map(|(n, v)| (n.into(), v.into()));
            assert_eq!(settings, expected, "{line}");
        }
    }

    #[test]
    fn mistakes_are_told_by_line_and_name_and_never_by_value() {
        for (line, expected) in [
            ("KEY=\"s3cret", "line 4: the value of KEY cannot be"),
            ("KEY=s3cret\" x", "line 4: the value of KEY cannot be"),
            ("KEY=it's s3cret", "line 4: the value of KEY cannot be"),
            ("export KEY='s3cret", "put all of it in double quotes: KEY="),
            ("s3cret", "line 4: this is no NAME=value"),
            ("s3cret words here", "line 4: this is no NAME=value"),
            ("s3-cret=x y", "line 4: this is no NAME=value"),
            ("=s3cret", "line 4: this is no NAME=value"),
            ("1KEY=s3cret", "line 4: this is no NAME=value"),
            ("s3cret\u{0}", "line 4: this is not UTF-8"),
        ] {
            let text = format!("A=1\n\nB=\"two\"\n{line}\n");
            let (settings, mistakes) = parse(text.as_bytes());
            assert_eq!(settings.len(), 2, "{line}");
            assert_eq!(mistakes.len(), 1, "{line}: {mistakes:?}");
            assert!(mistakes[0].contains(expected), "{line}: {}", mistakes[0]);
            assert!(!mistakes[0].contains("cret"), "{line}: {}", mistakes[0]);
        }
        let (settings, mistakes) = parse(b"A=1\nB=\xfcber\nC=3\n");
        assert_eq!(settings.len(), 1);
        assert_eq!(
            mistakes,
            [".env, line 2: this is not UTF-8 text; save the file as UTF-8"]
        );
        // What follows a mistake is read all the same.
        let (settings, mistakes) = parse(b"what is this\nC=3\nmore\n");
        assert_eq!(settings, [("C".to_owned(), "3".to_owned())]);
        assert!(mistakes[1].contains("line 3"), "{mistakes:?}");
    }
}

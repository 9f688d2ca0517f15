//! A file of lines of JSON, kept as they come, so that a build can be cut off anywhere: for what has no one length.
//!
//! A first line that names what the others depend on, then a line each. One that is damaged, or that a killed build
//! did not finish, is left out.

use super::files;
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file of lines.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    path: PathBuf,
    /// The first line, with its end.
    head: Vec<u8>,
}

impl Lines {
    /// Opens or creates the file at `path`, and, if it `is_read`, gives `each` every line but the first. A file whose
    /// first line is not `head` is emptied.
    pub(super) fn open(
        path: &Path,
        head: &impl Serialize,
        is_read: bool,
        mut each: impl FnMut(&[u8]),
    ) -> std::io::Result<Self> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        let head = line(head)?;
        let mut reader = BufReader::with_capacity(1 << 18, &file);
        let mut found = vec![0; head.len()];
        let is_ours = match reader.read_exact(&mut found) {
            Ok(()) => found == head,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        if is_ours && is_read {
            let mut text = Vec::new();
            while reader.read_until(b'\n', &mut text)? > 0 {
                if text.pop() == Some(b'\n') {
                    each(&text);
                }
                text.clear();
            }
        }
        if !is_ours {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&head)?;
        }
        // What stands after the last line was not finished. It would spoil the next line.
        let end = end_of_lines(&mut file)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let path = path.to_owned();
        Ok(Self { file, path, head })
    }

    /// Writes lines that [`line`] has made.
    pub(super) fn append(&mut self, lines: &[u8]) -> std::io::Result<()> {
        self.file.write_all(lines)
    }

    /// Makes all lines survive a power failure.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.file.sync_data()
    }

    /// Replaces all lines but the first.
    pub(super) fn rewrite<T: Serialize>(
        &mut self,
        lines: impl Iterator<Item = T>,
    ) -> anyhow::Result<()> {
        files::replace(&self.path, |file| {
            file.write_all(&self.head)?;
            for value in lines {
                file.write_all(&line(&value)?)?;
            }
            std::io::Result::Ok(())
        })?;
        self.file = File::options().append(true).open(&self.path)?;
        Ok(())
    }
}

/// Gives `each` every line but the first of the file at `path`, which stays as it is. There are none in a file whose
/// first line is not `head`, or if there is no file.
pub(super) fn read(
    path: &Path,
    head: &impl Serialize,
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let head = line(head)?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut text = Vec::new();
    let n_bytes = (&mut reader)
        .take(head.len() as u64)
        .read_until(b'\n', &mut text)?;
    if n_bytes == 0 || text != head {
        return Ok(());
    }
    loop {
        text.clear();
        // A line that a killed build did not finish is the last.
        if reader.read_until(b'\n', &mut text)? == 0 || text.pop() != Some(b'\n') {
            return Ok(());
        }
        each(&text)?;
    }
}

/// A value as a line, with its end.
pub(super) fn line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Where the last whole line ends.
fn end_of_lines(file: &mut File) -> std::io::Result<u64> {
    const STEP: usize = 1 << 13;
    let mut end = file.metadata()?.len();
    let mut block = [0; STEP];
    while end > 0 {
        let start = end.saturating_sub(STEP as u64);
        let length = usize::try_from(end - start).unwrap_or(STEP);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block[..length])?;
        if let Some(at) = block[..length].iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

//! A file of records of one length, kept as they come, so that a build can be cut off anywhere.
//!
//! A header that names what the records depend on, then records: content and check. A record that is damaged, or
//! that a killed build did not finish, is left out.

use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What the records of a file are.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// The first bytes of the file, before their check. A file that begins otherwise is emptied.
    pub(super) header: Vec<u8>,
    /// What the checks are over besides the content: a record of another file, left behind on the disk by the
    /// file system, is no record of this one.
    pub(super) salt: Vec<u8>,
    /// Length of a record's content.
    pub(super) content_bytes: usize,
    /// What is told when a file is emptied.
    pub(super) emptied: &'static str,
}

/// A file of records.
#[derive(Debug)]
pub(super) struct Records {
    file: File,
    form: Form,
    /// Where the next record goes.
    end: u64,
    n_unsynced: usize,
    sync_every: usize,
}

pub(super) const CHECK_BYTES: usize = 8;

impl Records {
    /// Opens or creates the file at `path`, and gives `each` the content of every sound record with its place.
    /// `sync_every`: records that a power failure may cost.
    pub(super) fn open(
        path: &Path,
        form: Form,
        sync_every: usize,
        each: impl FnMut(&[u8], u64),
    ) -> std::io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        let mut records = Self {
            file,
            form,
            end: 0,
            n_unsynced: 0,
            sync_every,
        };
        if !records.read(each)? {
            if records.file.metadata()?.len() > 0 {
                tracing::info!(journal = %path.display(), "{}", records.form.emptied);
            }
            records.empty()?;
        }
        Ok(records)
    }

    /// Whether the file has this header; then its records are read.
    fn read(&mut self, mut each: impl FnMut(&[u8], u64)) -> std::io::Result<bool> {
        let end = self.form.read(&self.file, |content, place| {
            each(content, place);
            Ok(())
        })?;
        let Some(end) = end else {
            return Ok(false);
        };
        self.end = end;
        // What follows is a record that a killed build did not finish.
        self.file.set_len(end)?;
        Ok(true)
    }

    /// What the records are.
    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    fn empty(&mut self) -> std::io::Result<()> {
        let header = self.form.whole_header();
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.sync_all()?;
        self.end = header.len() as u64;
        Ok(())
    }

    /// Adds a record and gives its place.
    pub(super) fn append(&mut self, content: &[u8]) -> std::io::Result<u64> {
        if content.len() != self.form.content_bytes {
            return Err(std::io::Error::other(format!(
                "a record of {} bytes, not {}",
                content.len(),
                self.form.content_bytes
            )));
        }
        let record = self.form.record(content);
        let place = self.end;
        self.file.seek(SeekFrom::Start(place))?;
        self.file.write_all(&record)?;
        self.end += record.len() as u64;
        self.n_unsynced += 1;
        if self.n_unsynced >= self.sync_every {
            self.sync()?;
        }
        Ok(place)
    }

    /// Fills `bytes` from this place of the file.
    pub(super) fn read_at(&mut self, place: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(place))?;
        self.file.read_exact(bytes)
    }

    /// Makes all records survive a power failure.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.n_unsynced = 0;
        self.file.sync_data()
    }
}

impl Form {
    /// Gives `each` the content of every sound record of `file` with its place, and then says where the records end;
    /// `None` if the file has another header.
    pub(super) fn read(
        &self,
        file: &File,
        mut each: impl FnMut(&[u8], u64) -> std::io::Result<()>,
    ) -> std::io::Result<Option<u64>> {
        let header = self.whole_header();
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let mut found = vec![0u8; header.len()];
        if !read_whole(&mut reader, &mut found)? || found != header {
            return Ok(None);
        }
        let mut record = vec![0u8; self.content_bytes + CHECK_BYTES];
        let mut end = header.len() as u64;
        while read_whole(&mut reader, &mut record)? {
            let (content, check) = record.split_at(self.content_bytes);
            if self.check(content) == check {
                each(content, end)?;
            }
            end += record.len() as u64;
        }
        Ok(Some(end))
    }

    /// A record as it stands in the file.
    pub(super) fn record(&self, content: &[u8]) -> Vec<u8> {
        [content, &self.check(content)].concat()
    }

    /// The beginning of the file.
    pub(super) fn whole_header(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.check(&self.header)].concat()
    }

    /// First bytes of a hash over the salt and `content`.
    fn check(&self, content: &[u8]) -> [u8; CHECK_BYTES] {
        let mut hash = Blake2b::<U20>::new();
        hash.update(&self.salt);
        hash.update(content);
        let hash = hash.finalize();
        hash[..CHECK_BYTES]
            .try_into()
            .expect("20 bytes begin with 8")
    }
}

/// Fills `buffer`, or says that the file ends before.
fn read_whole(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

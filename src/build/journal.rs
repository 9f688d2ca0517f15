//! The build journal: finished vectors, kept as they come, so that a build can be cut off anywhere.
//!
//! A header that names what the vectors depend on, then records of one length: image id, vector in
//! `f32`, check. The precision of `features.npy` is not part of it, because rounding comes last. The
//! file can be deleted at any time; the next build then encodes all images anew.

use crate::embedding::Embedding;
use anyhow::Context;
use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The bytes of an image id.
pub(super) type Id = [u8; 20];

/// What every vector of a journal depends on besides its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Fingerprint of the model and of all that is done to pixels.
    pub(super) model: [u8; 20],
    /// Components of a vector.
    pub(super) width: u32,
    /// Width of the images that are requested.
    pub(super) image_width_px: u32,
}

/// Finished vectors by image id.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    key: Key,
    /// Where the next record goes.
    end: u64,
    /// Where the vector of an image stands.
    places: HashMap<Id, u64>,
    n_unsynced: usize,
    sync_every: usize,
}

/// The digit changes with what is done to pixels and does not show on the probe: since 2, pictures are turned
/// upright and 16-bit grey is scaled.
const MAGIC: &[u8; 8] = b"CLIPJRN2";
const CHECK_BYTES: usize = 8;
const HEADER_BYTES: usize = MAGIC.len() + 20 + 4 + 4 + CHECK_BYTES;

impl Journal {
    /// Opens or creates the journal at `path`. One that was made under another key is emptied;
    /// damaged records are left out. `sync_every`: records that a power failure may cost.
    pub(super) fn open(path: &Path, key: Key, sync_every: usize) -> anyhow::Result<Self> {
        Self::try_open(path, key, sync_every)
            .with_context(|| format!("the journal {} cannot be used", path.display()))
    }

    fn try_open(path: &Path, key: Key, sync_every: usize) -> std::io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        let mut journal = Self {
            file,
            key,
            end: 0,
            places: HashMap::new(),
            n_unsynced: 0,
            sync_every,
        };
        let header = journal.key.header();
        let mut reader = BufReader::with_capacity(1 << 18, &journal.file);
        let mut found = [0u8; HEADER_BYTES];
        let is_ours = read_whole(&mut reader, &mut found)? && found == *header;
        if is_ours {
            let mut record = vec![0u8; journal.key.record_bytes()];
            let mut end = HEADER_BYTES as u64;
            while read_whole(&mut reader, &mut record)? {
                let (content, check) = record.split_at(record.len() - CHECK_BYTES);
                if journal.key.check(content) == check {
                    let id = content[..20].try_into().expect("20 bytes");
                    journal.places.insert(id, end + 20);
                }
                end += record.len() as u64;
            }
            journal.end = end;
            // What follows is a record that a killed build did not finish.
            journal.file.set_len(end)?;
        } else {
            if journal.file.metadata()?.len() > 0 {
                tracing::info!(
                    journal = %path.display(),
                    "the journal is of another model, image width or version of this program; all images are encoded anew"
                );
            }
            journal.file.set_len(0)?;
            journal.file.seek(SeekFrom::Start(0))?;
            journal.file.write_all(&header)?;
            journal.file.sync_all()?;
            journal.end = HEADER_BYTES as u64;
        }
        Ok(journal)
    }

    /// Components of a vector.
    pub(super) fn width(&self) -> usize {
        self.key.width as usize
    }

    /// Width of the images that are requested.
    pub(super) fn image_width_px(&self) -> u32 {
        self.key.image_width_px
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.places.contains_key(id)
    }

    /// Adds the vector of an image.
    pub(super) fn append(&mut self, id: Id, embedding: &Embedding) -> std::io::Result<()> {
        let mut record = Vec::with_capacity(self.key.record_bytes());
        record.extend(id);
        record.extend(embedding.as_slice().iter().flat_map(|x| x.to_le_bytes()));
        record.extend(self.key.check(&record));
        if record.len() != self.key.record_bytes() {
            return Err(std::io::Error::other(format!(
                "the model gave a vector of {} components, not {}",
                embedding.width(),
                self.key.width
            )));
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&record)?;
        self.places.insert(id, self.end + 20);
        self.end += record.len() as u64;
        self.n_unsynced += 1;
        if self.n_unsynced >= self.sync_every {
            self.sync()?;
        }
        Ok(())
    }

    /// Makes all records survive a power failure.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.n_unsynced = 0;
        self.file.sync_data()
    }

    /// The vector of an image, if it is known.
    pub(super) fn get(&mut self, id: &Id) -> std::io::Result<Option<Vec<f32>>> {
        let Some(place) = self.places.get(id) else {
            return Ok(None);
        };
        let mut bytes = vec![0u8; self.key.vector_bytes()];
        self.file.seek(SeekFrom::Start(*place))?;
        self.file.read_exact(&mut bytes)?;
        let vector = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
        Ok(Some(vector.collect()))
    }
}

impl Key {
    fn header(&self) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend(self.model);
        header.extend(self.width.to_le_bytes());
        header.extend(self.image_width_px.to_le_bytes());
        header.extend(self.check(&header));
        header
    }

    /// First bytes of a hash over the key and `content`: a record of another journal, left behind
    /// on the disk by the file system, is no record of this one.
    fn check(&self, content: &[u8]) -> [u8; CHECK_BYTES] {
        let mut hash = Blake2b::<U20>::new();
        hash.update(self.model);
        hash.update(self.image_width_px.to_le_bytes());
        hash.update(content);
        let hash = hash.finalize();
        hash[..CHECK_BYTES]
            .try_into()
            .expect("20 bytes begin with 8")
    }

    fn vector_bytes(&self) -> usize {
        self.width as usize * size_of::<f32>()
    }

    fn record_bytes(&self) -> usize {
        20 + self.vector_bytes() + CHECK_BYTES
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn key() -> Key {
        Key {
            model: [7; 20],
            width: 2,
            image_width_px: 640,
        }
    }

    fn embedding(n: u8) -> Embedding {
        Embedding::new(vec![f32::from(n), 1.0]).unwrap()
    }

    /// The ids among 0..10 that a journal knows, after checking that their vectors are right.
    fn known(path: &Path, key: Key) -> Vec<u8> {
        let mut journal = Journal::open(path, key, 4).unwrap();
        (0..10)
            .filter(|n| match journal.get(&[*n; 20]).unwrap() {
                Some(vector) => {
                    assert_eq!(vector, embedding(*n).as_slice());
                    true
                }
                None => false,
            })
            .collect()
    }

    fn journal_of_three(path: &Path) {
        let mut journal = Journal::open(path, key(), 4).unwrap();
        for n in 0..3 {
            journal.append([n; 20], &embedding(n)).unwrap();
        }
    }

    #[test]
    fn a_cut_off_file_keeps_its_whole_records_and_can_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        journal_of_three(&path);
        let whole = fs::read(&path).unwrap();
        let record = key().record_bytes();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let n_whole = length.saturating_sub(HEADER_BYTES) / record;
            let expected: Vec<u8> = [0, 1, 2][..n_whole].to_vec();
            assert_eq!(known(&path, key()), expected, "{length} bytes");
            Journal::open(&path, key(), 4)
                .unwrap()
                .append([9; 20], &embedding(9))
                .unwrap();
            assert_eq!(
                known(&path, key()),
                [expected, vec![9]].concat(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_flipped_bit_costs_one_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        journal_of_three(&path);
        let whole = fs::read(&path).unwrap();
        let record = key().record_bytes();
        for at in HEADER_BYTES..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, damaged).unwrap();
            let lost = u8::try_from((at - HEADER_BYTES) / record).unwrap();
            let expected: Vec<u8> = (0..3).filter(|n| *n != lost).collect();
            assert_eq!(known(&path, key()), expected, "byte {at}");
        }
    }

    #[test]
    fn vectors_of_another_model_or_width_are_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        for other in [
            Key {
                model: [8; 20],
                ..key()
            },
            Key {
                image_width_px: 320,
                ..key()
            },
        ] {
            journal_of_three(&path);
            assert_eq!(known(&path, key()), [0, 1, 2]);
            assert!(known(&path, other).is_empty());
            assert!(known(&path, key()).is_empty(), "emptied for the other key");
        }
    }

    #[test]
    fn a_vector_of_the_wrong_width_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&dir.path().join("journal"), key(), 4).unwrap();
        let wide = Embedding::new(vec![1.0; 3]).unwrap();
        assert!(journal.append([0; 20], &wide).is_err());
        assert!(!journal.contains(&[0; 20]));
    }
}

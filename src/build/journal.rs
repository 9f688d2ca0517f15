//! The build journal: finished vectors, kept as they come, so that a build can be cut off anywhere.
//!
//! Its records are image id and vector in `f32`; its header names what the vectors depend on. The precision of
//! `features.npy` is not part of it, because rounding comes last. The file can be deleted at any time; the next
//! build then encodes all images anew.

use super::records::{Form, Records};
use crate::collection::requested::Requested;
use crate::embedding::Embedding;
use anyhow::Context;
use std::collections::HashMap;
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
    /// Which pictures of the images are requested.
    pub(super) requested: Requested,
}

/// Finished vectors by image id.
#[derive(Debug)]
pub(super) struct Journal {
    records: Records,
    key: Key,
    /// Where the record of an image begins.
    places: HashMap<Id, u64>,
}

/// The digit changes with what is done to pixels and does not show on the probe: since 2, pictures are turned
/// upright and 16-bit grey is scaled.
const MAGIC: &[u8; 8] = b"CLIPJRN2";
const ID_BYTES: usize = size_of::<Id>();

impl Journal {
    /// Opens or creates the journal at `path`. One that was made under another key is emptied;
    /// damaged records are left out. `sync_every`: records that a power failure may cost.
    pub(super) fn open(path: &Path, key: Key, sync_every: usize) -> anyhow::Result<Self> {
        let mut places = HashMap::new();
        let records = Records::open(path, key.form(), sync_every, |content, place| {
            let (id, _) = content.split_first_chunk().expect("records begin with ids");
            places.insert(*id, place);
        })
        .with_context(|| format!("the journal {} cannot be used", path.display()))?;
        Ok(Self {
            records,
            key,
            places,
        })
    }

    /// Components of a vector.
    pub(super) fn width(&self) -> usize {
        self.key.width as usize
    }

    /// Which pictures of the images are requested.
    pub(super) fn requested(&self) -> Requested {
        self.key.requested
    }

    /// What its records are.
    pub(super) fn form(&self) -> &Form {
        self.records.form()
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.places.contains_key(id)
    }

    /// Where the vector of an image lies; a later one of the same image lies elsewhere.
    pub(super) fn place(&self, id: &Id) -> Option<u64> {
        self.places.get(id).copied()
    }

    /// Acts as if there were no vector of an image, until it is added.
    pub(super) fn forget(&mut self, id: &Id) {
        self.places.remove(id);
    }

    /// Adds the vector of an image.
    pub(super) fn append(&mut self, id: Id, embedding: &Embedding) -> std::io::Result<()> {
        if embedding.width() != self.width() {
            return Err(std::io::Error::other(format!(
                "the model gave a vector of {} components, not {}",
                embedding.width(),
                self.key.width
            )));
        }
        let mut content = id.to_vec();
        content.extend(embedding.as_slice().iter().flat_map(|x| x.to_le_bytes()));
        let place = self.records.append(&content)?;
        self.places.insert(id, place);
        Ok(())
    }

    /// Makes all records survive a power failure.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.records.sync()
    }

    /// The vector of an image, if it is known.
    pub(super) fn get(&mut self, id: &Id) -> std::io::Result<Option<Vec<f32>>> {
        let Some(place) = self.places.get(id) else {
            return Ok(None);
        };
        let mut bytes = vec![0u8; self.key.vector_bytes()];
        self.records.read_at(place + ID_BYTES as u64, &mut bytes)?;
        let vector = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
        Ok(Some(vector.collect()))
    }
}

impl Key {
    fn form(&self) -> Form {
        let mut header = MAGIC.to_vec();
        header.extend(self.model);
        header.extend(self.width.to_le_bytes());
        header.extend(self.requested.number().to_le_bytes());
        let mut salt = self.model.to_vec();
        salt.extend(self.requested.number().to_le_bytes());
        Form {
            header,
            salt,
            content_bytes: ID_BYTES + self.vector_bytes(),
            emptied: "the journal is of another model, size of pictures or version of this program; all images are encoded anew",
        }
    }

    fn vector_bytes(&self) -> usize {
        self.width as usize * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::CHECK_BYTES;
    use super::*;
    use std::fs;

    const HEADER_BYTES: usize = MAGIC.len() + 20 + 4 + 4 + CHECK_BYTES;

    fn record_bytes() -> usize {
        key().form().content_bytes + CHECK_BYTES
    }

    fn key() -> Key {
        Key {
            model: [7; 20],
            width: 2,
            requested: Requested::Width(640),
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
        let record = record_bytes();
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
        let record = record_bytes();
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
                requested: Requested::Width(320),
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

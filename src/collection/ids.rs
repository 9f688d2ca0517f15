//! The ids of the images, by row.

use super::names::Names;
use super::row_of::RowOf;
use crate::image_id::{from_hex, hex};
use std::hash::{BuildHasher, RandomState};

/// The ids of a collection: 20 bytes each where all are image ids, and texts where a collection has others.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    names: IdNames,
    row_of: RowOf,
    hash: RandomState,
}

#[derive(Debug, Clone)]
enum IdNames {
    Digests(Vec<[u8; 20]>),
    Texts(Names),
}

impl Ids {
    pub(super) fn of_digests(digests: Vec<[u8; 20]>) -> Self {
        let numbers: Vec<u64> = digests.iter().map(first_bytes).collect();
        Self {
            row_of: RowOf::new(&numbers),
            names: IdNames::Digests(digests),
            hash: RandomState::new(),
        }
    }

    pub(super) fn of_texts(texts: &[String]) -> Self {
        if let Some(digests) = texts.iter().map(|text| digest(text.as_bytes())).collect() {
            return Self::of_digests(digests);
        }
        let hash = RandomState::new();
        let numbers: Vec<u64> = texts.iter().map(|text| hash.hash_one(text)).collect();
        let mut names = Names::default();
        for text in texts {
            names.push(text);
        }
        names.shrink();
        Self {
            row_of: RowOf::new(&numbers),
            names: IdNames::Texts(names),
            hash,
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.names {
            IdNames::Digests(digests) => digests.len(),
            IdNames::Texts(names) => names.len(),
        }
    }

    pub(super) fn get(&self, row: usize) -> String {
        match &self.names {
            IdNames::Digests(digests) => hex(&digests[row]),
            IdNames::Texts(names) => names.get(row),
        }
    }

    pub(super) fn is(&self, row: usize, id: &str) -> bool {
        match &self.names {
            IdNames::Digests(digests) => digest(id.as_bytes()) == Some(digests[row]),
            IdNames::Texts(names) => names.is(row, id),
        }
    }

    /// Whether an id stands in two rows.
    pub(super) fn has_duplicates(&self) -> bool {
        match &self.names {
            IdNames::Digests(digests) => (self.row_of).any_two(|a, b| digests[a] == digests[b]),
            IdNames::Texts(names) => (self.row_of).any_two(|a, b| names.is(a, &names.get(b))),
        }
    }

    /// The first row with this id.
    pub(super) fn row_of(&self, id: &str) -> Option<usize> {
        match &self.names {
            IdNames::Digests(_) => self.row_of_digest(&digest(id.as_bytes())?),
            IdNames::Texts(names) => (self.row_of)
                .candidates(self.hash.hash_one(id))
                .find(|row| names.is(*row, id)),
        }
    }

    /// The first row whose id has these bytes.
    pub(super) fn row_of_digest(&self, digest: &[u8; 20]) -> Option<usize> {
        match &self.names {
            IdNames::Digests(digests) => (self.row_of)
                .candidates(first_bytes(digest))
                .find(|row| digests[*row] == *digest),
            IdNames::Texts(_) => self.row_of(&hex(digest)),
        }
    }

    /// Whether the id in `row` has these bytes.
    pub(super) fn is_digest(&self, row: usize, digest: &[u8; 20]) -> bool {
        match &self.names {
            IdNames::Digests(digests) => digests.get(row) == Some(digest),
            IdNames::Texts(names) => row < names.len() && names.is(row, &hex(digest)),
        }
    }
}

/// The bytes of an id that is written as image ids are. Another way to write the same digits is another id.
pub(super) fn digest(id: &[u8]) -> Option<[u8; 20]> {
    let digest = from_hex(id)?;
    let has_capitals = (id.iter()).fold(false, |has, byte| has | byte.is_ascii_uppercase());
    (!has_capitals).then_some(digest)
}

/// A digest is as good as a random number.
fn first_bytes(digest: &[u8; 20]) -> u64 {
    let (first, _) = digest.split_first_chunk().expect("20 bytes begin with 8");
    u64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_id::image_id;

    #[test]
    fn ids_are_found_as_they_are_written() {
        let digests = vec![image_id("a"), image_id("b")];
        let mut others = digests.clone();
        others.push("Bild 3".to_owned());
        others.push(image_id("c").to_uppercase());
        for texts in [digests, others] {
            let ids = Ids::of_texts(&texts);
            assert_eq!(ids.len(), texts.len());
            for (row, text) in texts.iter().enumerate() {
                assert_eq!(ids.get(row), *text);
                assert_eq!(ids.row_of(text), Some(row));
                assert!(ids.is(row, text));
                assert!(!ids.is((row + 1) % texts.len(), text));
            }
            let of_b = crate::image_id::digest("b");
            assert_eq!(ids.row_of_digest(&of_b), Some(1));
            assert!(ids.is_digest(1, &of_b) && !ids.is_digest(0, &of_b));
            assert!(!ids.is_digest(9, &of_b));
            assert!(!ids.has_duplicates());
            let twice = [texts.as_slice(), &texts[1..2]].concat();
            assert!(Ids::of_texts(&twice).has_duplicates());
            for unknown in ["", "x", &image_id("a").to_uppercase(), &image_id("d")] {
                assert_eq!(ids.row_of(unknown), None, "{unknown}");
            }
        }
    }
}

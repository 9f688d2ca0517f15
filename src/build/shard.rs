//! One of the parts that a build is divided into: [`Shard`].

use crate::image_id;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The part `number` of `of` parts, as `2/7`.
///
/// Which part an image is in depends on its id alone, so that no order of rows and no other image moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: NonZeroU32,
    of: NonZeroU32,
}

impl Shard {
    /// Counted from 1.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number.get()
    }

    /// Parts in all.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of.get()
    }

    /// All `of` parts.
    pub fn all(of: NonZeroU32) -> impl Iterator<Item = Self> {
        (1..=of.get()).filter_map(move |number| {
            let number = NonZeroU32::new(number)?;
            Some(Self { number, of })
        })
    }

    /// Whether the image with this id is in the part: the first 8 bytes, as a big-endian number, modulo the number
    /// of parts count from the first part on.
    #[must_use]
    pub fn has(self, id: &[u8; 20]) -> bool {
        let first = id.first_chunk().expect("20 bytes begin with 8");
        u64::from_be_bytes(*first) % u64::from(self.of()) == u64::from(self.number() - 1)
    }

    /// Whether a row of the input that names no image is in the part: `cell` stands where its URL should.
    #[must_use]
    pub fn has_cell(self, cell: &str) -> bool {
        self.has(&image_id::digest(cell))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("{text} is no shard; write 2/7 for the second of seven, counted from 1");
        let (number, of) = text.split_once('/').ok_or_else(bad)?;
        let parse = |number: &str| number.trim().parse::<NonZeroU32>().map_err(|_| bad());
        let (number, of) = (parse(number)?, parse(of)?);
        (number <= of)
            .then_some(Self { number, of })
            .ok_or_else(bad)
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_number_of_a_number() {
        for (text, number, of) in [("1/1", 1, 1), ("2/7", 2, 7), (" 7 / 7 ", 7, 7)] {
            let shard: Shard = text.parse().unwrap();
            assert_eq!((shard.number(), shard.of()), (number, of));
        }
        for text in [
            "",
            "1",
            "0/3",
            "4/3",
            "1/0",
            "-1/3",
            "1/3/5",
            "a/b",
            "1/4294967296",
        ] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(error.contains("counted from 1"), "{error}");
        }
    }

    #[test]
    fn every_image_is_in_one_part() {
        let of = NonZeroU32::new(7).unwrap();
        let mut sizes = [0; 7];
        for n in 0..7000 {
            let id = image_id::digest(&format!("https://example.org/{n}"));
            let parts: Vec<_> = Shard::all(of).filter(|shard| shard.has(&id)).collect();
            assert_eq!(parts.len(), 1);
            sizes[parts[0].number() as usize - 1] += 1;
        }
        assert!(sizes.iter().all(|n| (850..1150).contains(n)), "{sizes:?}");
        // Where an image is must never change: shards of two versions of the program are put together.
        let id = [0, 0, 0, 0, 0, 0, 0, 9].into_iter().chain([255; 12]);
        let id: Vec<u8> = id.collect();
        let shard: Shard = "3/7".parse().unwrap();
        assert!(shard.has(&id.try_into().unwrap()));
    }
}

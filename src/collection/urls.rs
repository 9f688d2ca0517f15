//! The IIIF URLs of the images, by row.

use super::names::{Names, n_shared_bytes};
use super::row_of::RowOf;
use crate::iiif::{image_iri, path_begins};
use oxiri::Iri;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};

/// The IIIF URLs of a collection.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    names: Names,
    row_of: RowOf,
    hash: RandomState,
    /// Rows of the images whose URL is no IRI, which RDF cannot name.
    without_iri: HashSet<usize>,
    /// Schemes and hosts.
    authorities: BTreeSet<String>,
}

/// The URLs of some rows, one after the other; parts are made at the same time and then put together.
pub(super) struct Part {
    names: Names,
    numbers: Vec<u64>,
    hash: RandomState,
    without_iri: Vec<usize>,
    authorities: BTreeSet<String>,
    last: LastIri,
}

/// The last URL that was found to be an IRI.
#[derive(Default)]
struct LastIri {
    bytes: Vec<u8>,
    /// Where its authority has ended for certain: behind its third slash, if it has so many.
    path_at: Option<usize>,
    /// Where its letters begin that are not ASCII.
    ascii_until: usize,
}

impl Part {
    /// Parts of the same collection share a `hash`.
    pub(super) fn new(hash: &RandomState) -> Self {
        Self {
            names: Names::default(),
            numbers: Vec::new(),
            hash: hash.clone(),
            without_iri: Vec::new(),
            authorities: BTreeSet::new(),
            last: LastIri::default(),
        }
    }

    /// Adds the image at `url`, as it stands in a table.
    pub(super) fn push(&mut self, url: &str) {
        // Of most it is seen without parsing them.
        let iri = match self.last.is_like(url.as_bytes()) {
            true => Cow::Borrowed(url),
            false => self.look_at(url),
        };
        self.names.push(&iri);
        self.numbers.push(self.hash.hash_one(&*iri));
    }

    fn look_at<'a>(&mut self, url: &'a str) -> Cow<'a, str> {
        let iri = image_iri(url);
        if !self.authorities.contains(authority(&iri)) {
            self.authorities.insert(authority(&iri).to_owned());
        }
        if Iri::parse(&*iri).is_ok() {
            self.last.set(&iri);
        } else {
            self.without_iri.push(self.names.len());
        }
        iri
    }
}

/// What is before the path.
fn authority(url: &str) -> &str {
    &url[..path_begins(url)]
}

impl LastIri {
    fn set(&mut self, iri: &str) {
        self.bytes.clear();
        self.bytes.extend_from_slice(iri.as_bytes());
        let third_slash = iri
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'/')
            .nth(2);
        self.path_at = third_slash.map(|(at, _)| at + 1);
        self.ascii_until = iri
            .bytes()
            .position(|byte| !byte.is_ascii())
            .unwrap_or(iri.len());
    }

    /// Whether `url` is an IRI because this is one, of which it differs behind the authority alone, in characters that
    /// can stand wherever a path, a query or a fragment goes on.
    fn is_like(&self, url: &[u8]) -> bool {
        let n_shared = n_shared_bytes(&self.bytes, url);
        if self.path_at.is_none_or(|at| n_shared < at) || n_shared > self.ascii_until {
            return false;
        }
        // What is percent-encoded must not be cut.
        let (shared, rest) = url.split_at(n_shared);
        let is_cut = shared.iter().rev().take(2).any(|byte| *byte == b'%');
        !is_cut && rest.iter().all(|byte| GOES_ON[usize::from(*byte)])
    }
}

/// Letters, digits and others that an IRI has unencoded wherever it has any, and slashes.
static GOES_ON: [bool; 256] = {
    let mut goes_on = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        goes_on[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
        byte += 1;
    }
    goes_on
};

impl Urls {
    /// Of parts that follow each other; each but the last has a multiple of 16 rows.
    pub(super) fn of(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut names = Names::default();
        let mut numbers = Vec::new();
        let mut without_iri = HashSet::new();
        let mut authorities = BTreeSet::new();
        let mut hash = None;
        for part in parts {
            without_iri.extend(part.without_iri.iter().map(|row| names.len() + row));
            if names.len() == 0 {
                (names, numbers) = (part.names, part.numbers);
            } else {
                names.append(&part.names);
                numbers.extend(part.numbers);
            }
            authorities.extend(part.authorities);
            hash.get_or_insert(part.hash);
        }
        names.shrink();
        Self {
            row_of: RowOf::new(&numbers),
            names,
            hash: hash.unwrap_or_default(),
            without_iri,
            authorities,
        }
    }

    /// What the URLs have before their paths, each once.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &str> {
        self.authorities.iter().map(String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn get(&self, row: usize) -> String {
        self.names.get(row)
    }

    pub(super) fn has_iri(&self, row: usize) -> bool {
        !self.without_iri.contains(&row)
    }

    /// The first row with this URL.
    pub(super) fn row_of(&self, url: &str) -> Option<usize> {
        (self.row_of)
            .candidates(self.hash.hash_one(url))
            .find(|row| self.names.is(*row, url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The short way says what the parser says.
        #[test]
        fn iris_are_iris(
            urls in prop::collection::vec(
                "(http|ht|h~)(s|:)?(//|/|:)?(h|ä|\\[::1\\]|%)(:80|:x)?/?(a|%4|%|%41|ä|\\?|#|/| ){0,6}[a-z/.~ %]{0,3}",
                1..40,
            ),
        ) {
            let mut part = Part::new(&RandomState::new());
            for url in &urls {
                part.push(url);
            }
            let found = Urls::of([part]);
            for (row, url) in urls.iter().enumerate() {
                let iri = image_iri(url);
                prop_assert_eq!(&found.get(row), &*iri);
                prop_assert_eq!(found.has_iri(row), Iri::parse(&*iri).is_ok(), "{}", url);
                prop_assert_eq!(found.row_of(&iri), urls.iter().position(|other| image_iri(other) == iri));
                prop_assert!(found.authorities().any(|known| known == authority(&iri)));
            }
        }
    }

    #[test]
    fn most_iris_are_seen_at_a_glance() {
        let mut last = LastIri::default();
        last.set("https://iiif.example.org/2/img_1.jpg");
        assert!(last.is_like(b"https://iiif.example.org/2/img_23.jpg"));
        for url in [
            "https://iiif.example.com/2/img_1.jpg",
            "https://iiif.example.org/2/img 1.jpg",
        ] {
            assert!(!last.is_like(url.as_bytes()), "{url}");
        }
    }

    #[test]
    fn the_first_of_equal_urls_is_found() {
        let mut part = Part::new(&RandomState::new());
        for url in ["http://h/b", "http://h/a", "x y", "http://h/a"] {
            part.push(url);
        }
        let urls = Urls::of([part]);
        assert_eq!(urls.row_of("http://h/a"), Some(1));
        assert_eq!(urls.row_of("http://h/c"), None);
        assert_eq!(urls.row_of("x%20y"), Some(2));
        assert_eq!(
            [0, 1, 2, 3].map(|row| urls.has_iri(row)),
            [true, true, false, true]
        );
    }
}

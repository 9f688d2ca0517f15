//! What is known of a stream from all that was read of it.

use super::reading::Changes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The manifests and collections of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Those that there are, each with a word that is another when it has changed.
    pub documents: BTreeMap<String, String>,
    /// Those that there were: collections may still name them.
    pub gone: BTreeSet<String>,
    /// Whether the stream has told of something that is gone, or of something twice.
    pub has_events: bool,
}

impl Known {
    /// Takes note of `changes`. `is_complete`: nothing of the stream was missing. `run` is the word for what has
    /// changed at a time that the stream does not tell: it is taken as changed whenever it is read about.
    pub fn apply(&mut self, changes: Changes, is_complete: bool, run: &str) {
        let is_all = changes.is_all(is_complete);
        let included = (changes.included.into_iter())
            .map(|(id, version)| (id, version.unwrap_or_else(|| run.to_owned())));
        if is_all {
            self.documents.clear();
            self.has_events = false;
        }
        self.documents.retain(|id, _| !changes.removed.contains(id));
        self.gone.extend(changes.removed);
        for (id, version) in included {
            self.gone.remove(&id);
            self.documents.insert(id, version);
        }
        self.has_events |= changes.has_events;
    }

    /// Length of all names and words, in bytes.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        let documents = self.documents.iter();
        let documents = documents.map(|(id, version)| id.len() + version.len());
        documents.sum::<usize>() + self.gone.iter().map(String::len).sum::<usize>()
    }

    /// Whether something may be gone that the stream does not tell of: it is a plain list, and has not as many
    /// entries, `total`, as there are documents.
    #[must_use]
    pub fn may_have_lost(&self, total: Option<u64>) -> bool {
        let n_known = u64::try_from(self.documents.len()).unwrap_or(u64::MAX);
        !self.has_events && total != Some(n_known)
    }
}

impl Changes {
    /// Whether these are all documents that there are, so that others are gone: the stream was read from its
    /// beginning, or has no times (level 0) so that it was read whole. A stream that says nothing takes nothing away.
    fn is_all(&self, is_complete: bool) -> bool {
        is_complete && self.n_activities > 0 && (self.since.is_none() || self.n_timed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::moment::Moment;
    use super::*;

    fn changes(
        since: Option<&str>,
        included: &[(&str, Option<&str>)],
        removed: &[&str],
    ) -> Changes {
        Changes {
            since: since.and_then(Moment::parse),
            included: (included.iter())
                .map(|(id, version)| ((*id).to_owned(), version.map(str::to_owned)))
                .collect(),
            removed: removed.iter().map(|id| (*id).to_owned()).collect(),
            n_activities: included.len() + removed.len(),
            n_timed: included
                .iter()
                .filter(|(_, version)| version.is_some())
                .count(),
            has_events: !removed.is_empty(),
            ..Changes::default()
        }
    }

    fn told(known: &Known) -> String {
        let documents = known
            .documents
            .iter()
            .map(|(id, version)| format!("{id}{version}"));
        let gone = known.gone.iter().map(|id| format!("-{id}"));
        documents.chain(gone).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn increments_add_up() {
        let since = Some("2026-01-01");
        let mut known = Known::default();
        known.apply(
            changes(None, &[("a", Some("1")), ("b", Some("1"))], &[]),
            true,
            "r",
        );
        assert_eq!(told(&known), "a1 b1");
        assert!(!known.may_have_lost(Some(2)) && known.may_have_lost(Some(1)));
        known.apply(
            changes(since, &[("b", Some("2")), ("c", Some("2"))], &["a", "x"]),
            true,
            "r",
        );
        assert_eq!(told(&known), "b2 c2 -a -x");
        assert!(!known.may_have_lost(Some(9)), "it tells what is gone");
        known.apply(changes(since, &[("a", Some("3"))], &[]), true, "r");
        assert_eq!(told(&known), "a3 b2 c2 -x");
        known.apply(changes(since, &[], &[]), true, "r");
        assert_eq!(told(&known), "a3 b2 c2 -x");
    }

    #[test]
    fn a_whole_list_replaces_what_was_known_and_a_part_of_one_does_not() {
        let mut known = Known::default();
        known.apply(changes(None, &[("a", None), ("b", None)], &[]), true, "1");
        assert_eq!(told(&known), "a1 b1");
        known.apply(changes(None, &[("c", None)], &[]), false, "2");
        assert_eq!(told(&known), "a1 b1 c2", "a page was missing");
        known.apply(changes(None, &[("b", None), ("c", None)], &[]), true, "3");
        assert_eq!(told(&known), "b3 c3");
        // A stream that has lost its times.
        known.apply(changes(Some("2026-01-01"), &[("d", None)], &[]), true, "4");
        assert_eq!(told(&known), "d4");
        known.apply(changes(None, &[], &[]), true, "5");
        assert_eq!(told(&known), "d4", "it says nothing at all");
    }
}

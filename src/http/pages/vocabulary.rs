//! The terms of `ontology/clip.ttl` with their comments, which the workbench completes.

use crate::vocab::NAMESPACE;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A term.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    /// With its prefix.
    term: String,
    /// In English, as all of the ontology's.
    comment: String,
}

/// All terms that have a comment, in the order of their names.
pub(super) fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let comments: BTreeMap<String, String> =
            crate::store::comments(include_str!("../../../ontology/clip.ttl"))
                .into_iter()
                .filter_map(|(term, comment)| {
                    let name = term.strip_prefix(NAMESPACE)?;
                    (!name.is_empty()).then(|| (format!("clip:{name}"), comment))
                })
                .collect();
        let entries = comments.into_iter();
        entries
            .map(|(term, comment)| Entry { term, comment })
            .collect()
    });
    &ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::Property;

    #[test]
    fn every_property_is_there_with_its_comment() {
        for property in Property::ALL {
            let term = format!("clip:{}", property.local_name());
            let entry = entries().iter().find(|entry| entry.term == term);
            assert!(
                entry.is_some_and(|entry| !entry.comment.is_empty()),
                "{term}"
            );
        }
        assert!(
            entries()
                .iter()
                .any(|entry| entry.term == "clip:similarity")
        );
    }
}

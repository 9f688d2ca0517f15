//! Queries to try: those of `examples/` and `queries/`, with what their comments say.

use super::operator::Example;

/// The text of an example with its file's name.
macro_rules! carry {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../examples/", $name)))
    };
}

/// The queries of `examples/`, all of which the workbench of the examples' collection can run; a test holds the list
/// against the folder.
const CARRIED: [(&str, &str); 11] = [
    carry!("construct.rq"),
    carry!("exclude.rq"),
    carry!("federated.rq"),
    carry!("like-a-group.rq"),
    carry!("metadata-join.rq"),
    carry!("pairs.rq"),
    carry!("query-url.rq"),
    carry!("similar-to.rq"),
    carry!("similarity.rq"),
    carry!("text.rq"),
    carry!("zero-shot.rq"),
];

/// What the program carries, in the order of names.
pub(super) fn carried() -> Vec<Example> {
    CARRIED
        .iter()
        .map(|(name, query)| Example::of_query(name, query))
        .collect()
}

impl Example {
    /// A query whose first lines are a comment: a sentence that is its title, and what to expect.
    #[must_use]
    pub fn of_query(file_name: &str, query: &str) -> Self {
        let comment: Vec<&str> = (query.lines())
            .map_while(|line| line.strip_prefix('#'))
            .map(str::trim)
            .collect();
        let paragraphs = comment.split(|line| line.is_empty());
        let mut paragraphs = paragraphs
            .map(|lines| lines.join(" "))
            .filter(|text| !text.is_empty());
        let first = paragraphs.next().unwrap_or_default();
        let end = (first.find(['?', '.']))
            .filter(|end| first[end + 1..].starts_with(' ') || *end + 1 == first.len());
        let (title, rest) = match end {
            Some(end) => first.split_at(end + 1),
            None => (first.as_str(), ""),
        };
        let rest = std::iter::once(rest.trim().to_owned()).chain(paragraphs);
        let name = file_name.rsplit('/').next().unwrap_or(file_name);
        let name = name.trim_end_matches(".rq").to_owned();
        Self {
            title: if title.is_empty() {
                name.clone()
            } else {
                title.trim_end_matches('.').to_owned()
            },
            name,
            comment: rest
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join("\n"),
            query: query.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_titles() {
        let example = Example::of_query(
            "queries/1-ships.rq",
            "# Ships before 1850. Two\n# lines.\n#\n# Expect rows.\nSELECT * {}\n# not this\n",
        );
        assert_eq!(example.name, "1-ships");
        assert_eq!(example.title, "Ships before 1850");
        assert_eq!(example.comment, "Two lines.\nExpect rows.");
        let bare = Example::of_query("a.rq", "ASK {}");
        assert_eq!((bare.title.as_str(), bare.comment.as_str()), ("a", ""));
    }

    #[test]
    fn every_example_of_the_repository_is_carried_with_title_and_comment() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".rq"))
            .collect();
        names.sort();
        assert_eq!(names, CARRIED.map(|(name, _)| name));
        for example in carried() {
            assert!(example.title.len() > 20, "{example:?}");
            assert!(!example.comment.is_empty(), "{example:?}");
        }
    }
}

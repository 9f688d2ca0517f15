//! Failures of one kind under one heading, with what helps; pure.

use crate::build::failures::{Failure, Stage};
use crate::build::tally::origin;
use serde::Serialize;
use std::collections::BTreeMap;

/// Failures that have one cause as far as can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// What could not be done.
    pub stage: Stage,
    /// The reason, without what differs from image to image.
    pub reason: String,
    /// What helps.
    pub remedy: &'static str,
    /// Images.
    pub count: usize,
    /// Images by host, most first.
    pub hosts: Vec<(String, usize)>,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A failure as `failures.csv` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Row of the input.
    pub row: usize,
    /// The URL.
    pub url: String,
    /// The reason.
    pub reason: String,
}

const MAX_EXAMPLES: usize = 5;
const MAX_HOSTS: usize = 10;

/// What helps, by words of the reason; the first that fits counts.
const REMEDIES: [(&[&str], &str); 14] = [
    (
        &["behind a login", " answered 401", " answered 403"],
        "The server wants to know who asks: give what opens it with --header, or ask the institution for open access.",
    ),
    (
        &["--allow-fetch"],
        "The address is not public: name its host with --allow-fetch if it is one of yours.",
    ),
    (
        &["robots.txt"],
        "The institution does not want these to be crawled: ask it, and go on with --robots no if it agrees.",
    ),
    (
        &["without info.json it is not known"],
        "info.json did not come: run the same command again later, or build with --image-width 640, which does not need it.",
    ),
    (
        &[" answered 404", " answered 410", "no such file"],
        "The server has no such image: correct the URLs, or take the rows out.",
    ),
    (
        &[" answered 429", " answered 503", " answered 509"],
        "The server is busy: run the same command again later; what is done is kept.",
    ),
    (
        &[" answered 5"],
        "The server fails at these: tell its operators, and run the same command again later.",
    ),
    (
        &["did not arrive within"],
        "The server is slow: run the same command again later, or with a longer --image-timeout.",
    ),
    (
        &[
            "cannot be found",
            "cannot be fetched",
            "given up",
            "does not answer",
        ],
        "The host cannot be reached: check its name and your network, and run the same command again.",
    ),
    (
        &["pixels, more than the limit"],
        "The picture is larger than allowed: raise --max-megapixels.",
    ),
    (
        &["is longer than"],
        "The file is larger than allowed: ask for a smaller picture with --image-width.",
    ),
    (
        &["looks like HTML", "not an image in a known format"],
        "The server sent something else than a picture, often a page that explains why: open the URL in a browser.",
    ),
    (
        &["cannot be decoded"],
        "The picture is damaged or of a kind that is not known: open it in a browser, and tell who keeps it.",
    ),
    (
        &["the same image as in row", "the cell is empty"],
        "Nothing is lost: the row names no image, or one that another row names.",
    ),
];

const OTHERWISE: &str = "failures.csv has the whole reason of each.";

/// The kinds of `failures`, most frequent first.
pub(super) fn kinds<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> Vec<Kind> {
    let mut groups: BTreeMap<(Stage, String), Vec<&Failure>> = BTreeMap::new();
    for failure in failures {
        let key = (failure.stage, general(failure));
        groups.entry(key).or_default().push(failure);
    }
    let mut kinds: Vec<Kind> = (groups.into_iter())
        .map(|((stage, reason), failures)| kind(stage, reason, &failures))
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    kinds
}

fn kind(stage: Stage, reason: String, failures: &[&Failure]) -> Kind {
    let mut by_host: BTreeMap<String, usize> = BTreeMap::new();
    for failure in failures {
        *by_host.entry(origin(&failure.url)).or_default() += 1;
    }
    let mut hosts: Vec<(String, usize)> = by_host.into_iter().collect();
    hosts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    hosts.truncate(MAX_HOSTS);
    let remedy = (REMEDIES.iter())
        .find(|(words, _)| (words.iter()).any(|words| failures[0].reason.contains(words)))
        .map_or(OTHERWISE, |(_, remedy)| remedy);
    Kind {
        stage,
        reason,
        remedy,
        count: failures.len(),
        hosts,
        examples: (failures.iter().take(MAX_EXAMPLES))
            .map(|failure| Example {
                row: failure.row,
                url: failure.url.clone(),
                reason: failure.reason.clone(),
            })
            .collect(),
    }
}

/// The reason with `…` for URLs and for the numbers of pixels, bytes and rows; those of a status stay.
fn general(failure: &Failure) -> String {
    let reason = match failure.url.is_empty() {
        true => failure.reason.clone(),
        false => failure.reason.replace(&failure.url, "…"),
    };
    let words = reason.split(' ').scan(false, |is_status, word| {
        let was_status = std::mem::replace(is_status, word == "answered");
        Some(match word {
            word if word.contains("://") || word.starts_with('…') => "…",
            word if !was_status && word.chars().any(|c| c.is_ascii_digit()) => "…",
            word => word,
        })
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(row: usize, url: &str, stage: Stage, reason: &str) -> Failure {
        Failure::new(row, url, stage, reason)
    }

    #[test]
    fn what_has_one_cause_stands_under_one_heading() {
        use Stage::{Decode, Download, Input};
        let answered =
            |url: &str, status: &str| format!("{url}/full/640,/0/default.jpg answered {status}");
        let kinds = kinds(&[
            failure(
                1,
                "http://a/1",
                Download,
                &answered("http://a/1", "404 Not Found"),
            ),
            failure(
                2,
                "http://a/2",
                Download,
                &answered("http://a/2", "404 Not Found"),
            ),
            failure(
                3,
                "http://b/1",
                Download,
                &answered("http://b/1", "404 Not Found"),
            ),
            failure(
                4,
                "http://b/2",
                Download,
                &answered("http://b/2", "503 Service Unavailable"),
            ),
            failure(
                5,
                "http://b/3",
                Decode,
                "the image has 9000 x 9000 pixels, more than the limit of 100 pixels",
            ),
            failure(
                6,
                "http://b/4",
                Decode,
                "the image has 7000 x 9000 pixels, more than the limit of 100 pixels",
            ),
            failure(7, "", Input, "the cell is empty"),
        ]);
        let found: Vec<(&str, usize)> = (kinds.iter())
            .map(|kind| (kind.reason.as_str(), kind.count))
            .collect();
        assert_eq!(
            found,
            [
                ("… answered 404 Not Found", 3),
                (
                    "the image has … x … pixels, more than the limit of … pixels",
                    2
                ),
                ("the cell is empty", 1),
                ("… answered 503 Service Unavailable", 1),
            ]
        );
        assert_eq!(
            kinds[0].hosts,
            [("http://a".to_owned(), 2), ("http://b".to_owned(), 1)]
        );
        assert!(kinds[0].remedy.contains("no such image"));
        assert!(kinds[1].remedy.contains("--max-megapixels"));
        assert!(kinds[2].remedy.contains("Nothing is lost"));
        assert!(kinds[3].remedy.contains("busy"));
        assert_eq!(kinds[0].examples[2].row, 3);
    }
}

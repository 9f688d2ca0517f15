//! How endpoints say that an answer is not all there is.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LINK, WARNING};

/// What an answer's status and headers say about rows that are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// Rows are missing, in the endpoint's words.
    pub(super) certain: Option<String>,
    /// Most rows that the endpoint gives, and the header that says so.
    pub(super) max_rows: Option<(usize, String)>,
}

/// Headers with the most rows of an answer, as their names are without hyphens and `x-`.
const MAX_ROWS: [&str; 6] = [
    "sparqlmaxrows",
    "maxrows",
    "maxresults",
    "resultlimit",
    "rowlimit",
    "resultsetmaxrows",
];
/// What names of headers have in them that say that an answer is a part.
const PARTIAL: [&str; 4] = ["partial", "incomplete", "truncated", "limitreached"];
/// What values of headers say no with.
const NO: [&str; 5] = ["", "0", "false", "no", "none"];

impl Signs {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let mut signs = Self::default();
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        // Virtuoso: the time for an "anytime" query ran out.
        let state = text("x-sql-state").filter(|state| state != "00000");
        let message = text("x-sql-message");
        if status == StatusCode::PARTIAL_CONTENT || state.is_some() {
            let words = [Some(status.to_string()), state, message];
            signs.certain = Some(words.into_iter().flatten().collect::<Vec<_>>().join(", "));
        }
        for (name, value) in headers {
            let plain = name.as_str().replace('-', "");
            let plain = plain.strip_prefix('x').unwrap_or(&plain);
            let value = value.to_str().unwrap_or_default().trim();
            if MAX_ROWS.contains(&plain)
                && let Ok(most) = value.parse()
            {
                signs.max_rows = Some((most, name.to_string()));
            } else if PARTIAL.iter().any(|word| plain.contains(word))
                && !NO.contains(&value.to_ascii_lowercase().as_str())
            {
                signs.certain.get_or_insert(format!("{name}: {value}"));
            }
        }
        for value in headers.get_all(WARNING) {
            let value = value.to_str().unwrap_or_default();
            let lower = value.to_ascii_lowercase();
            if PARTIAL.iter().any(|word| lower.contains(word)) {
                signs.certain.get_or_insert(format!("warning: {value}"));
            }
        }
        // Answers in pages, as some platforms give for saved queries.
        for value in headers.get_all(LINK) {
            let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
            if value.contains("rel=\"next\"") || value.contains("rel=next") {
                let words = "a link to a next page";
                signs.certain.get_or_insert(words.to_owned());
            }
        }
        signs
    }

    /// Why an answer of so many `what`, rows or triples, may lack some.
    pub(super) fn of_number(&self, n: usize, what: &str) -> Option<String> {
        let (most, header) = self.max_rows.as_ref()?;
        (n >= *most).then(|| format!("{n} {what}, and {header} allows no more than {most}"))
    }
}

/// Whether endpoints are often set to give so many rows at most, and say nothing.
pub(super) fn is_usual_limit(n_rows: usize) -> bool {
    let mut rest = n_rows;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    n_rows >= 1000 && (matches!(rest, 1 | 2 | 5) || n_rows.is_power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    #[test]
    fn endpoints_say_in_many_ways_that_rows_are_missing() {
        let signs = |status: u16, headers: &[(&str, &str)]| {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    let name: HeaderName = name.parse().unwrap();
                    (name, HeaderValue::from_str(value).unwrap())
                })
                .collect();
            Signs::of(StatusCode::from_u16(status).unwrap(), &headers)
        };
        for (status, headers, expected) in [
            (206, &[][..], Some("206 Partial Content")),
            (
                200,
                &[("X-SQL-State", "S1TAT"), ("X-SQL-Message", "time ran out")],
                Some("200 OK, S1TAT, time ran out"),
            ),
            (
                200,
                &[("X-Partial-Results", "true")],
                Some("x-partial-results: true"),
            ),
            (
                200,
                &[("X-Result-Truncated", "1")],
                Some("x-result-truncated: 1"),
            ),
            (200, &[("X-Incomplete", "false")], None),
            (
                200,
                &[("Warning", "199 - \"Incomplete result\"")],
                Some("warning: 199"),
            ),
            (
                200,
                &[("Link", "<http://x?page=2>; rel=\"next\"")],
                Some("a next page"),
            ),
            (
                200,
                &[("Link", "<http://x/about>; rel=\"describedby\"")],
                None,
            ),
            (
                200,
                &[("X-SQL-State", "00000"), ("X-Query-Timeout", "60")],
                None,
            ),
            (200, &[], None),
        ] {
            let certain = signs(status, headers).certain;
            assert_eq!(certain.is_some(), expected.is_some(), "{headers:?}");
            assert!(
                certain
                    .unwrap_or_default()
                    .contains(expected.unwrap_or_default()),
                "{headers:?}"
            );
        }
        for header in ["X-SPARQL-MaxRows", "X-Max-Rows", "Max-Results"] {
            let signs = signs(200, &[(header, "6")]);
            assert_eq!(signs.certain, None);
            assert_eq!(signs.of_number(5, "rows"), None);
            assert!(
                signs
                    .of_number(6, "rows")
                    .unwrap()
                    .contains("no more than 6")
            );
        }
        for (n_rows, expected) in [
            (10_000, true),
            (50_000, true),
            (1000, true),
            (65_536, true),
            (100, false),
            (10_001, false),
            (28_115, false),
            (30_000, false),
        ] {
            assert_eq!(is_usual_limit(n_rows), expected, "{n_rows}");
        }
    }
}

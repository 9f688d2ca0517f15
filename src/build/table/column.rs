//! The column with the IIIF URLs.

use super::shorten;

/// Where a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Found {
    pub(in crate::build) at: usize,
    /// Its name in the header, where that differs in more than white space around it.
    pub(in crate::build) written: Option<String>,
}

/// Longest list of columns in a message.
const MAX_COLUMNS: usize = 20;
const MAX_NAME_CHARS: usize = 40;

/// Finds the column called `wanted`: by its exact name, or by one that differs in case, white space,
/// hyphens and low lines alone.
///
/// # Errors
/// What is wrong with the header, and what to do.
pub(in crate::build) fn find(columns: &[String], wanted: &str) -> Result<Found, String> {
    let wanted = bare(wanted);
    if let Some(at) = columns.iter().position(|name| name.trim() == wanted) {
        return Ok(Found { at, written: None });
    }
    let alike: Vec<usize> = (0..columns.len())
        .filter(|at| plain(&columns[*at]) == plain(wanted))
        .collect();
    match alike[..] {
        [at] => Ok(Found {
            at,
            written: Some(columns[at].trim().to_owned()),
        }),
        [] => Err(missing(columns, wanted)),
        _ => Err(format!(
            "the columns {} could all be {wanted}; name one exactly with --iiif-column",
            list(alike.iter().map(|at| &columns[*at]))
        )),
    }
}

/// The name of a column or variable as it is written down: without the sign that variables have in queries.
pub(in crate::build) fn bare(name: &str) -> &str {
    name.trim_start_matches(['?', '$']).trim()
}

/// What is compared of a name.
fn plain(name: &str) -> String {
    name.trim()
        .trim_start_matches(['?', '$', '\u{feff}'])
        .chars()
        .filter(|c| !c.is_whitespace() && !['_', '-'].contains(c))
        .flat_map(char::to_lowercase)
        .collect()
}

fn missing(columns: &[String], wanted: &str) -> String {
    let is_url = |name: &String| {
        let name = name.trim().to_lowercase();
        name.starts_with("http://") || name.starts_with("https://")
    };
    if columns.iter().any(is_url) {
        return format!(
            "the input has no header, since its first line holds a URL; put a line with the names of the columns before it, {wanted} for that of the IIIF URLs"
        );
    }
    if let [only] = columns
        && plain(only) != plain(wanted)
        && plain(only).contains(&plain(wanted))
    {
        return format!(
            "the input has no column {wanted} but only {}; separate the columns by comma, semicolon, tab or |",
            shorten(only, MAX_NAME_CHARS)
        );
    }
    format!(
        "the input has no column {wanted}; its columns are {}; name the one with the IIIF URLs with --iiif-column",
        list(columns.iter())
    )
}

fn list<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let n_more = names.len().saturating_sub(MAX_COLUMNS);
    let mut list: Vec<String> = names
        .take(MAX_COLUMNS)
        .map(|name| shorten(name, MAX_NAME_CHARS))
        .collect();
    if n_more > 0 {
        list.push(format!("and {n_more} more"));
    }
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_column_is_found_by_its_name_or_one_alike() {
        for (columns, expected) in [
            (&["a", " iiif_url "][..], Ok((1, None))),
            (&["IIIF URL", "iiif_url"], Ok((1, None))),
            (&["IIIF URL", "b"], Ok((0, Some("IIIF URL")))),
            (&["a", "iiif-Url"], Ok((1, Some("iiif-Url")))),
            (&["a", "?iiif_url"], Ok((1, Some("?iiif_url")))),
            (
                &["IIIF URL", "IIIF_URL"],
                Err("the columns IIIF URL, IIIF_URL could all be"),
            ),
            (&["a", "b\u{1}c"], Err("its columns are a, b c;")),
            (&["https://example.org/a"], Err("the input has no header")),
            (
                &["iiif_url^title"],
                Err("separate the columns by comma, semicolon"),
            ),
        ] {
            let found = find(&names(columns), "?iiif_url");
            match expected {
                Ok((at, written)) => assert_eq!(
                    found,
                    Ok(Found {
                        at,
                        written: written.map(str::to_owned)
                    })
                ),
                Err(expected) => {
                    let message = found.unwrap_err();
                    assert!(message.contains(expected), "{message}");
                }
            }
        }
        let many: Vec<String> = (0..5000).map(|n| format!("{n}").repeat(500)).collect();
        let message = find(&many, "iiif_url").unwrap_err();
        assert!(message.len() < 1200, "{}", message.len());
        assert!(message.contains("and 4980 more"), "{message}");
    }
}

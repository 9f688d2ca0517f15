//! What a cell of the IIIF column becomes: the URL of an image, or a reason why not; pure.
//!
//! What kind of URL it is tells [`crate::iiif::reference`].

use crate::iiif::image_iri;
use std::borrow::Cow;

/// The URL under which the image of `cell` is asked for and found: `cell`, with what no IRI can hold
/// percent-encoded. The image id stays over the cell as it stands.
///
/// # Errors
/// A sentence on why `cell` can be no IIIF URL.
pub(super) fn image_url(cell: &str) -> Result<Cow<'_, str>, String> {
    if cell.contains(char::is_control) {
        return Err("a URL with a control character in it".to_owned());
    }
    if cell.contains(char::REPLACEMENT_CHARACTER) {
        return Err(
            "a URL with characters that are lost (\u{fffd}); save the table as UTF-8".to_owned(),
        );
    }
    let url = image_iri(cell);
    check(&url)?;
    Ok(url)
}

fn check(url: &str) -> Result<(), String> {
    let parsed = url::Url::parse(url).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("not an http or https URL but {}:", parsed.scheme()));
    }
    if parsed.fragment().is_some() {
        return Err("the URL of an image has no #".to_owned());
    }
    if let Err(error) = oxiri::Iri::parse(url) {
        return Err(format!("a URL that RDF cannot name: {error}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_becomes_an_iri_or_a_reason() {
        for cell in [
            "http://example.org/My Book_0001.jp2",
            "http://example.org/a|b[1]{2}^`\"<>\\",
            "http://example.org/100%",
            "HTTP://Example.org/a",
            "http://[::1]:8080/a",
            "http://müller.example/ä",
        ] {
            let url = image_url(cell).unwrap();
            assert!(oxiri::Iri::parse(&*url).is_ok(), "{url}");
        }
        for (cell, reason) in [
            ("http://example.org/a\u{1}b", "control character"),
            ("http://example.org/a\tb", "control character"),
            (
                "http://example.org/Z\u{fffd}rich",
                "save the table as UTF-8",
            ),
            ("http://exa mple.org/a", "not a URL"),
            ("http://exa|mple.org/a", "not a URL"),
            ("http://example.org/a#b", "has no #"),
        ] {
            let error = image_url(cell).unwrap_err();
            assert!(error.contains(reason), "{cell}: {error}");
        }
    }
}

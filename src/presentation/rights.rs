//! Rights that Presentation 3 lets stand in `rights`: Creative Commons and RightsStatements.org, by their URIs.

/// The URI by which viewers know the licence or statement at `iri`; none if it is no such.
///
/// The specification wants the URIs as their publishers mint them: `http`, and not the page that explains them.
pub(super) fn known(iri: &str) -> Option<String> {
    let rest = iri
        .strip_prefix("https://")
        .or_else(|| iri.strip_prefix("http://"))?;
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    let (host, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next()?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_version = |part: &str| {
        part.split('.').count() == 2 && part.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let is_name = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+'))
    };
    match (host, parts.as_slice()) {
        (
            "creativecommons.org",
            [
                kind @ ("licenses" | "publicdomain"),
                name,
                version,
                rest @ ..,
            ],
        ) if is_name(name) && is_version(version) => {
            // Ported licences name a jurisdiction, pages of all licences the deed.
            let place = (rest.first()).filter(|place| place.len() == 2 && is_name(place));
            let place = place.map_or_else(String::new, |place| format!("{place}/"));
            Some(format!(
                "http://creativecommons.org/{kind}/{name}/{version}/{place}"
            ))
        }
        ("rightsstatements.org", ["vocab" | "page", name, version, ..])
            if is_name(name) && is_version(version) =>
        {
            Some(format!(
                "http://rightsstatements.org/vocab/{name}/{version}/"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_specification_allows_is_known() {
        for (iri, expected) in [
            (
                "http://creativecommons.org/licenses/by/4.0/",
                Some("http://creativecommons.org/licenses/by/4.0/"),
            ),
            (
                "https://creativecommons.org/licenses/by-sa/4.0/deed.de",
                Some("http://creativecommons.org/licenses/by-sa/4.0/"),
            ),
            (
                "https://www.creativecommons.org/licenses/by/3.0/ch",
                Some("http://creativecommons.org/licenses/by/3.0/ch/"),
            ),
            (
                "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
                Some("http://creativecommons.org/publicdomain/zero/1.0/"),
            ),
            (
                "https://rightsstatements.org/page/InC-EDU/1.0/?language=en",
                Some("http://rightsstatements.org/vocab/InC-EDU/1.0/"),
            ),
            (
                "http://rightsstatements.org/vocab/NoC-US/1.0/",
                Some("http://rightsstatements.org/vocab/NoC-US/1.0/"),
            ),
            ("http://creativecommons.org/licenses/", None),
            (
                "http://creativecommons.org.evil.example/licenses/by/4.0/",
                None,
            ),
            ("http://creativecommons.org/licenses/by\"/4.0/", None),
            ("https://example.org/rights", None),
            ("© 2020", None),
        ] {
            assert_eq!(known(iri).as_deref(), expected, "{iri}");
        }
    }
}

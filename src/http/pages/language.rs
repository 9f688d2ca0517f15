//! The language of a page: that of its visitor, among those that the pages speak.

use axum::http::{HeaderMap, header};

/// What the pages speak; the first is for everyone else.
const LANGUAGES: [&str; 4] = ["en", "de", "fr", "it"];

/// The language that `Accept-Language` prefers (RFC 9110, section 12.5.4).
pub(super) fn of_visitor(headers: &HeaderMap) -> &'static str {
    let mut best = (0.0, LANGUAGES[0]);
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for range in ranges {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let quality = match parameters.trim().strip_prefix("q=") {
            Some(quality) => quality.trim().parse().unwrap_or(0.0),
            None => 1.0,
        };
        let known = LANGUAGES
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(primary));
        if let Some(language) = known
            && quality > best.0
        {
            best = (quality, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_preferred_language_that_is_spoken_wins() {
        for (value, expected) in [
            ("de-CH,de;q=0.9,en;q=0.8", "de"),
            ("rm, it-CH;q=0.8, de;q=0.9", "de"),
            ("FR", "fr"),
            ("ja", "en"),
            ("de;q=0, it;q=0.1", "it"),
            ("*", "en"),
            ("de;q=x", "en"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(value));
            assert_eq!(of_visitor(&headers), expected, "{value}");
        }
        assert_eq!(of_visitor(&HeaderMap::new()), "en");
    }
}

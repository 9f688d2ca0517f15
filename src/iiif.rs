//! IIIF Image API: request URLs, and what the small IIIF server makes of them.

pub mod folder;
pub mod picture;
pub mod reference;
pub mod render;
pub mod request;
pub(crate) mod stamp;
pub mod tiles;

use oxiri::Iri;
use reference::Reference;
use std::borrow::Cow;
use std::fmt::Write;

/// `<url>/full/<width>,/0/default.jpg`: the whole image, scaled to `width_px` (Image API 2 and 3).
///
/// A trailing slash of `iiif_url` is not doubled. Where it names a part of an image, that part; a file as it is.
#[must_use]
pub fn full_image_url(iiif_url: &str, width_px: u32) -> String {
    let reference = Reference::parse(iiif_url);
    reference
        .picture(&format!("{width_px},"), "default")
        .into_owned()
}

/// The IRI that names the image at `iiif_url` in RDF and in requests: the URL itself where it is an IRI, and
/// otherwise with each character that an IRI cannot hold percent-encoded.
///
/// Published tables have spaces, `|`, `[` and bare `%` in their URLs. A space can only be asked for as `%20`,
/// so this is the same image. What is encoded already is left alone, as are letters of all scripts.
///
/// ```
/// use clip_search::iiif::image_iri;
/// assert_eq!(image_iri("http://example.org/My Book|1"), "http://example.org/My%20Book%7C1");
/// assert_eq!(image_iri("http://example.org/a%20b"), "http://example.org/a%20b");
/// ```
#[must_use]
pub fn image_iri(iiif_url: &str) -> Cow<'_, str> {
    if Iri::parse(iiif_url).is_ok() {
        return Cow::Borrowed(iiif_url);
    }
    let path_begins = path_begins(iiif_url);
    let mut iri = String::with_capacity(iiif_url.len() + 16);
    for (at, c) in iiif_url.char_indices() {
        let is_wanted = match c {
            // The brackets of an IPv6 address stand in front of the path, and only there.
            '[' | ']' => at < path_begins,
            '%' => {
                let digits = iiif_url.as_bytes().get(at + 1..at + 3);
                digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
            }
            c if c.is_ascii() => {
                !c.is_ascii_control()
                    && !matches!(
                        c,
                        ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'
                    )
            }
            // Private use and the like: what the grammar of RFC 3987 leaves out is known to the parser.
            c => Iri::parse(format!("x:{c}")).is_ok(),
        };
        if is_wanted {
            iri.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(iri, "%{byte:02X}").expect("a string can be written");
            }
        }
    }
    Cow::Owned(iri)
}

/// Where the path of a URL begins, in bytes.
pub(crate) fn path_begins(url: &str) -> usize {
    let authority = url.find("://").map_or(0, |at| at + 3);
    url[authority..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| authority + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_iri_can_hold_is_encoded_once() {
        for (url, expected) in [
            ("http://h/a b", "http://h/a%20b"),
            ("http://h/a%20b c", "http://h/a%20b%20c"),
            ("http://h/[1]|{2}", "http://h/%5B1%5D%7C%7B2%7D"),
            ("http://[::1]:80/[1]", "http://[::1]:80/%5B1%5D"),
            ("http://h/100%", "http://h/100%25"),
            ("http://h/5%zz%4", "http://h/5%25zz%254"),
            ("http://h/a\\b\"<c>^`", "http://h/a%5Cb%22%3Cc%3E%5E%60"),
            ("http://h/Zürich 山", "http://h/Zürich%20山"),
            ("http://h/\u{e000}", "http://h/%EE%80%80"),
            ("http://h/Zürich", "http://h/Zürich"),
            ("http://h/a%2Fb", "http://h/a%2Fb"),
        ] {
            let iri = image_iri(url);
            assert_eq!(iri, expected);
            assert!(Iri::parse(&*iri).is_ok(), "{iri}");
            assert_eq!(image_iri(&iri), iri, "encoded twice");
        }
    }
}

//! Images in text: base64, bare or as a `data:` URL.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Why a text holds no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataUrlError {
    /// There is nothing.
    #[error("the value is empty; give base64, with or without a data:image/…;base64, prefix")]
    Empty,
    /// A `data:` URL that is not base64.
    #[error("the data: URL is not marked ;base64,; encode the image as base64")]
    NotBase64Url,
    /// Not base64.
    #[error("the value is not base64: {0}")]
    NotBase64(#[from] base64::DecodeError),
}

/// The bytes of an image given as base64, with or without a `data:image/…;base64,` prefix.
///
/// White space is skipped, the URL-safe alphabet and missing padding are accepted, and `%2B`, `%2F`
/// and `%3D` count as what they stand for: browsers and form encoders produce all of these.
///
/// # Errors
/// [`DataUrlError`] says what is wrong.
pub fn decode(text: &str) -> Result<Vec<u8>, DataUrlError> {
    let text = text.trim();
    let encoded = match text.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("data:") => {
            let (header, encoded) = text.split_once(',').ok_or(DataUrlError::NotBase64Url)?;
            if !header.to_ascii_lowercase().ends_with(";base64") {
                return Err(DataUrlError::NotBase64Url);
            }
            encoded
        }
        _ => text,
    };
    let encoded = encoded.trim();
    // A form decoder turns an unescaped `+` into a blank; in wrapped base64 blanks are mere layout.
    let blanks_were_plus = !encoded.contains(['\n', '\r', '\t']);
    let mut clean = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(c) = rest.chars().next() {
        let escaped = rest.get(..3).filter(|_| c == '%').and_then(|three| {
            Some(match three.to_ascii_uppercase().as_str() {
                "%2B" => '+',
                "%2F" => '/',
                "%3D" => '=',
                _ => return None,
            })
        });
        rest = &rest[if escaped.is_some() { 3 } else { c.len_utf8() }..];
        match escaped.unwrap_or(c) {
            '-' => clean.push('+'),
            '_' => clean.push('/'),
            ' ' if blanks_were_plus => clean.push('+'),
            c if c.is_whitespace() => {}
            c => clean.push(c),
        }
    }
    if clean.is_empty() {
        return Err(DataUrlError::Empty);
    }
    let lenient = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    Ok(lenient.decode(clean)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_spelling_is_read() {
        let bytes = [0xfb, 0xff, 0xbf, 0x00, 0x10];
        for text in [
            "+/+/ABA=",
            "  +/+/ABA=\n",
            "-_-_ABA",
            "data:image/png;base64,+/+/ABA=",
            "DATA:image/png;charset=x;BASE64,+/+/ABA=",
            "%2B%2f%2B%2FABA%3D",
            "+/+/\n  ABA=",
            "+/ /ABA=",
        ] {
            assert_eq!(decode(text).as_deref(), Ok(&bytes[..]), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base64_is_named() {
        assert_eq!(decode(""), Err(DataUrlError::Empty));
        assert_eq!(decode("data:image/png;base64,"), Err(DataUrlError::Empty));
        assert_eq!(
            decode("data:image/png,abc"),
            Err(DataUrlError::NotBase64Url)
        );
        assert_eq!(decode("data:image/png"), Err(DataUrlError::NotBase64Url));
        assert!(matches!(decode("ab!c"), Err(DataUrlError::NotBase64(_))));
        assert!(matches!(decode("äöü"), Err(DataUrlError::NotBase64(_))));
    }
}

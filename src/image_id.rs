//! Image ids: BLAKE2b-160 over the IIIF URL, as the published collections name their images.

use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};

/// The id of the image at `iiif_url`: the 40 hex digits of BLAKE2b with a 20-byte digest over the
/// URL's UTF-8 bytes (Python: `hashlib.blake2b(url.encode(), digest_size=20).hexdigest()`).
///
/// ```
/// assert_eq!(
///     clip_search::image_id::image_id("https://bso-iiif.swissartresearch.net/iiif/2/SFF_B_1609"),
///     "d9b3af760cc93522ada3e39e2797f0c60aa1f473"
/// );
/// ```
#[must_use]
pub fn image_id(iiif_url: &str) -> String {
    text_digest(iiif_url)
}

/// The hex digits of the same digest for any text: a name of one length, by which it is known again.
#[must_use]
pub fn text_digest(text: &str) -> String {
    hex(&digest(text))
}

/// The bytes of [`text_digest`].
#[must_use]
pub fn digest(text: &str) -> [u8; 20] {
    Blake2b::<U20>::digest(text.as_bytes()).into()
}

/// The first bytes of [`digest`] as a number, to tell many texts apart in little memory.
#[must_use]
pub fn number(text: &str) -> u128 {
    let digest = digest(text);
    let (first, _) = digest.split_first_chunk().expect("20 bytes begin with 16");
    u128::from_be_bytes(*first)
}

/// The bytes that `text` has the hex digits of, if it is an image id.
#[must_use]
pub fn from_hex(text: impl AsRef<[u8]>) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    let (pairs, rest) = text.as_ref().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    // Nobody can foretell the next digit, and a processor that guesses wrong waits: there is no branch for each.
    let mut seen = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (VALUES[usize::from(*high)], VALUES[usize::from(*low)]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16).then_some(bytes)
}

/// The values of the hex digits; of all else, 255.
static VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

/// Lower-case hex digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

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
    hex(&digest(iiif_url))
}

/// The bytes of [`image_id`].
#[must_use]
pub fn digest(iiif_url: &str) -> [u8; 20] {
    Blake2b::<U20>::digest(iiif_url.as_bytes()).into()
}

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

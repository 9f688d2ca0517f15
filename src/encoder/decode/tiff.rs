//! TIFF samples that are no levels between black and white.

use std::io::{BufRead, Seek};
use tiff::decoder::Decoder;
use tiff::tags::{SampleFormat, Tag};

/// Why the samples of the TIFF in `reader` cannot be shown: signed, floating-point and 32-bit numbers are
/// measurements, and which of them is black and which white only their makers know. `None` if they can,
/// or if the decoder has to say what is wrong.
pub(super) fn unshowable(reader: impl BufRead + Seek) -> Option<String> {
    let mut decoder = Decoder::new(reader).ok()?;
    let bits = *numbers(&mut decoder, Tag::BitsPerSample)?.iter().max()?;
    let kind = numbers(&mut decoder, Tag::SampleFormat)
        .and_then(|formats| formats.first().copied())
        .map_or(SampleFormat::Uint, SampleFormat::from_u16_exhaustive);
    let kind = match kind {
        SampleFormat::Uint if bits <= 16 => return None,
        SampleFormat::Uint => "integers",
        SampleFormat::Int => "signed integers",
        SampleFormat::IEEEFP => "floating-point numbers",
        _ => "numbers of an unknown kind",
    };
    Some(format!(
        "its samples are {kind} of {bits} bits, which do not say what is black and what is white; convert it to 8 or 16 bits per sample"
    ))
}

fn numbers<R: BufRead + Seek>(decoder: &mut Decoder<R>, tag: Tag) -> Option<Vec<u16>> {
    decoder.find_tag(tag).ok()??.into_u16_vec().ok()
}

//! In which encoding a table is, and its cells in UTF-8.

use csv::ByteRecord;
use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::io::Read;

/// How the text of a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, or another one that has ASCII in common with it: cells tell.
    Utf8,
    Utf16Le,
    Utf16Be,
    Utf32,
}

/// Bytes at the beginning that tell UTF-16 from others: the header, which is mostly ASCII.
const MAX_PROBE: usize = 256;
/// Bytes that Windows-1252 has no character for.
const NO_WINDOWS_1252: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

impl Encoding {
    /// By the byte order mark, or by where zero bytes are, which ASCII has in UTF-16.
    pub(super) fn of(head: &[u8]) -> Self {
        if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
            return Self::Utf32;
        }
        if head.starts_with(b"\xff\xfe") {
            return Self::Utf16Le;
        }
        if head.starts_with(b"\xfe\xff") {
            return Self::Utf16Be;
        }
        let probe = &head[..head.len().min(MAX_PROBE)];
        let zeros = |offset: usize| {
            let bytes = probe.iter().skip(offset).step_by(2);
            bytes.filter(|byte| **byte == 0).count()
        };
        let (even, odd) = (zeros(0), zeros(1));
        let n_pairs = probe.len() / 2;
        match () {
            () if odd * 2 > n_pairs && even * 10 < n_pairs => Self::Utf16Le,
            () if even * 2 > n_pairs && odd * 10 < n_pairs => Self::Utf16Be,
            () => Self::Utf8,
        }
    }

    /// The text of `file` in UTF-8 where this is UTF-16, without a byte order mark.
    pub(super) fn decode(self, file: Box<dyn Read>) -> Box<dyn Read> {
        let encoding = match self {
            Self::Utf8 | Self::Utf32 => return file,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
        };
        Box::new(
            DecodeReaderBytesBuilder::new()
                .encoding(Some(encoding))
                .strip_bom(true)
                .build(file),
        )
    }
}

/// Makes the cells that are not UTF-8 so, reading them as Windows-1252, the encoding that programs for
/// spreadsheets write in the west. Gives the first such cell as it is now read.
///
/// # Errors
/// Gives the number of the cell that is neither.
pub(in crate::build) fn to_utf8(row: &mut ByteRecord) -> Result<Option<String>, usize> {
    let is_text = |cell: &[u8]| std::str::from_utf8(cell).is_ok();
    if row.iter().all(is_text) {
        return Ok(None);
    }
    let mut converted = ByteRecord::new();
    converted.set_position(row.position().cloned());
    let mut first = None;
    for (number, cell) in row.iter().enumerate() {
        if is_text(cell) {
            converted.push_field(cell);
            continue;
        }
        if cell.iter().any(|byte| NO_WINDOWS_1252.contains(byte)) {
            return Err(number);
        }
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(cell);
        converted.push_field(text.as_bytes());
        first.get_or_insert_with(|| text.into_owned());
    }
    *row = converted;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_known_with_a_mark_and_without() {
        let text = "iiif_url\ttitle\nhttp://example.org/ä\tNäher 東京\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (mark, bytes, expected) in [
            (&b"\xff\xfe"[..], &le, Encoding::Utf16Le),
            (b"", &le, Encoding::Utf16Le),
            (b"\xfe\xff", &be, Encoding::Utf16Be),
            (b"", &be, Encoding::Utf16Be),
        ] {
            let bytes = [mark, bytes].concat();
            assert_eq!(Encoding::of(&bytes), expected);
            let mut decoded = String::new();
            let file = Box::new(std::io::Cursor::new(bytes));
            let mut reader = expected.decode(file);
            reader.read_to_string(&mut decoded).unwrap();
            assert_eq!(decoded, text);
        }
        for utf8 in [
            &b""[..],
            b"a",
            text.as_bytes(),
            b"\xef\xbb\xbfa,b\n",
            b"Z\xfcrich",
        ] {
            assert_eq!(Encoding::of(utf8), Encoding::Utf8);
        }
        assert_eq!(Encoding::of(b"\xff\xfe\0\0a\0\0\0"), Encoding::Utf32);
    }

    #[test]
    fn cells_become_utf_8_or_are_refused() {
        let mut row = ByteRecord::from(vec![&b"a"[..], b"N\xe4her \x96 1890", "Nä".as_bytes()]);
        assert_eq!(to_utf8(&mut row), Ok(Some("Näher – 1890".to_owned())));
        assert_eq!(row, vec!["a", "Näher – 1890", "Nä"]);
        assert_eq!(to_utf8(&mut row), Ok(None));
        // The umlaut of old DOS tables, and the first half of many Japanese characters.
        let mut row = ByteRecord::from(vec![&b"a"[..], b"Z\x81rich"]);
        assert_eq!(to_utf8(&mut row), Err(1));
    }
}

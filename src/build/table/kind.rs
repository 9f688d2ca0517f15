//! What a file is that is no table in text: told by its first bytes, with what to do about it.

/// A kind of file that cannot be built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign {
    /// "an Excel workbook".
    pub(super) what: &'static str,
    pub(super) remedy: &'static str,
}

const SAVE_SHEET: &str = "save its sheet as CSV (UTF-8) and build from that file";
const UNPACK: &str = "unpack it and build from the CSV file in it";
const EXPORT: &str = "export the table as CSV (UTF-8) and build from that file";

/// Where a signature begins, the signature, and whose it is.
const SIGNATURES: [(usize, &[u8], Foreign); 22] = [
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        foreign("an old Excel workbook (.xls)", SAVE_SHEET),
    ),
    (0, b"%PDF-", foreign("a PDF document", EXPORT)),
    (
        0,
        b"PAR1",
        // Alone it is read.
        foreign(
            "a Parquet file",
            "unpack it and build from the Parquet file in it",
        ),
    ),
    (
        0,
        b"PARE",
        foreign(
            "an encrypted Parquet file",
            "write it without encryption and build from that file",
        ),
    ),
    (0, b"ARROW1", foreign("an Arrow file", EXPORT)),
    (0, b"Obj\x01", foreign("an Avro file", EXPORT)),
    (0, b"\x89HDF\r\n\x1a\n", foreign("an HDF5 file", EXPORT)),
    (
        0,
        b"SQLite format 3\0",
        foreign("an SQLite database", EXPORT),
    ),
    (4, b"Standard Jet DB", foreign("an Access database", EXPORT)),
    (4, b"Standard ACE DB", foreign("an Access database", EXPORT)),
    (0, b"{\\rtf", foreign("an RTF document", EXPORT)),
    (0, b"\x93NUMPY", foreign("a NumPy file", EXPORT)),
    (0, b"BZh", foreign("bzip2 data", UNPACK)),
    (0, b"\xfd7zXZ\0", foreign("xz data", UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", foreign("zstd data", UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", foreign("a 7z archive", UNPACK)),
    (0, b"Rar!\x1a\x07", foreign("a RAR archive", UNPACK)),
    (257, b"ustar", foreign("a tar archive", UNPACK)),
    (0, b"\xff\xd8\xff", IMAGE),
    (0, b"\x89PNG\r\n\x1a\n", IMAGE),
    (0, b"II*\0", IMAGE),
    (0, b"MM\0*", IMAGE),
];

const IMAGE: Foreign = foreign(
    "an image",
    "build takes a table of IIIF URLs; for a folder of images give --mode FOLDER --folder",
);

const fn foreign(what: &'static str, remedy: &'static str) -> Foreign {
    Foreign { what, remedy }
}

/// The kind of a file that begins with `head` and cannot be text in any encoding.
pub(super) fn binary(head: &[u8]) -> Option<Foreign> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(zip(head));
    }
    SIGNATURES
        .iter()
        .find(|(at, signature, _)| {
            head.get(*at..)
                .is_some_and(|rest| rest.starts_with(signature))
        })
        .map(|(_, _, foreign)| *foreign)
}

/// Office documents are ZIP archives, known by the names in them.
fn zip(head: &[u8]) -> Foreign {
    let has = |name: &[u8]| head.windows(name.len()).any(|bytes| bytes == name);
    if has(b"opendocument.spreadsheet") {
        foreign("an OpenDocument spreadsheet (.ods)", SAVE_SHEET)
    } else if has(b"xl/") {
        foreign("an Excel workbook (.xlsx)", SAVE_SHEET)
    } else if has(b".iwa") {
        foreign("a Numbers spreadsheet", SAVE_SHEET)
    } else if has(b"[Content_Types].xml") || has(b"vnd.oasis.opendocument") {
        foreign("an office document", EXPORT)
    } else {
        foreign("a ZIP archive", UNPACK)
    }
}

/// Whether decoded text is none: control characters that no table has.
pub(super) fn is_noise(text: &[u8]) -> bool {
    let is_odd =
        |byte: &&u8| **byte == 0 || (**byte < 0x20 && !b"\t\n\r\x0b\x0c\x1b".contains(byte));
    let n_odd = text.iter().filter(is_odd).count();
    text.contains(&0) || n_odd * 20 > text.len()
}

/// What is said of noise.
pub(super) const NOISE: Foreign = foreign(
    "binary data",
    "give a table in text: CSV, or separated by semicolon, tab or |, best in UTF-8",
);

/// The kind of a text that has no column of that name.
pub(super) fn other_text(text: &[u8]) -> Option<Foreign> {
    let text = text.trim_ascii_start();
    let begins = |with: &str| {
        let start = text.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    if begins("version https://git-lfs") {
        let remedy = "fetch the file itself with `git lfs pull`";
        return Some(foreign("a Git LFS pointer", remedy));
    }
    if begins("<!doctype html") || begins("<html") {
        let remedy = "the address it came from may need a login; download the table itself";
        return Some(foreign("an HTML page", remedy));
    }
    if begins("<?xml") || begins("<sparql") {
        return Some(foreign("XML", EXPORT));
    }
    if begins("@prefix") || begins("prefix ") || begins("<http") {
        let remedy = "load it with `clip-search load`, and build from a CSV or a SPARQL endpoint";
        return Some(foreign("RDF", remedy));
    }
    let is_tag = |byte: &u8| byte.is_ascii_alphabetic() || b"!?/".contains(byte);
    if begins("<") && text.get(1).is_some_and(is_tag) {
        return Some(foreign("markup (HTML or XML)", EXPORT));
    }
    if begins("{") || begins("[") {
        return Some(foreign("JSON", EXPORT));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let xlsx = b"PK\x03\x04....[Content_Types].xmlPK\x03\x04....xl/workbook.xml";
        let ods = b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet";
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, expected) in [
            (&xlsx[..], "an Excel workbook (.xlsx)"),
            (ods, "an OpenDocument spreadsheet (.ods)"),
            (b"PK\x03\x04....table.csv", "a ZIP archive"),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
                "an old Excel workbook (.xls)",
            ),
            (b"%PDF-1.7", "a PDF document"),
            (b"PAR1\x15", "a Parquet file"),
            (b"SQLite format 3\0", "an SQLite database"),
            (&tar, "a tar archive"),
            (b"\xff\xd8\xff\xe0", "an image"),
        ] {
            assert_eq!(binary(head).map(|f| f.what), Some(expected));
        }
        for text in ["", "iiif_url,title\n", "PK\n", "BZ,h\n", "\u{feff}a;b\n"] {
            assert_eq!(binary(text.as_bytes()), None, "{text}");
            assert!(!is_noise(text.as_bytes()), "{text}");
            assert_eq!(other_text(text.as_bytes()), None, "{text}");
        }
        assert!(is_noise(b"ab\0c") && is_noise(b"\x01\x02\x03\x04abcdef"));
        for (text, expected) in [
            (" <!DOCTYPE html><title>Log in", "an HTML page"),
            ("<?xml version=\"1.0\"?>", "XML"),
            ("<table><tr>", "markup (HTML or XML)"),
            ("\n[{\"iiif_url\":1}]", "JSON"),
            ("@prefix a: <b> .", "RDF"),
            (
                "version https://git-lfs.github.com/spec/v1\n",
                "a Git LFS pointer",
            ),
        ] {
            assert_eq!(other_text(text.as_bytes()).map(|f| f.what), Some(expected));
        }
    }
}

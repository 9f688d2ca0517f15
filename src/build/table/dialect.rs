//! What separates the cells of a table.

use super::column;

/// What separates cells, most usual first.
const SEPARATORS: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "|"),
];
/// Rows that are looked at.
const MAX_ROWS: usize = 50;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// Bytes before the header: Excel's line `sep=;`.
    pub(super) n_before: usize,
}

/// What a table is separated by, in words.
pub(super) fn name(separator: u8) -> &'static str {
    SEPARATORS
        .iter()
        .find(|(known, _)| *known == separator)
        .map_or("another sign", |(_, name)| name)
}

impl Dialect {
    /// Of the table that begins with `text`: the separator that finds the column `wanted` in the header;
    /// or, to name the columns there are, the one that cuts the rows most evenly.
    pub(super) fn of(text: &[u8], wanted: &str) -> Self {
        if let Some(dialect) = Self::of_first_line(text) {
            return dialect;
        }
        let best = SEPARATORS
            .iter()
            .rev()
            .map(|(separator, _)| (Self::merit(text, *separator, wanted), *separator))
            .max();
        Self {
            separator: best.map_or(b',', |(_, separator)| separator),
            n_before: 0,
        }
    }

    fn of_first_line(text: &[u8]) -> Option<Self> {
        let line = text.split(|byte| *byte == b'\n').next()?;
        let value = line.trim_ascii_start().strip_prefix(b"sep=")?;
        let separator = *value.first()?;
        (value[1..].trim_ascii().is_empty() && separator.is_ascii()).then_some(Self {
            separator,
            n_before: (line.len() + 1).min(text.len()),
        })
    }

    /// Whether the column is there; how many rows are cut like the header, if that is cut at all; the
    /// number of columns; and the place among the separators, the most usual last.
    fn merit(text: &[u8], separator: u8, wanted: &str) -> (bool, usize, usize, usize) {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text);
        let rows: Vec<_> = reader
            .byte_records()
            .take(MAX_ROWS)
            .map_while(Result::ok)
            .collect();
        let header: Vec<String> = rows
            .first()
            .into_iter()
            .flat_map(|row| row.iter())
            .map(|cell| String::from_utf8_lossy(cell).into_owned())
            .collect();
        let n_even = match header.len() {
            0 | 1 => 0,
            n => rows.iter().skip(1).filter(|row| row.len() == n).count(),
        };
        let is_there = column::find(&header, wanted).is_ok();
        let place = SEPARATORS
            .iter()
            .rev()
            .position(|(known, _)| *known == separator);
        (is_there, n_even, header.len(), place.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_separator() {
        for (text, separator, n_before) in [
            ("iiif_url\nhttp://x/a\n", b',', 0),
            ("iiif_url,title\nhttp://x/a,\"b;c;d\"\n", b',', 0),
            ("iiif_url;title\nhttp://x/a;b, c, d\n", b';', 0),
            ("title, all;iiif_url;year\nb, c;http://x/a;1\n", b';', 0),
            ("\"title;t\";IIIF URL\nb;http://x/a\n", b';', 0),
            ("iiif_url\ttitle;t\nhttp://x/a;1\tb, c\n", b'\t', 0),
            ("title|iiif_url\nb|http://x/a\n", b'|', 0),
            ("sep=;\r\niiif_url;title\r\n", b';', 7),
            // Not there under any: the columns are named all the same.
            ("url;title, t\nhttp://x/a;b\n", b';', 0),
            ("url\ttitle\nhttp://x/a\tb, c\n", b'\t', 0),
            ("url\nhttp://x/a;b\n", b',', 0),
            ("", b',', 0),
        ] {
            let expected = Dialect {
                separator,
                n_before,
            };
            assert_eq!(Dialect::of(text.as_bytes(), "iiif_url"), expected, "{text}");
        }
    }
}

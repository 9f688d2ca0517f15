//! Files as pyarrow writes them (`tools/fixture-tables`), and damage.

use super::*;
use proptest::prelude::*;
use std::fs;

fn fixture(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables");
    dir.join(name).with_extension("parquet")
}

/// The table in a file, its rows as text.
fn read(path: &Path) -> anyhow::Result<(Vec<String>, Vec<Vec<String>>)> {
    let (table, _) = table(path, File::open(path)?, "iiif_url")?;
    let text = |cell: &[u8]| String::from_utf8(cell.to_vec()).unwrap();
    let rows = (table.rows)
        .map(|row| Ok(row?.iter().map(text).collect()))
        .collect::<anyhow::Result<_>>()?;
    Ok((table.columns, rows))
}

#[test]
fn each_kind_of_column_is_read_as_its_text() {
    let (columns, rows) = read(&fixture("kinds")).unwrap();
    let by_column: Vec<(&str, Vec<&str>)> = (columns.iter().enumerate())
        .map(|(at, name)| {
            (
                name.as_str(),
                rows.iter().map(|row| row[at].as_str()).collect(),
            )
        })
        .collect();
    let url = |n: usize| format!("http://x.example/iiif/{n:03}");
    let urls: Vec<String> = (0..5).map(url).collect();
    let changed = "2026-11-27T01:02:03Z";
    // Lists and structures are left out.
    assert_eq!(
        by_column,
        [
            ("title", vec!["Näher am See", "", "a \"b\", c", "", "5\n6"]),
            ("IIIF-URL", urls.iter().map(String::as_str).collect()),
            ("large", vec!["one", "two", "", "four", "five"]),
            ("bytes", vec!["plain", "", "Straße", "", ""]),
            ("artist", vec!["Hodler", "Anker", "Hodler", "", "Anker"]),
            ("year", vec!["1890", "", "-5", "1099511627776", "0"]),
            ("small", vec!["1", "", "-1", "127", "0"]),
            (
                "ratio",
                vec!["0.1", "", "1890", "-2.5", "1000000000000000000000"]
            ),
            ("sold", vec!["true", "", "false", "true", "false"]),
            (
                "day",
                vec!["1890-05-01", "", "1970-01-01", "2026-11-27", "0001-01-01"]
            ),
            (
                "seen",
                vec![
                    "1890-05-01T12:00:00",
                    "",
                    "1970-01-01T00:00:00",
                    "2026-11-27T01:02:03.450000",
                    "1700-01-01T00:00:00"
                ]
            ),
            (
                "changed",
                vec!["1890-05-01T12:00:00Z", "", changed, changed, changed]
            ),
            ("price", vec!["12.50", "", "-0.05", "-0.05", "-0.05"]),
        ]
    );
}

#[test]
fn every_compression_and_encoding_gives_the_same_rows() {
    let expected = read(&fixture("none")).unwrap();
    assert_eq!((expected.0.len(), expected.1.len()), (2, 40));
    assert_eq!(expected.1[39], ["http://x.example/iiif/039", "title 4"]);
    assert_eq!(expected.1[3][1], "");
    for name in ["snappy", "gzip", "zstd", "lz4", "delta"] {
        assert_eq!(read(&fixture(name)).unwrap(), expected, "{name}");
    }
    assert_eq!(read(&fixture("empty")).unwrap().1.len(), 0);
}

#[test]
fn what_cannot_be_read_is_named_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("snappy")).unwrap();
    let cut = |n_bytes: usize| {
        let path = dir.path().join(format!("{n_bytes}.parquet"));
        fs::write(&path, &whole[..n_bytes]).unwrap();
        path
    };
    for (path, expected) in [
        (
            fixture("brotli"),
            "iiif_url is compressed with BROTLI; use snappy",
        ),
        (
            fixture("encrypted-columns"),
            "is cut, damaged or encrypted (",
        ),
        (
            fixture("listed"),
            "its column iiif_url is a list or a structure",
        ),
        (cut(4), "is cut, damaged or encrypted ("),
        (cut(whole.len() - 1), "is cut, damaged or encrypted ("),
        (cut(whole.len() / 2), "is cut, damaged or encrypted ("),
    ] {
        let sentence = format!("{:#}", read(&path).unwrap_err());
        assert!(sentence.contains(expected), "{sentence}");
        assert!(sentence.contains(&path.display().to_string()), "{sentence}");
        assert!(
            sentence.len() < 600 && !sentence.contains('\n'),
            "{sentence}"
        );
    }
}

#[test]
fn few_rows_are_held_where_rows_are_large() {
    let facts = |name: &str| SerializedFileReader::new(File::open(fixture(name)).unwrap()).unwrap();
    assert_eq!(rows_at_a_time(facts("none").metadata()), 1024);
    assert_eq!(rows_at_a_time(facts("empty").metadata()), 1024);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever bytes are damaged: rows, or a sentence; no panic, no rows without end.
    #[test]
    fn damage_ends_in_rows_or_a_sentence(
        name in prop::sample::select(vec!["kinds", "snappy", "gzip", "zstd", "lz4", "delta"]),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("damaged.parquet");
        let mut bytes = fs::read(fixture(name)).unwrap();
        for (at, byte) in places {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let Ok((table, _)) = table(&path, File::open(&path).unwrap(), "iiif_url") else {
            return Ok(());
        };
        let n_rows = table.rows.take(10_000).filter(Result::is_ok).count();
        prop_assert!(n_rows < 10_000);
    }
}

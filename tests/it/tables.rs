//! `build` from files as people have them: other separators and encodings, and files that are no tables.

use crate::process::{clip_search, run};
use crate::support::{self, TinyEncoder};
use crate::world::{model, text_of};
use clip_search::build::options::{BuildOptions, Source};
use clip_search::build::{self, BuildSummary, Outcome};
use clip_search::collection::Collection;
use clip_search::http::iiif::iiif_router;
use clip_search::image_id::image_id;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs;
use std::future::pending;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Pictures behind a IIIF server, and a folder.
struct Pictures {
    dir: TempDir,
    base: String,
}

impl Pictures {
    async fn new(n_images: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let images = dir.path().join("pictures");
        fs::create_dir(&images).unwrap();
        support::write_pictures(&images, n_images);
        let base = support::serve(iiif_router(images, None)).await;
        Self { dir, base }
    }

    fn url(&self, n: usize) -> String {
        format!("{}/image-{n:03}.jpg", self.base)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn build(&self, bytes: &[u8], data: &str) -> anyhow::Result<BuildSummary> {
        let csv = self.path("table.csv");
        fs::write(&csv, bytes).unwrap();
        let mut options = BuildOptions::new(Source::Csv(csv), self.path(data));
        options.network.retries = 0;
        build::run(options, Arc::new(TinyEncoder), pending()).await
    }

    /// The sentence with which the build refuses the table.
    async fn refusal(&self, bytes: &[u8], data: &str) -> String {
        let error = self.build(bytes, data).await.unwrap_err();
        let sentence = format!("{error:#}");
        assert!(sentence.len() < 500, "{sentence}");
        assert!(!sentence.contains(char::is_control), "{sentence:?}");
        sentence
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

/// A Parquet file with a row group for each row: URL, title and, where it is known, year.
fn parquet(rows: &[(&str, &str, Option<i32>)], codec: Codec) -> Vec<u8> {
    let schema = "message table {
        required binary iiif_url (UTF8); optional binary title (UTF8); optional int32 year;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for (url, title, year) in rows {
        let mut group = file.next_row_group().unwrap();
        for text in [url, title] {
            let mut column = group.next_column().unwrap().unwrap();
            let (values, levels) = ([ByteArray::from(*text)], Some(&[1][..]));
            let writer = column.typed::<ByteArrayType>();
            writer.write_batch(&values, levels, None).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        let level = [i16::from(year.is_some())];
        let writer = column.typed::<Int32Type>();
        writer
            .write_batch(year.as_slice(), Some(&level), None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    file.into_inner().unwrap()
}

fn images_csv(data: &Path) -> String {
    fs::read_to_string(data.join("images.csv")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_separator_and_encoding_gives_the_same_collection() {
    let pictures = Pictures::new(2).await;
    let (a, b) = (pictures.url(0), pictures.url(1));
    let expected = format!(
        "iiif_url,title,year,localIdentifier\n{a},Näher am See – 1890,1890,{}\n{b},\"Straße, \"\"alt\"\"; neu\",,{}\n",
        image_id(&a),
        image_id(&b)
    );
    let table = |separator: &str, end: &str| {
        [
            ["iiif_url", "title", "year"].join(separator),
            [a.as_str(), "Näher am See – 1890", "1890"].join(separator),
            [b.as_str(), "\"Straße, \"\"alt\"\"; neu\"", ""].join(separator),
        ]
        .map(|line| line + end)
        .concat()
    };
    let windows = |text: &str| -> Vec<u8> {
        let byte = |c: char| match c {
            '–' => 0x96,
            c => u8::try_from(u32::from(c)).unwrap(),
        };
        text.chars().map(byte).collect()
    };
    let tabs = table("\t", "\r\n");
    let rows = [
        (a.as_str(), "Näher am See – 1890", Some(1890)),
        (b.as_str(), "Straße, \"alt\"; neu", None),
    ];
    for (name, bytes) in [
        ("comma", table(",", "\n").into_bytes()),
        (
            "semicolon",
            format!("\u{feff}{}", table(";", "\r\n")).into_bytes(),
        ),
        (
            "sep",
            format!("sep=;\r\n{}", table(";", "\r\n")).into_bytes(),
        ),
        ("tab", tabs.clone().into_bytes()),
        ("bar", table("|", "\n").into_bytes()),
        ("return", table(",", "\r").into_bytes()),
        ("windows", windows(&table(";", "\r\n"))),
        (
            "utf-16le",
            utf16(&format!("\u{feff}{tabs}"), u16::to_le_bytes),
        ),
        (
            "utf-16be",
            utf16(&format!("\u{feff}{tabs}"), u16::to_be_bytes),
        ),
        ("utf-16le-bare", utf16(&tabs, u16::to_le_bytes)),
        ("utf-16be-bare", utf16(&tabs, u16::to_be_bytes)),
        ("gzip", gzip(table(",", "\n").as_bytes())),
        (
            "gzip-utf-16",
            gzip(&utf16(&format!("\u{feff}{tabs}"), u16::to_le_bytes)),
        ),
        ("parquet", parquet(&rows, Codec::UNCOMPRESSED)),
        ("parquet-snappy", parquet(&rows, Codec::SNAPPY)),
        (
            "parquet-zstd",
            parquet(&rows, Codec::ZSTD(ZstdLevel::default())),
        ),
    ] {
        let summary = pictures.build(&bytes, name).await;
        let summary = summary.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(
            (summary.outcome, summary.rows, summary.encoded),
            (Outcome::Finished, 2, 2),
            "{name}"
        );
        let data = pictures.path(name);
        assert_eq!(images_csv(&data), expected, "{name}");
        let collection = Collection::open(&data).unwrap();
        assert_eq!(collection.url(1), b, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_table_is_named_and_replaces_nothing() {
    let pictures = Pictures::new(1).await;
    let url = pictures.url(0);
    let whole = format!("iiif_url,title\n{url},a\n");
    pictures.build(whole.as_bytes(), "data").await.unwrap();
    let before = images_csv(&pictures.path("data"));
    let zip = |name: &str| [b"PK\x03\x04\x14\0\0\0\0\0", name.as_bytes(), &[0; 200][..]].concat();
    let mut damaged = gzip(whole.repeat(100).as_bytes());
    damaged.truncate(60);
    let noise: Vec<u8> = (0..200_000u32).map(|n| (n * n % 251) as u8).collect();
    for (bytes, expected) in [
        (
            zip("xl/workbook.xml"),
            &["an Excel workbook (.xlsx)", "save its sheet as CSV"][..],
        ),
        (
            gzip(&zip("xl/workbook.xml")),
            &["gzipped, and in it an Excel workbook"],
        ),
        (
            zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
            &["(.ods)"],
        ),
        (zip("table.csv"), &["a ZIP archive", "unpack it"]),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".to_vec(),
            &["(.xls)"],
        ),
        (
            b"PAR1\x15\x04\x15".to_vec(),
            &["Parquet", "cut, damaged or encrypted"],
        ),
        (gzip(b"PAR1\x15\x04\x15"), &["a Parquet file", "unpack it"]),
        (b"%PDF-1.7\n".to_vec(), &["a PDF document"]),
        (
            b"<!DOCTYPE html>\n<html><h1>Log in, please</h1>".to_vec(),
            &["an HTML page"],
        ),
        (
            b"{\"@context\": \"x\", \"id\": \"y\"}".to_vec(),
            &["is JSON"],
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n".to_vec(),
            &["Git LFS pointer", "git lfs pull"],
        ),
        (noise, &["binary data"]),
        (damaged, &["gzip data are damaged or end early"]),
        (gzip(b""), &["is empty"]),
        (b"".to_vec(), &["is empty"]),
        (b"\xef\xbb\xbf\r\n".to_vec(), &["is empty"]),
        (
            format!("{url};a\n{url};b\n").into_bytes(),
            &["has no header"],
        ),
        (
            format!("iiif_url^title\n{url}^a\n").into_bytes(),
            &["separate the columns by comma"],
        ),
        (
            format!("url;title;year\n{url};a;1\n").into_bytes(),
            &["its columns are url, title, year;"],
        ),
        (
            b"iiif_url,title\n".to_vec(),
            &["has no rows", "nothing below it"],
        ),
        (
            format!("iiif_url,title\n{url},\"a\n{url}x,b\n").into_bytes(),
            &["table.csv, line 2: a cell begins with a quote here that is never closed"],
        ),
        (
            format!("iiif_url,title\n{url},\"a\"\n{url}x,\"b\n{url}y,\"c\"\n").into_bytes(),
            &["line 3", "closed only in line 4"],
        ),
        (
            format!("iiif_url,title\n{url},\"a\n{url}x,b\n{url}y,\"\n{url}z,d\n").into_bytes(),
            &["line 2", "takes in what looks like rows"],
        ),
        (
            [
                b"iiif_url,title\n".as_slice(),
                url.as_bytes(),
                b",Z\x81rich\n",
            ]
            .concat(),
            &["row 1: the column title is neither UTF-8 nor Windows-1252"],
        ),
    ] {
        let sentence = pictures.refusal(&bytes, "data").await;
        for part in expected {
            assert!(sentence.contains(part), "{sentence}");
        }
        assert!(!sentence.contains("images.csv.part"), "{sentence}");
    }
    assert_eq!(images_csv(&pictures.path("data")), before);
    assert!(!pictures.path("data/images.csv.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_called_local_identifier_is_kept_and_the_collection_opens() {
    let pictures = Pictures::new(2).await;
    let (a, b) = (pictures.url(0), pictures.url(1));
    let table = format!("iiif_url,localIdentifier\n{a},my-1\n{b},my-2\n");
    pictures.build(table.as_bytes(), "data").await.unwrap();
    let data = pictures.path("data");
    let expected = format!(
        "iiif_url,localIdentifier_input,localIdentifier\n{a},my-1,{}\n{b},my-2,{}\n",
        image_id(&a),
        image_id(&b)
    );
    assert_eq!(images_csv(&data), expected);
    let collection = Collection::open(&data).unwrap();
    assert_eq!((collection.len(), collection.url(0)), (2, a));
    // Built from its own images.csv, nothing changes.
    let again = fs::read(data.join("images.csv")).unwrap();
    pictures.build(&again, "data").await.unwrap();
    assert_eq!(images_csv(&data), expected);
}

#[test]
fn what_a_table_is_taken_for_is_told_in_one_line() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pictures = runtime.block_on(Pictures::new(1));
    let (url, csv) = (pictures.url(0), pictures.path("in.csv"));
    let utf_16 = utf16(&format!("a\tIIIF_URL\n1\t{url}\n"), u16::to_le_bytes);
    let latin = format!("Iiif_Url;a;b\r\n{url};1;2\r\n;3;N\u{1}he\r\n").into_bytes();
    let latin = latin
        .into_iter()
        .map(|byte| if byte == 1 { 0xe4 } else { byte });
    for (bytes, expected) in [
        (
            format!("iiif_url\n{url}\n").into_bytes(),
            "separated by commas, UTF-8, 1 column, 1 row",
        ),
        (
            latin.collect(),
            "separated by semicolons, Windows-1252, 3 columns, 2 rows",
        ),
        (
            gzip(&utf_16),
            "gzipped, separated by tabs, UTF-16, 2 columns, 1 row",
        ),
        (
            format!("IIIF-Url|a\n{url}|1\n").into_bytes(),
            "separated by |, UTF-8, 2 columns, 1 row",
        ),
        (
            parquet(&[(&url, "a", None)], Codec::SNAPPY),
            "Parquet, snappy, 3 columns, 1 row",
        ),
    ] {
        fs::write(&csv, bytes).unwrap();
        let (csv, data, model) = (text_of(&csv), text_of(&pictures.path("told")), model());
        #[rustfmt::skip]
        let arguments = ["build", "--mode", "CSV", "--csv-file", &csv, "--data-dir", &data, "--model", &model];
        let ended = run(clip_search(&arguments).env("CLIP_LOG", "info"));
        let line = format!("{csv}: {expected}\n");
        assert_eq!(ended.stderr.matches(&line).count(), 1, "{}", ended.stderr);
        ended.ok();
        assert!(images_csv(&pictures.path("told")).contains("iiif_url"));
    }
}

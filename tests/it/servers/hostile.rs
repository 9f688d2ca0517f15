//! Servers that do everything wrong, beside one that does not: each costs itself alone, and a sentence.

use super::wicked::{self, Act};
use crate::build::{failures, options};
use crate::{encoder, support};
use clip_search::build;
use clip_search::build::options::{Delivery, Source};
use clip_search::collection::Collection;
use clip_search::fetch::allow::AllowList;
use clip_search::http::iiif::iiif_router;
use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// What must come of an image whose server answers like that.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Built,
    /// One of these words stands in the sentence that tells why.
    Lost(&'static [&'static str]),
    /// Lost where info.json has to tell what to ask for, and built where nothing depends on it.
    LostInfo,
}

use Expected::{Built, Lost, LostInfo};

type Answer = Box<dyn Fn(&str) -> Act + Send + Sync>;

struct Case {
    name: &'static str,
    expected: Expected,
    answer: Answer,
}

fn case(
    name: &'static str,
    expected: Expected,
    answer: impl Fn(&str) -> Act + Send + Sync + 'static,
) -> Case {
    Case {
        name,
        expected,
        answer: Box::new(answer),
    }
}

const INFO: &str = r#"{"@context": "http://iiif.io/api/image/2/context.json", "protocol": "http://iiif.io/api/image",
    "width": 400, "height": 300, "profile": ["http://iiif.io/api/image/2/level2.json"]}"#;

fn is_info(path: &str) -> bool {
    path.ends_with("/info.json")
}

/// A picture, in a size that nobody asked for.
fn picture() -> Act {
    said("200 OK", "image/jpeg", &jpeg())
}

fn jpeg() -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    support::picture(1, 120, 100)
        .write_with_encoder(encoder)
        .unwrap();
    jpeg
}

fn said(status: &str, kind: &str, body: &[u8]) -> Act {
    let more = format!("Content-Type: {kind}\r\n");
    Act::Say(wicked::response(status, &more, body))
}

fn refused(status: &str, more: &str) -> Act {
    Act::Say(wicked::response(status, more, b"not now"))
}

fn redirected(target: &str) -> Act {
    refused("302 Found", &format!("Location: {target}\r\n"))
}

/// How long a picture is said to be that is not.
const TOO_LONG: usize = 100_000;

/// The head of an answer that brings so many bytes.
fn head(n_bytes: usize) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {n_bytes}\r\n\r\n");
    head.into_bytes()
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap()
}

fn said_zipped(zip: &[u8]) -> Act {
    Act::Say(wicked::response(
        "200 OK",
        "Content-Encoding: gzip\r\n",
        zip,
    ))
}

/// A server whose info.json is this, and whose pictures are good.
fn described(name: &'static str, info: impl Into<Vec<u8>>) -> Case {
    let info = info.into();
    case(name, Built, move |path| match is_info(path) {
        true => said("200 OK", "application/json", &info),
        false => picture(),
    })
}

/// As [`described`], where the level and what else there is are said by `members`.
fn described_by(name: &'static str, members: &str) -> Case {
    let info = format!(
        r#"{{"@context": "http://iiif.io/api/image/3/context.json", "id": "http://h/i", "type": "ImageService3",
           "protocol": "http://iiif.io/api/image", {members}}}"#
    );
    described(name, info)
}

/// A server that answers this way for so many requests, and well after that.
fn at_first(n_requests: usize, answer: impl Fn() -> Act + Send + Sync + 'static) -> Answer {
    let count = AtomicUsize::new(0);
    Box::new(move |path| {
        if count.fetch_add(1, Ordering::SeqCst) < n_requests {
            answer()
        } else if is_info(path) {
            said("200 OK", "application/json", INFO.as_bytes())
        } else {
            picture()
        }
    })
}

fn in_date(seconds: u64) -> String {
    let date = SystemTime::now() + Duration::from_secs(seconds);
    format!("Retry-After: {}\r\n", httpdate::fmt_http_date(date))
}

/// Servers that refuse, or never come to an end.
fn unwilling() -> Vec<Case> {
    vec![
        Case {
            name: "a burst of 503",
            expected: Built,
            answer: at_first(4, || refused("503 Service Unavailable", "")),
        },
        Case {
            name: "a burst of 429 with a date",
            expected: Built,
            answer: at_first(1, || refused("429 Too Many Requests", &in_date(2))),
        },
        case("429 with a date in an hour", Lost(&["429"]), |_| {
            refused("429 Too Many Requests", &in_date(3600))
        }),
        case("429 with a date in the past", Lost(&["429"]), |_| {
            let past = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
            refused("429 Too Many Requests", past)
        }),
        case("429 with a wish that is none", Lost(&["429"]), |_| {
            refused(
                "429 Too Many Requests",
                "Retry-After: -99999999999999999999\r\n",
            )
        }),
        case("503 without end", Lost(&["503"]), |_| {
            refused("503 Service Unavailable", "")
        }),
        case("404", Lost(&["404"]), |_| refused("404 Not Found", "")),
        case("silence", Lost(&["did not arrive within 3 s"]), |_| {
            Act::Hold(Vec::new())
        }),
        case(
            "silence within",
            Lost(&["did not arrive within 3 s"]),
            |_| Act::Hold([head(TOO_LONG), jpeg()].concat()),
        ),
        case(
            "a byte in each second",
            Lost(&["did not arrive within 3 s"]),
            |_| Act::Drip([head(TOO_LONG), jpeg()].concat()),
        ),
        case(
            "info.json that is not said",
            LostInfo,
            |path| match is_info(path) {
                true => Act::Hold(Vec::new()),
                false => picture(),
            },
        ),
        case(
            "a body without end",
            Lost(&["is longer than", "did not arrive"]),
            |path| {
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n".to_vec();
                match is_info(path) {
                    true => refused("404 Not Found", ""),
                    false => Act::Forever(head, vec![0xff; 1 << 16]),
                }
            },
        ),
        case("a head without end", Lost(&["cannot be fetched"]), |_| {
            let line = "X-More: and more\r\n".repeat(1000);
            Act::Forever(b"HTTP/1.1 200 OK\r\n".to_vec(), line.into_bytes())
        }),
        case("a loop", Lost(&["redirects", "did not arrive"]), redirected),
        case("a redirect to a file", Lost(&["http", "scheme"]), |_| {
            redirected("file:///etc/passwd")
        }),
        case("a redirect to nowhere", Lost(&["302", "nowhere"]), |_| {
            refused("302 Found", "")
        }),
    ]
}

/// Servers that give what is no picture.
fn garbled() -> Vec<Case> {
    vec![
        case("a web page", Lost(&["HTML"]), |_| {
            said("200 OK", "text/html", b"<!DOCTYPE html><h1>Welcome</h1>")
        }),
        case(
            "a page that says it is a picture",
            Lost(&["HTML"]),
            |path| match is_info(path) {
                true => said("200 OK", "application/json", INFO.as_bytes()),
                false => said("200 OK", "image/jpeg", b"<html>error 17"),
            },
        ),
        case("a body that is cut", Lost(&["cannot be fetched"]), |_| {
            Act::Say([head(TOO_LONG), jpeg()].concat())
        }),
        case("half a picture", Lost(&["JPEG"]), |path| {
            match is_info(path) {
                true => said("200 OK", "application/json", INFO.as_bytes()),
                false => said("200 OK", "image/jpeg", &jpeg()[..700]),
            }
        }),
        case("nothing", Lost(&["empty"]), |_| {
            said("200 OK", "image/jpeg", b"")
        }),
        case(
            "an immense picture",
            Lost(&["pixels"]),
            |path| match is_info(path) {
                true => said("200 OK", "application/json", INFO.as_bytes()),
                false => said(
                    "200 OK",
                    "image/x-portable-pixmap",
                    b"P6 60000 60000 255\n...",
                ),
            },
        ),
        case("zipped garbage", Lost(&["cannot be fetched"]), |_| {
            said_zipped(b"\x1f\x8b\x08 this is no gzip at all")
        }),
        case(
            "a zipped flood",
            Lost(&["is longer than"]),
            |path| match is_info(path) {
                true => refused("404 Not Found", ""),
                false => said_zipped(&zipped(&vec![0; 64 << 20])),
            },
        ),
        case("another protocol", Lost(&["cannot be fetched"]), |_| {
            Act::Say(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec())
        }),
        case("a closed door", Lost(&["cannot be fetched"]), |_| {
            Act::Say(Vec::new())
        }),
        case("tiles of another size", Lost(&["and the tile"]), |path| {
            let level0 = r#"{"@context": "http://iiif.io/api/image/2/context.json", "width": 900, "height": 700,
                "profile": ["http://iiif.io/api/image/2/level0.json"], "tiles": [{"width": 256, "scaleFactors": [1, 2]}]}"#;
            match path {
                path if is_info(path) => said("200 OK", "application/json", level0.as_bytes()),
                path if path.contains("/full/") => refused("404 Not Found", ""),
                _ => picture(),
            }
        }),
    ]
}

/// Servers whose info.json is of no use, or worse. Their pictures are there.
fn misdescribed() -> Vec<Case> {
    let sides = r#""width": 400, "height": 300"#;
    let absurd = r#"[{"width": 18446744073709551615, "height": 1}, {"width": -1, "height": -1}, {"width": 0, "height": 0},
        {"width": 1e308, "height": 1e308}, {"width": "400", "height": null}, 7, null, [], {"width": 4294967295, "height": 4294967295}]"#;
    let tiles = r#"[{"width": 0, "scaleFactors": [1]}, {"width": 1, "scaleFactors": [0, -1, 1e99, null, 1, 18446744073709551615]},
        {"width": 18446744073709551615, "scaleFactors": [18446744073709551615]}, {"scaleFactors": 3}, "x"]"#;
    let many = vec![r#"{"width": 1, "height": 1}"#; 30_000].join(",");
    vec![
        described(
            "info.json that lies about the size",
            INFO.replace("400", "40000").replace("300", "30000"),
        ),
        described(
            "info.json that lies about the shape",
            INFO.replace("400", "40").replace("300", "30000"),
        ),
        described("info.json with no width", INFO.replace("400", "0")),
        described(
            "info.json with a width below zero",
            INFO.replace("400", "-400"),
        ),
        described(
            "info.json with a width of words",
            INFO.replace("400", r#""wide""#),
        ),
        described(
            "info.json of 10 MB",
            format!("{INFO}{}", " ".repeat(10 << 20)),
        ),
        described("info.json that is deep", "[".repeat(500_000)),
        described(
            "info.json that is deep within",
            format!(
                r#"{{"width": 400, "height": 300, "tiles": {}"#,
                r#"{"a":"#.repeat(100_000)
            ),
        ),
        described("info.json of other bytes", vec![0xfe; 1000]),
        described("info.json that is empty", ""),
        described("info.json that is a list", "[1, 2]"),
        described_by(
            "sizes that cannot be",
            &format!(r#"{sides}, "profile": "level2", "sizes": {absurd}"#),
        ),
        described_by(
            "sizes that cannot be, of static files",
            &format!(r#"{sides}, "profile": "level0", "sizes": {absurd}"#),
        ),
        described_by(
            "sizes without end",
            &format!(r#"{sides}, "profile": "level0", "sizes": [{many}]"#),
        ),
        described_by(
            "tiles that cannot be",
            &format!(r#"{sides}, "profile": "level0", "tiles": {tiles}"#),
        ),
        described_by(
            "limits that cannot be",
            &format!(
                r#"{sides}, "profile": "level2", "maxWidth": 0, "maxHeight": -4, "maxArea": 1e300"#
            ),
        ),
        described_by(
            "a limit of one pixel",
            &format!(r#"{sides}, "profile": "level2", "maxWidth": 1, "maxArea": 1"#),
        ),
        described_by(
            "formats that nobody knows",
            &format!(
                r#"{sides}, "profile": "level2", "preferredFormats": ["../../etc/passwd", 3]"#
            ),
        ),
    ]
}

/// Servers that lead to places where strangers have no business.
fn leading_inside(secret: &str) -> Vec<Case> {
    let targets = [
        ("a redirect to a neighbour", format!("{secret}/secret.jpg")),
        (
            "a redirect to what machines say of themselves",
            "http://169.254.169.254/latest/meta-data/".to_owned(),
        ),
        (
            "a redirect to another network",
            "http://10.0.0.1/a.jpg".to_owned(),
        ),
        (
            "a redirect to this machine",
            "http://[::1]:9/a.jpg".to_owned(),
        ),
        (
            "a redirect to this machine in numbers",
            "http://2130706433:9/a.jpg".to_owned(),
        ),
    ];
    let not_public = Lost(&["is not on the public internet"]);
    (targets.into_iter())
        .map(|(name, target)| case(name, not_public, move |_| redirected(&target)))
        .collect()
}

/// Runs a build of an image of each case and of good ones in between, and checks what comes of each.
async fn check(cases: Vec<Case>, delivery: Delivery, strangers: bool) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("pictures");
    fs::create_dir(&folder).unwrap();
    support::write_pictures(&folder, 60);
    let good = support::serve(iiif_router(folder, None)).await;
    let mut hosts = vec![good.clone()];
    let mut expected: BTreeMap<String, (&str, Expected)> = BTreeMap::new();
    let mut urls = Vec::new();
    for (n, case) in cases.into_iter().enumerate() {
        let base = wicked::serve(case.answer).await;
        let url = format!("{base}/iiif/a");
        expected.insert(url.clone(), (case.name, case.expected));
        urls.extend([url, format!("{good}/image-{n:03}.jpg")]);
        hosts.push(base);
    }
    let n_good = expected.len();
    let (csv, data) = (dir.path().join("in.csv"), dir.path().join("data"));
    fs::write(&csv, format!("iiif_url\n{}\n", urls.join("\n"))).unwrap();
    let mut options = options(Source::Csv(csv), &data);
    options.delivery = Some(delivery);
    options.max_failures = "100%".parse().unwrap();
    options.threads = 64.try_into().unwrap();
    options.network.retries = 2;
    options.network.retry_pause = Duration::from_millis(20);
    options.network.image_timeout = Duration::from_secs(3);
    options.network.max_image_bytes = 1 << 20;
    if strangers {
        let list = hosts.join(",").replace("http://", "");
        options.network.public_except = Some(list.parse::<AllowList>().unwrap());
    }
    let begun = Instant::now();
    let built = build::run(options, Arc::new(encoder::demo()), pending());
    let summary = tokio::time::timeout(Duration::from_secs(300), built).await;
    let summary = summary.expect("bounded time").unwrap();
    println!(
        "{} images in {:.1} s",
        urls.len(),
        begun.elapsed().as_secs_f32()
    );

    let reasons: BTreeMap<String, String> = (failures(&data).into_iter())
        .map(|[_, url, stage, reason]| (url, format!("{stage}: {reason}")))
        .collect();
    let collection = Collection::open(&data).unwrap();
    let mut wrong = Vec::new();
    for (url, (name, expected)) in &expected {
        let is_built = collection.row_of_url(url).is_some();
        let reason = reasons.get(url).map_or("", String::as_str);
        println!("{name}: {}", if is_built { "built" } else { reason });
        let words: &[&str] = match (expected, delivery) {
            (Built, _) | (LostInfo, Delivery::Width(_)) => &[],
            (LostInfo, Delivery::Smallest) => &["without info.json it is not known"],
            (Lost(words), _) => words,
        };
        let is_one_line = !reason.chars().any(char::is_control);
        let is_right = match words {
            [] => is_built && reason.is_empty(),
            words => !is_built && is_one_line && words.iter().any(|word| reason.contains(word)),
        };
        if !is_right {
            wrong.push(format!("{name}: {reason:?} ({expected:?})"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let n_lost = reasons.len();
    assert_eq!(summary.encoded, urls.len() - n_lost);
    let n_of_good = (urls.iter())
        .filter(|url| url.starts_with(&good) && collection.row_of_url(url).is_some())
        .count();
    assert_eq!(n_of_good, n_good, "{reasons:#?}");
}

fn all() -> Vec<Case> {
    let groups = [unwilling(), garbled(), misdescribed()];
    groups.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_wrong_costs_their_own_images_alone() {
    check(all(), Delivery::Smallest, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_where_nothing_depends_on_info() {
    check(all(), Delivery::Width(640.try_into().unwrap()), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_where_strangers_name_the_images() {
    let n_asked = Arc::new(AtomicUsize::new(0));
    let count = n_asked.clone();
    let secret = wicked::serve(Box::new(move |_: &str| {
        count.fetch_add(1, Ordering::SeqCst);
        picture()
    }))
    .await;
    let cases = all().into_iter().chain(leading_inside(&secret)).collect();
    check(cases, Delivery::Smallest, true).await;
    assert_eq!(n_asked.load(Ordering::SeqCst), 0, "nobody was let in");
}

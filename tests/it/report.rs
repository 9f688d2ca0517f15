//! `build --report`: what people and programs are told of a build.

use crate::build::{options, run};
use crate::support;
use clip_search::build::limit::Limit;
use clip_search::build::options::{BuildOptions, Source};
use clip_search::http::iiif::iiif_router;
use image::RgbImage;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A picture of sixteen fields whose colours no other `n` has.
fn fields(n: u32, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let field = n * 16 + y * 4 / height * 4 + x * 4 / width;
        let [r, g, b, _] = field.wrapping_mul(2_654_435_761).to_be_bytes();
        image::Rgb([r, g, b])
    })
}

/// Thirty pictures, one of them under a second name and another in half its size, one that is no picture, and URLs
/// of none.
async fn built(dir: &Path, reports: &[&str]) -> (String, BuildOptions) {
    let folder = dir.join("pictures");
    fs::create_dir(&folder).unwrap();
    let mut rows = String::new();
    let base = support::serve(iiif_router(folder.clone(), None)).await;
    for n in 0..30 {
        let name = format!("p{n}.png");
        fields(n, 300, 200).save(folder.join(&name)).unwrap();
        rows.push_str(&format!("{base}/{name}\n"));
    }
    fs::copy(folder.join("p3.png"), folder.join("twin.png")).unwrap();
    let half = image::imageops::thumbnail(&fields(7, 300, 200), 150, 100);
    half.save(folder.join("half.png")).unwrap();
    for name in ["twin.png", "half.png", "none-1.png", "none-2.png"] {
        rows.push_str(&format!("{base}/{name}\n"));
    }
    rows.push_str("no/url\n\"https://<b>x</b>.invalid/\"\n");
    let csv = dir.join("in.csv");
    fs::write(&csv, format!("iiif_url\n{rows}")).unwrap();
    let mut options = options(Source::Csv(csv), &dir.join("data"));
    options.max_failures = Limit::Images(99);
    options.reports = reports.iter().map(|name| dir.join(name)).collect();
    run(options.clone()).await.unwrap();
    (base, options)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_what_a_build_came_to() {
    let dir = tempfile::tempdir().unwrap();
    let (base, mut options) = built(dir.path(), &["report.html", "report.json"]).await;
    let json = fs::read_to_string(dir.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["summary"]["images"], 34);
    assert_eq!(report["summary"]["encoded"], 32);
    let missing = &report["failures"][0];
    assert_eq!(missing["count"], 2, "{missing}");
    assert_eq!(missing["stage"], "download");
    assert_eq!(missing["hosts"][0], serde_json::json!([base, 2]));
    let remedy = missing["remedy"].as_str().unwrap();
    assert!(remedy.contains("no such image"), "{missing}");
    assert_eq!(report["hosts"][&base]["fetched"], 32);
    assert!(report["hosts"][&base]["bytes"].as_u64().unwrap() > 32 * 500);
    assert_eq!(report["sizes"]["from_info"], 32);
    assert_eq!(
        report["sizes"]["smallest_median_largest"][0],
        serde_json::json!([150, 100])
    );
    assert_eq!(report["sample"].as_array().unwrap().len(), 16);

    // The twin, and the one in half the size.
    let groups: Vec<Vec<&str>> = (report["duplicates"].as_array().unwrap().iter())
        .map(|group| {
            (group.as_array().unwrap().iter())
                .map(|image| image["url"].as_str().unwrap().rsplit('/').next().unwrap())
                .collect()
        })
        .collect();
    for wanted in [["p3.png", "twin.png"], ["p7.png", "half.png"]] {
        let is_there = |group: &Vec<&str>| wanted.iter().all(|name| group.contains(name));
        assert!(groups.iter().any(is_there), "{groups:?}");
    }

    let html = fs::read_to_string(dir.path().join("report.html")).unwrap();
    for part in [
        "default-src 'none'; img-src data:",
        "no such image",
        "data:image/jpeg;base64,",
        &base,
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<b>x</b>"), "what the input says is text");
    let sources = html.matches("src=\"").count();
    assert_eq!(
        sources,
        html.matches("src=\"data:").count(),
        "nothing is fetched"
    );

    // Downloads may be deleted; what is known is told.
    fs::remove_dir_all(dir.path().join("data/images")).unwrap();
    run(options.clone()).await.unwrap();
    let html = fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(
        html.contains("p3.png") && !html.contains("data:image"),
        "no pictures"
    );

    options.reports = vec![dir.path().join("report.pdf")];
    let error = run(options).await.unwrap_err().to_string();
    assert!(
        error.contains("report.pdf: the name of a report ends in .html or .json"),
        "{error}"
    );
}

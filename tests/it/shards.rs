//! Shards of a build, and `merge`: what several machines make is what one would have made.

use crate::build::{Fixture, files, options, run};
use crate::harvest::site::Site;
use crate::harvest::stream::Stream;
use crate::process::{self, Running};
use crate::support::{ImagesBy, Numbers, TinyEncoder};
use crate::world::text_of;
use clip_search::build::limit::Limit;
use clip_search::build::merge::{self, MergeOptions, MergeSummary};
use clip_search::build::options::{BuildOptions, Delivery, Source};
use clip_search::build::recorded::Recorded;
use clip_search::build::shard::Shard;
use clip_search::build::{self, BuildSummary, Outcome};
use clip_search::collection::Collection;
use clip_search::embedding::Embedding;
use clip_search::encoder::{Encoder, Pixels};
use clip_search::features::npy::Precision;
use clip_search::image_id;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A table of `n_rows` of all kinds: images, the same again, spelled otherwise, gone, no URL, no picture, nothing.
fn table(numbers: &mut Numbers, fixture: &Fixture, n_rows: usize, n_images: usize) -> String {
    let mut text = "title,iiif_url,note\n".to_owned();
    for row in 0..n_rows {
        let image = fixture.url(numbers.below(n_images));
        let url = match numbers.below(12) {
            0 => String::new(),
            1 => format!("{}/gone-{}.jpg", fixture.base(), numbers.below(3)),
            2 => format!("ftp://example.org/{row}"),
            3 => format!("{}/", image),
            4 => " not a url ".to_owned(),
            _ => image,
        };
        text.push_str(&format!("\"Row \"\"{row}\"\",\nof many\",{url},é{row}\n"));
    }
    text
}

fn shards(of: u32) -> Vec<Shard> {
    Shard::all(NonZeroU32::new(of).unwrap()).collect()
}

/// The options of a fixture's build, with any number of failures.
fn lenient(csv: &Path, data: &Path) -> BuildOptions {
    let mut options = options(Source::Csv(csv.to_owned()), data);
    options.max_failures = Limit::Percent(100.0);
    options
}

/// Builds all `of` shards and gives their folders, the last one first.
async fn build_shards(csv: &Path, dir: &Path, of: u32) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for shard in shards(of).into_iter().rev() {
        let folder = dir.join(format!("shard-{}-of-{of}", shard.number()));
        let mut options = lenient(csv, &folder);
        options.shard = Some(shard);
        run(options).await.unwrap();
        folders.push(folder);
    }
    folders
}

fn options_of(shards: &[PathBuf], out: &Path) -> MergeOptions {
    MergeOptions {
        data_dir: out.to_owned(),
        shards: shards.to_vec(),
        with_images: false,
        max_failures: Limit::Percent(100.0),
    }
}

fn merge(shards: &[PathBuf], out: &Path) -> anyhow::Result<MergeSummary> {
    merge::run(&options_of(shards, out))
}

/// The sentence with which these cannot be merged.
#[track_caller]
fn refusal(shards: &[PathBuf], out: &Path) -> String {
    let sentence = format!("{:#}", merge(shards, out).unwrap_err());
    assert!(!sentence.contains('\n'), "{sentence}");
    sentence
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_put_together_are_one_build() {
    let fixture = Fixture::new(14).await;
    let mut numbers = Numbers(7);
    for round in 0..4 {
        let csv = fixture.csv_of(&table(&mut numbers, &fixture, 40, 12));
        let single = fixture.path(&format!("single-{round}"));
        let whole = run(lenient(&csv, &single)).await.unwrap();
        let expected = files(&single);
        let is_mixed = whole.skipped > 0 && whole.failed.len() > 1 && whole.encoded > 3;
        assert!(is_mixed, "the table has all kinds of rows: {whole}");
        for of in [1, 2, 3, 7] {
            let dir = fixture.path(&format!("round-{round}"));
            let folders = build_shards(&csv, &dir, of).await;
            let out = dir.join(format!("merged-{of}"));
            let summary = merge(&folders, &out).unwrap();
            assert!(files(&out) == expected, "round {round}, {of} shards");
            assert_eq!(
                (summary.rows, summary.skipped, summary.vectors),
                (whole.rows, whole.skipped, whole.encoded)
            );
            assert_eq!(summary.failed, whole.failed);
            assert_eq!(
                (Collection::open(&out).unwrap().len(), of as usize),
                (whole.encoded, summary.shards)
            );
            // Again, over what the first one made.
            merge(&folders, &out).unwrap();
            assert!(files(&out) == expected, "merged twice");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_collection_is_built_further() {
    let mut fixture = Fixture::new(12).await;
    let folders = build_shards(&fixture.csv(9), &fixture.path(""), 3).await;
    let out = fixture.path("out");
    merge(&folders, &out).unwrap();
    assert!(out.join("merge.json").exists());
    run(fixture.options(&fixture.csv(12), "single"))
        .await
        .unwrap();
    while fixture.requests.try_recv().is_ok() {}
    let summary = run(fixture.options(&fixture.csv(12), "out")).await.unwrap();
    assert_eq!((summary.reused, summary.encoded), (9, 3));
    assert_eq!(files(&out), files(&fixture.path("single")));
    let mut n_requests = 0;
    while fixture.requests.try_recv().is_ok() {
        n_requests += 1;
    }
    assert_eq!(n_requests, 9, "three requests for each of the new images");
    // It has what the shards have not.
    let sentence = refusal(&folders, &out);
    assert!(sentence.contains("no merge has made"), "{sentence}");
    assert_eq!(files(&out), files(&fixture.path("single")));
}

/// What else a build goes on from: the lines of what is kept as it comes, whose order is that of answers, and where
/// the images come from.
fn known(data: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let lines = |name| {
        let text = fs::read_to_string(data.join(name)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        (name, lines)
    };
    let (source, text) = lines("source.json");
    // When it ended.
    let text = text
        .into_iter()
        .filter(|line| !line.contains("\"ended\""))
        .collect();
    let jsonl = ["features/answers.jsonl", "features/gone.jsonl"].map(lines);
    jsonl.into_iter().chain([(source, text)]).collect()
}

/// Runs the build again that is recorded.
async fn update(data: &Path, refreshes: bool) -> BuildSummary {
    let mut options = Recorded::options(data).unwrap();
    options.network.retry_pause = Duration::from_millis(1);
    options.refreshes = refreshes;
    run(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_goes_on_as_one_build_does() {
    let mut fixture = Fixture::new(14).await;
    let mut numbers = Numbers(11);
    let csv = fixture.csv_of(&table(&mut numbers, &fixture, 40, 12));
    let single = fixture.path("single");
    run(lenient(&csv, &single)).await.unwrap();
    let folders = build_shards(&csv, &fixture.path(""), 3).await;
    let out = fixture.path("out");
    merge(&folders, &out).unwrap();
    assert_eq!(known(&out), known(&single));
    assert!(
        known(&out)["features/gone.jsonl"].len() > 2,
        "some are gone"
    );
    // Night after night, as many requests, and the same to the last.
    let mut asked = async |data: &Path, refreshes| {
        while fixture.requests.try_recv().is_ok() {}
        let summary = update(data, refreshes).await;
        let mut n_requests = 0;
        while fixture.requests.try_recv().is_ok() {
            n_requests += 1;
        }
        (summary, n_requests)
    };
    for night in 0..6 {
        let of_single = asked(&single, night == 3).await;
        let of_merged = asked(&out, night == 3).await;
        assert_eq!(of_merged, of_single, "night {night}");
        assert_eq!(of_single.1 > 0, matches!(night, 3 | 4), "night {night}");
        assert_eq!(known(&out), known(&single), "night {night}");
    }
    assert!(files(&out) == files(&single));
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_were_built_more_often_than_others_ask_for_what_is_gone_as_the_last() {
    let fixture = Fixture::new(6).await;
    let rows: String = (0..12)
        .map(|n| format!("{}/gone-{n}.jpg\n", fixture.base()))
        .collect();
    let csv = fixture.csv_of(&format!("iiif_url\n{}\n{rows}", fixture.url(0)));
    let folders = build_shards(&csv, &fixture.path(""), 2).await;
    for _ in 0..2 {
        let mut options = lenient(&csv, &folders[0]);
        options.shard = Some(shards(2)[1]);
        run(options).await.unwrap();
    }
    let out = fixture.path("out");
    merge(&folders, &out).unwrap();
    // Asked for in the first of five builds: of one shard that was three builds ago, of the other one.
    let mut passed = Vec::new();
    for _ in 0..5 {
        passed.push(update(&out, false).await.passed_over);
    }
    let n_first = csv_lines(&folders[0], "failures.csv");
    let n_other = csv_lines(&folders[1], "failures.csv");
    assert_eq!(n_first + n_other, 12);
    assert_eq!(passed, [12, 12, 12 - n_first, 12, 12 - n_other]);
}

fn csv_lines(folder: &Path, name: &str) -> usize {
    fs::read_to_string(folder.join(name))
        .unwrap()
        .lines()
        .count()
        - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_a_folder_read_no_file_again() {
    let dir = tempfile::tempdir().unwrap();
    let pictures = dir.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    crate::support::write_pictures(&pictures, 9);
    let build = async |name: &str, shard| {
        let source = Source::Folder {
            dir: pictures.clone(),
            base_url: "http://127.0.0.1:8182".parse().unwrap(),
        };
        let mut options = options(source, &dir.path().join(name));
        options.shard = shard;
        options.max_failures = Limit::Percent(100.0);
        let summary = run(options).await.unwrap();
        (dir.path().join(name), summary)
    };
    let (single, _) = build("single", None).await;
    let mut folders = Vec::new();
    for shard in shards(3) {
        folders.push(
            build(&format!("shard-{}", shard.number()), Some(shard))
                .await
                .0,
        );
    }
    // Another picture in a shard that is built again, so that its journal has an old vector.
    let other = crate::support::picture(77, 60, 40);
    other.save(pictures.join("image-004.jpg")).unwrap();
    build("single", None).await;
    for shard in shards(3) {
        build(&format!("shard-{}", shard.number()), Some(shard)).await;
    }
    let out = dir.path().join("out");
    merge(&folders, &out).unwrap();
    assert!(files(&out) == files(&single));
    let summary = update(&out, false).await;
    assert_eq!((summary.encoded, summary.reused), (0, 9));
    assert!(files(&out) == files(&single));
    // What a file was is known.
    crate::support::picture(78, 40, 60)
        .save(pictures.join("image-002.jpg"))
        .unwrap();
    let summary = update(&out, false).await;
    assert_eq!(
        (summary.encoded, summary.changed, summary.reused),
        (1, 1, 8)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_a_stream_ask_for_no_document_again() {
    let site = Site::new(6).await;
    let mut stream = Stream::of_books(&site, 5);
    let url = stream.publish(&site);
    let mut folders = Vec::new();
    for shard in shards(2) {
        let mut options = site.options(&[]);
        options.source = Source::Discovery(url.clone());
        options.data_dir = site.path(&format!("shard-{}", shard.number()));
        options.shard = Some(shard);
        options.max_failures = Limit::Percent(100.0);
        run(options.clone()).await.unwrap();
        folders.push(options.data_dir);
    }
    let out = site.path("out");
    for _ in 0..2 {
        merge(&folders, &out).unwrap();
    }
    let before: usize = (0..5).map(|n| site.times(&format!("book-{n}"))).sum();
    site.put_book("book-3", &[3, 5]);
    stream.tell(&site, "Update book-3");
    stream.publish(&site);
    let mut options = Recorded::options(&out).unwrap();
    assert_eq!(options.shard, None);
    options.network = site.options(&[]).network;
    let summary = run(options).await.unwrap();
    assert_eq!((summary.images, summary.encoded), (6, 1));
    let after: usize = (0..5).map(|n| site.times(&format!("book-{n}"))).sum();
    assert_eq!(after - before, 1, "that which has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_grow_with_their_input() {
    let fixture = Fixture::new(9).await;
    let out = fixture.path("out");
    for n_images in [5, 9, 6] {
        let csv = fixture.csv(n_images);
        let folders = build_shards(&csv, &fixture.path(""), 2).await;
        merge(&folders, &out).unwrap();
        let single = fixture.path(&format!("single-{n_images}"));
        run(lenient(&csv, &single)).await.unwrap();
        assert!(files(&out) == files(&single), "{n_images} images");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_precision_is_merged_as_it_is() {
    let fixture = Fixture::new(6).await;
    let csv = fixture.csv(6);
    let mut folders = Vec::new();
    for shard in shards(2) {
        let folder = fixture.path(&format!("shard-{}", shard.number()));
        let mut options = lenient(&csv, &folder);
        options.precision = Precision::F16;
        options.shard = Some(shard);
        run(options).await.unwrap();
        folders.push(folder);
    }
    merge(&folders, &fixture.path("out")).unwrap();
    let mut options = lenient(&csv, &fixture.path("single"));
    options.precision = Precision::F16;
    run(options).await.unwrap();
    assert_eq!(files(&fixture.path("out")), files(&fixture.path("single")));
    // The journal has the exact vectors.
    run(fixture.options(&csv, "out")).await.unwrap();
    run(fixture.options(&csv, "single")).await.unwrap();
    assert_eq!(files(&fixture.path("out")), files(&fixture.path("single")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_without_images_is_a_success_and_is_merged() {
    let fixture = Fixture::new(2).await;
    let csv = fixture.csv_of(&format!("iiif_url\n{}\n", fixture.url(1)));
    let id = image_id::digest(&fixture.url(1));
    let empty = shards(3).into_iter().find(|shard| !shard.has(&id)).unwrap();
    let folders = build_shards(&csv, &fixture.path(""), 3).await;
    let mut again = lenient(
        &csv,
        &fixture.path(&format!("shard-{}-of-3", empty.number())),
    );
    again.shard = Some(empty);
    again.max_failures = Limit::Images(0);
    let summary = run(again).await.unwrap();
    assert_eq!(summary.outcome, Outcome::Finished);
    assert_eq!(
        summary.to_string(),
        format!(
            "shard {empty}: 1 rows, 0 skipped, 0 images: 0 encoded, 0 from earlier runs, 0 failed; no image of the input is in this shard"
        )
    );
    merge(&folders, &fixture.path("out")).unwrap();
    run(fixture.options(&csv, "single")).await.unwrap();
    assert_eq!(files(&fixture.path("out")), files(&fixture.path("single")));

    // A shard whose images all fail has its part of failures.csv; all together are as one build.
    let csv = fixture.csv_of(&format!("iiif_url\n{}/gone.jpg\n", fixture.base()));
    let folders = build_shards(&csv, &fixture.path("gone"), 2).await;
    let sentence = refusal(&folders, &fixture.path("nothing"));
    assert!(sentence.contains("no shard has a vector"), "{sentence}");
    assert!(!fixture.path("nothing").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_linked_where_they_are_asked_for() {
    let fixture = Fixture::new(5).await;
    let csv = fixture.csv(5);
    let folders = build_shards(&csv, &fixture.path(""), 2).await;
    let out = fixture.path("out");
    let downloads = |dir: &Path| {
        let names = fs::read_dir(dir.join("images")).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    };
    merge(&folders, &out).unwrap();
    assert_eq!(downloads(&out), [""; 0]);
    let mut options = options_of(&folders, &out);
    options.with_images = true;
    for _ in 0..2 {
        merge::run(&options).unwrap();
        run(fixture.options(&csv, "single")).await.unwrap();
        assert_eq!(downloads(&out), downloads(&fixture.path("single")));
        assert_eq!(downloads(&out).len(), 5);
    }
    let name = &downloads(&out)[0];
    let bytes = |dir: &str| fs::read(fixture.path(dir).join("images").join(name)).unwrap();
    assert_eq!(bytes("out"), bytes("single"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let links = fs::metadata(out.join("images").join(name)).unwrap().nlink();
        assert_eq!(links, 2, "one file with two names");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_manifests_say_is_merged() {
    let site = Site::new(6).await;
    site.put_book("a", &[3, 1]);
    site.put_book("b", &[2, 5, 1]);
    let roots = [site.url("a"), site.url("gone"), site.url("b")];
    let build = async |name: &str, shard| {
        let mut options = site.options(&roots);
        options.data_dir = site.path(name);
        options.shard = shard;
        options.max_failures = Limit::Percent(100.0);
        run(options).await.unwrap();
        site.path(name)
    };
    let single = build("single", None).await;
    let mut folders = Vec::new();
    for shard in shards(3) {
        folders.push(build(&format!("shard-{}", shard.number()), Some(shard)).await);
    }
    let out = site.path("out");
    merge(&folders, &out).unwrap();
    assert_eq!(files(&out), files(&single));
    let triples = |dir: &Path| fs::read_to_string(dir.join("manifests.nt")).unwrap();
    assert_eq!(triples(&out), triples(&single));
    assert!(triples(&out).contains("Book b"));
    // What they say is a part of the input.
    site.put_book("b", &[2, 5, 1, 4]);
    folders[1] = build("shard-2", Some(shards(3)[1])).await;
    let sentence = refusal(&folders, &out);
    assert!(sentence.contains("different inputs"), "{sentence}");
    assert_eq!(files(&out), files(&single));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_shard_or_a_whole_collection() {
    let fixture = Fixture::new(4).await;
    let csv = fixture.csv(4);
    let refused = async |data: &str, shard: Option<&str>| {
        let before = files(&fixture.path(data));
        let mut options = lenient(&csv, &fixture.path(data));
        options.shard = shard.map(|shard| shard.parse().unwrap());
        let sentence = run(options).await.unwrap_err().to_string();
        assert_eq!(files(&fixture.path(data)), before);
        sentence
    };
    build_shards(&csv, &fixture.path(""), 2).await;
    run(lenient(&csv, &fixture.path("single"))).await.unwrap();
    for (data, shard, expected) in [
        ("shard-1-of-2", Some("2/2"), "holds the shard 1/2, not 2/2"),
        ("shard-1-of-2", Some("1/3"), "holds the shard 1/2, not 1/3"),
        ("shard-1-of-2", None, "build it with --shard 1/2"),
        ("single", Some("1/2"), "holds a collection that is no shard"),
    ] {
        let sentence = refused(data, shard).await;
        assert!(sentence.contains(expected), "{sentence}");
        assert!(sentence.contains(data), "{sentence}");
    }
    // As the sentence says.
    fs::remove_file(fixture.path("shard-1-of-2/shard.json")).unwrap();
    run(lenient(&csv, &fixture.path("shard-1-of-2")))
        .await
        .unwrap();
    let whole = files(&fixture.path("single"));
    assert_eq!(files(&fixture.path("shard-1-of-2")), whole);
    fs::write(fixture.path("shard-2-of-2/shard.json"), "{").unwrap();
    let sentence = refused("shard-2-of-2", Some("2/2")).await;
    assert!(
        sentence.contains("shard.json is damaged; delete it"),
        "{sentence}"
    );
    // A mistake in the input is none of the folder.
    let mut options = lenient(&fixture.path("nowhere.csv"), &fixture.path("new"));
    options.shard = Some("1/3".parse().unwrap());
    run(options).await.unwrap_err();
    let mut options = lenient(&csv, &fixture.path("new"));
    options.shard = Some("2/3".parse().unwrap());
    run(options).await.unwrap();
}

async fn shard_with(
    fixture: &Fixture,
    name: &str,
    shard: &str,
    change: impl FnOnce(&mut BuildOptions),
) -> PathBuf {
    let folder = fixture.path(name);
    let mut options = lenient(&fixture.path("input.csv"), &folder);
    options.shard = Some(shard.parse().unwrap());
    change(&mut options);
    run(options).await.unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_together_is_refused() {
    let fixture = Fixture::new(12).await;
    let csv = fixture.csv(12);
    let out = fixture.path("out");
    let [one, two] = ["1/2", "2/2"].map(|shard| format!("shard-{}", &shard[..1]));
    let one = shard_with(&fixture, &one, "1/2", |_| {}).await;
    let two = shard_with(&fixture, &two, "2/2", |_| {}).await;
    let with = |other: &Path| [one.clone(), other.to_owned()];
    let check = |folders: &[PathBuf], expected: &[&str]| {
        let sentence = refusal(folders, &out);
        for words in expected {
            assert!(sentence.contains(words), "{words} in {sentence}");
        }
        assert!(!out.exists(), "{sentence}");
    };

    let half = shard_with(&fixture, "half", "2/2", |o| o.precision = Precision::F16).await;
    check(
        &with(&half),
        &["different precisions (F32 and F16)", "half", "--precision"],
    );
    let narrow = shard_with(&fixture, "narrow", "2/2", |o| {
        o.delivery = Some(Delivery::Width(50.try_into().unwrap()));
    })
    .await;
    check(
        &with(&narrow),
        &[
            "different pictures (640 pixels wide and 50 pixels wide)",
            "narrow",
        ],
    );
    let thirds = shard_with(&fixture, "third", "2/3", |_| {}).await;
    check(&with(&thirds), &["the shard 1/2", "the shard 2/3", "third"]);
    check(std::slice::from_ref(&one), &["the shard 2/2 is missing"]);
    check(&[thirds], &["the shards 1/3, 3/3 are missing"]);
    let many = shard_with(&fixture, "many", "2/40", |_| {}).await;
    check(&[many], &["1/40, 3/40", "11/40, and more are missing"]);
    check(
        &[one.clone(), two.clone(), one.clone()],
        &["the shard 1/2 is given twice, in"],
    );
    check(
        &with(&fixture.path("nowhere")),
        &["nowhere is missing", "No such file"],
    );
    check(&with(&csv), &["input.csv is no folder"]);
    run(lenient(&csv, &fixture.path("single"))).await.unwrap();
    check(
        &with(&fixture.path("single")),
        &["single is no shard", "--shard i/n"],
    );
    check(&with(&fixture.path("pictures")), &["pictures is no shard"]);

    // Another model of the same width.
    let model = crate::encoder::tiny(clip_search::encoder::model::Precision::F32);
    let mut options = lenient(&csv, &fixture.path("model"));
    options.shard = Some("2/2".parse().unwrap());
    options.delivery = Some(Delivery::Width(640.try_into().unwrap()));
    build::run(options, Arc::new(model), std::future::pending())
        .await
        .unwrap();
    check(
        &with(&fixture.path("model")),
        &["different models", "tiny-clip (f32)"],
    );

    // Not built to the end: stopped, or killed while its files were put in place.
    let mut options = lenient(&csv, &fixture.path("stopped"));
    options.shard = Some("2/2".parse().unwrap());
    let mut polls = 0;
    let stop = std::future::poll_fn(|context| {
        polls += 1;
        context.waker().wake_by_ref();
        match polls > 50 {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    });
    let stopped = build::run(options.clone(), Arc::new(TinyEncoder), stop)
        .await
        .unwrap();
    assert_eq!(stopped.outcome, Outcome::Interrupted);
    if fixture.path("stopped/shard.json").exists() {
        check(
            &with(&fixture.path("stopped")),
            &["the shard 2/2 in", "is not finished", "--shard 2/2"],
        );
    } else {
        check(&with(&fixture.path("stopped")), &["is no shard"]);
    }
    fs::rename(two.join("features/imageIds.csv"), fixture.path("ids")).unwrap();
    check(&with(&two), &["is not finished"]);
    fs::rename(fixture.path("ids"), two.join("features/imageIds.csv")).unwrap();

    // Another input.
    fs::write(
        &csv,
        fs::read_to_string(&csv)
            .unwrap()
            .replace("Image, 3", "Image 3"),
    )
    .unwrap();
    let other = shard_with(&fixture, "other", "2/2", |_| {}).await;
    check(&with(&other), &["different inputs", "one CSV file"]);

    // What lies in the way stays.
    let single = files(&fixture.path("single"));
    let sentence = refusal(&with(&two), &fixture.path("single"));
    assert!(sentence.contains("no merge has made"), "{sentence}");
    assert_eq!(files(&fixture.path("single")), single);
    let sentence = refusal(&with(&two), &two);
    assert!(
        sentence.contains("holds a shard, and the merged"),
        "{sentence}"
    );
    let sentence = refusal(&with(&two), &fixture.path("pictures"));
    assert!(
        sentence.contains("something that no merge has made (image-0"),
        "{sentence}"
    );
    fs::create_dir_all(out.join("lost+found")).unwrap();
    merge(&with(&two), &out).unwrap();
    assert_eq!(files(&out), single);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_of_a_shard_is_found_and_the_merge_before_it_stays() {
    let fixture = Fixture::new(6).await;
    let csv = fixture.csv_of(&table(&mut Numbers(3), &fixture, 25, 6));
    let folders = build_shards(&csv, &fixture.path(""), 2).await;
    let out = fixture.path("out");
    merge(&folders, &out).unwrap();
    let expected = files(&out);
    for name in [
        "images.csv",
        "rows.csv",
        "failures.csv",
        "sizes.csv",
        "features/features.npy",
        "features/imageIds.csv",
        "features/features.json",
    ] {
        let path = folders[0].join(name);
        let whole = fs::read(&path).unwrap();
        let mut damages = vec![
            Vec::new(),
            vec![0; whole.len()],
            [&whole[..], b"1,1\n"].concat(),
        ];
        for at in [0, whole.len() / 3, whole.len() - 2] {
            damages.push(whole[..at].to_vec());
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            damages.push(flipped);
        }
        for damaged in damages {
            fs::write(&path, &damaged).unwrap();
            let sentence = refusal(&folders, &out);
            let file = path.file_name().unwrap().to_str().unwrap();
            assert!(sentence.contains(file), "{name}: {sentence}");
            assert!(files(&out) == expected, "{name}: {sentence}");
        }
        fs::remove_file(&path).unwrap();
        refusal(&folders, &out);
        assert!(files(&out) == expected, "{name} is missing");
        fs::write(&path, whole).unwrap();
    }
    merge(&folders, &out).unwrap();
    assert!(files(&out) == expected);
    let leftovers = fs::read_dir(&out).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().ends_with(".part")
    });
    assert_eq!(leftovers.count(), 0);

    // Without the journals the collection is whole; the next build has more to do.
    for folder in &folders {
        fs::remove_file(folder.join("features/build.journal")).unwrap();
        fs::write(folder.join("features/sizes.journal"), [7; 99]).unwrap();
    }
    merge(&folders, &out).unwrap();
    assert!(files(&out) == expected);
    let summary: BuildSummary = run(lenient(&csv, &out)).await.unwrap();
    assert_eq!(summary.reused, 0);
    assert!(files(&out) == expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_merge_is_done_again() {
    let fixture = Fixture::new(30).await;
    let csv = fixture.csv(30);
    let folders = build_shards(&csv, &fixture.path(""), 3).await;
    run(fixture.options(&csv, "single")).await.unwrap();
    let expected = files(&fixture.path("single"));
    let out = fixture.path("out");
    let command = || {
        let mut command = process::clip_search(&["merge", "--data-dir", &text_of(&out)]);
        command.args(&folders);
        command
    };
    let started = Instant::now();
    let summary = process::run(&mut command()).ok();
    assert_eq!(
        summary,
        "3 shards: 30 rows, 0 skipped, 30 vectors, 0 failed\n"
    );
    let whole = started.elapsed();
    assert!(files(&out) == expected);
    let mut n_killed = 0;
    for moment in 0..20u32 {
        if moment % 2 == 0 {
            fs::remove_dir_all(&out).unwrap();
        }
        let mut merging = Running::start(&mut command());
        tokio::time::sleep(whole * moment / 20 + Duration::from_micros(300)).await;
        n_killed += usize::from(merging.is_running());
        drop(merging);
        if let Ok(collection) = Collection::open(&out) {
            assert_eq!(collection.len(), 30, "whole or not there");
        }
        process::run(&mut command()).ok();
        assert!(files(&out) == expected, "killed at {moment} of 20");
    }
    assert!(n_killed >= 3, "killed {n_killed} times");
}

/// A model whose vectors differ from those of [`TinyEncoder`] by this much in one component.
fn off(by: f32) -> impl Encoder {
    ImagesBy(move |images: &[Pixels]| {
        let off = |embedding: Embedding| {
            let mut vector = embedding.as_slice().to_vec();
            vector[3] += by;
            Embedding::new(vector).unwrap()
        };
        let exact = TinyEncoder.encode_images(images)?;
        Ok(exact.into_iter().map(off).collect())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_may_round_differently_and_models_may_not() {
    let fixture = Fixture::new(8).await;
    let csv = fixture.csv(8);
    let one = shard_with(&fixture, "one", "1/2", |_| {}).await;
    let build_two = async |name: &str, by: f32| {
        let mut options = lenient(&csv, &fixture.path(name));
        options.shard = Some("2/2".parse().unwrap());
        build::run(options, Arc::new(off(by)), std::future::pending())
            .await
            .unwrap();
        fixture.path(name)
    };
    let near = build_two("near", 1e-6).await;
    let out = fixture.path("out");
    merge(&[one.clone(), near], &out).unwrap();
    run(fixture.options(&csv, "single")).await.unwrap();
    let (merged, single) = (
        Collection::open(&out).unwrap(),
        Collection::open(&fixture.path("single")).unwrap(),
    );
    let of = |collection: &Collection, row| {
        Embedding::new(collection.features().row(row).to_vec()).unwrap()
    };
    for row in 0..8 {
        assert_eq!(merged.url(row), single.url(row));
        assert!(of(&merged, row).cosine(&of(&single, row)) > 0.999_999);
    }
    // The work of both is known to the next build, which is on a processor as that of the first shard.
    let summary = run(fixture.options(&csv, "out")).await.unwrap();
    assert_eq!((summary.reused, summary.encoded), (8, 0));

    let far = build_two("far", 0.3).await;
    let sentence = refusal(&[one, far], &fixture.path("other"));
    assert!(
        sentence.contains("are of different models (the one with"),
        "{sentence}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_shards_than_open_files_are_told_with_the_remedy() {
    let fixture = Fixture::new(3).await;
    let folders = build_shards(&fixture.csv(3), &fixture.path(""), 40).await;
    let out = fixture.path("out");
    let limited = |n_files: u32| {
        let merge = process::clip_search(&["merge", "--data-dir", &text_of(&out)]);
        let mut command = process::program("sh");
        command.args(["-c", &format!("ulimit -n {n_files}; exec \"$@\""), "sh"]);
        command.arg(merge.get_program()).args(merge.get_args());
        command.args(&folders).env("CLIP_LOG", "error");
        process::run(&mut command)
    };
    let sentence = limited(32).sentence(1);
    assert!(
        sentence.contains("rows.csv cannot be read; a merge has a file"),
        "{sentence}"
    );
    assert!(sentence.contains("ulimit -n"), "{sentence}");
    // One for each shard, and some that every program has.
    limited(64).ok();
    assert_eq!(Collection::open(&out).unwrap().len(), 3);
}

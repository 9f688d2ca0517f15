//! `clip-search index`: features in bytes, which stay beside the features that they were made of.

use crate::build::{Fixture, files, run};
use crate::process::{self, clip_search};
use crate::world::{World, text_of};
use clip_search::build::index::{self, Wanted};
use clip_search::build::limit::Limit;
use clip_search::build::merge::{self, MergeOptions};
use clip_search::build::shard::Shard;
use clip_search::collection::{Collection, report};
use clip_search::embedding::Embedding;
use clip_search::features::nearest::{self, Lookup};
use clip_search::search::VectorSearch;
use clip_search::search::exact::Exact;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

fn in_bytes(data: &Path) -> PathBuf {
    data.join("features/features.i8")
}

/// Whether the collection is searched in bytes first. It is found whole, and each image by itself.
fn is_searched_in_bytes(data: &Path) -> bool {
    let collection = Collection::open(data).unwrap();
    let features = collection.features();
    let engine = Exact::new(features.clone()).with_int8(collection.int8().cloned());
    for row in 0..features.len() {
        let query = Embedding::new(features.row(row).to_vec()).unwrap();
        let lookup = Lookup {
            query: &query,
            min_score: -1.0,
            limit: Some(3),
        };
        let (found, _) = engine.each(&[lookup], None, &|| false).unwrap();
        assert_eq!(found[0], nearest::at_least(features, &query, -1.0, Some(3)));
    }
    collection.int8().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_keep_what_somebody_asked_for() {
    let fixture = Fixture::new(12).await;
    let csv = fixture.csv(9);
    let data = fixture.path("data");
    run(fixture.options(&csv, "data")).await.unwrap();
    assert!(!in_bytes(&data).exists(), "nobody has asked for it");
    let before = files(&data);
    let made = index::run(&data, Wanted::Bytes).unwrap();
    assert_eq!((made.vectors, files(&data)), (9, before));
    let size_bytes = fs::metadata(in_bytes(&data)).unwrap().len();
    assert_eq!(made.size_bytes, size_bytes);
    assert!(is_searched_in_bytes(&data));
    // More images: what is searched first is of all of them.
    let csv = fixture.csv(12);
    run(fixture.options(&csv, "data")).await.unwrap();
    assert!(is_searched_in_bytes(&data));
    let of_build = fs::read(in_bytes(&data)).unwrap();
    index::run(&data, Wanted::Bytes).unwrap();
    assert_eq!(fs::read(in_bytes(&data)).unwrap(), of_build);
    // So are its lists, once somebody has asked for these.
    let lists = data.join("features/features.ivf");
    assert!(!lists.exists());
    let made = index::run(&data, Wanted::Lists { n_lists: None }).unwrap();
    let made = made.lists.unwrap();
    assert_eq!(made.size_bytes, fs::metadata(&lists).unwrap().len());
    let before = fs::read(&lists).unwrap();
    let csv = fixture.csv(11);
    let mut options = fixture.options(&csv, "data");
    options.max_prune = Limit::Percent(100.0);
    run(options).await.unwrap();
    assert_ne!(fs::read(&lists).unwrap(), before);
    assert!(Collection::open(&data).unwrap().ivf().is_some());
    fs::remove_file(&lists).unwrap();
    // And it may be done without again.
    fs::remove_file(in_bytes(&data)).unwrap();
    run(fixture.options(&csv, "data")).await.unwrap();
    assert!(!is_searched_in_bytes(&data) && !in_bytes(&data).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_keep_it_too() {
    let fixture = Fixture::new(8).await;
    let csv = fixture.csv(8);
    let mut shards = Vec::new();
    for shard in Shard::all(NonZeroU32::new(2).unwrap()) {
        let mut options = fixture.options(&csv, &format!("shard-{}", shard.number()));
        options.shard = Some(shard);
        options.max_failures = Limit::Percent(100.0);
        shards.push(options.data_dir.clone());
        run(options).await.unwrap();
    }
    let options = MergeOptions {
        data_dir: fixture.path("merged"),
        shards,
        with_images: false,
        max_failures: Limit::Percent(100.0),
    };
    merge::run(&options).unwrap();
    let three = Wanted::Lists { n_lists: Some(3) };
    index::run(&options.data_dir, three).unwrap();
    merge::run(&options).unwrap();
    assert!(is_searched_in_bytes(&options.data_dir));
    // As many lists as somebody has chosen.
    let collection = Collection::open(&options.data_dir).unwrap();
    assert_eq!(collection.ivf().unwrap().lists().len(), 3);
    let too_many = Wanted::Lists {
        n_lists: Some(1 << 17),
    };
    let refused = index::run(&options.data_dir, too_many).unwrap_err();
    assert!(
        refused.to_string().starts_with("131072 lists are too many"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_other_features_is_told_and_not_used() {
    let fixture = Fixture::new(6).await;
    let csv = fixture.csv(6);
    let data = fixture.path("data");
    run(fixture.options(&csv, "data")).await.unwrap();
    index::run(&data, Wanted::Bytes).unwrap();
    let of_all = fs::read(in_bytes(&data)).unwrap();
    let csv = fixture.csv(5);
    let mut options = fixture.options(&csv, "data");
    options.max_prune = Limit::Percent(100.0);
    run(options).await.unwrap();
    fs::write(in_bytes(&data), of_all).unwrap();
    assert!(!is_searched_in_bytes(&data));
    let problems = report::inspect(&data, None).problems;
    assert!(
        problems.iter().any(|problem| problem.ends_with(
            "features.i8 was made of another features.npy; searches go without it until `clip-search index` has made it anew, and find the same"
        )),
        "{problems:?}"
    );
    index::run(&data, Wanted::Bytes).unwrap();
    assert!(is_searched_in_bytes(&data));
    // A data directory of the original service has no features.json.
    fs::remove_file(data.join("features/features.json")).unwrap();
    assert!(is_searched_in_bytes(&data));
}

#[test]
fn the_program_says_what_it_has_made() {
    let world = World::shared();
    let copy = tempfile::tempdir().unwrap();
    let data = copy.path().join("data");
    fs::create_dir_all(data.join("features")).unwrap();
    let from = PathBuf::from(world.path("data"));
    for name in [
        "images.csv",
        "features/features.npy",
        "features/imageIds.csv",
        "features/features.json",
    ] {
        fs::copy(from.join(name), data.join(name)).unwrap();
    }
    let data_dir = text_of(&data);
    let said = process::run(&mut clip_search(&["index", "--data-dir", &data_dir])).ok();
    assert!(
        said.contains("features.i8 holds ") && said.contains("in bytes ("),
        "{said}"
    );
    let said = process::run(&mut clip_search(&["inspect", "--data-dir", &data_dir])).ok();
    assert!(
        said.contains(", and in bytes, which searches read first"),
        "{said}"
    );
    lists_are_asked_for(&data);
    let none = text_of(&copy.path().join("none"));
    let said = process::run(&mut clip_search(&["index", "--data-dir", &none])).sentence(1);
    assert!(
        said.contains("features.npy is missing; run `clip-search build` first"),
        "{said}"
    );
    assert!(!copy.path().join("none").exists());
    // Features that are not those of features.json are not made more of.
    let features = fs::read(data.join("features/features.npy")).unwrap();
    let mut damaged = features.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(data.join("features/features.npy"), damaged).unwrap();
    let before = fs::read(in_bytes(&data)).unwrap();
    let said = process::run(&mut clip_search(&["index", "--data-dir", &data_dir])).sentence(1);
    assert!(said.contains("is not the file that"), "{said}");
    assert_eq!(fs::read(in_bytes(&data)).unwrap(), before);
}

/// Approximate search needs lists, which `index --approximate` makes.
fn lists_are_asked_for(data: &Path) {
    let (data_dir, model) = (text_of(data), crate::world::model());
    let asked = |more: &[&str]| {
        let query = "SELECT ?i { ?r a <https://service.swissartresearch.net/clip/Request> ; <https://service.swissartresearch.net/clip/queryString> 'a ship' ; <https://service.swissartresearch.net/clip/minScore> -1 ; <https://service.swissartresearch.net/clip/iiifUrl> ?i } LIMIT 1";
        let given = [
            "query",
            "--data-dir",
            &data_dir,
            "--model",
            &model,
            "--explain",
        ];
        process::run(&mut clip_search(&[&given[..], more, &[query]].concat()))
    };
    let said = asked(&["--search", "approximate"]).sentence(1);
    assert!(
        said.contains("features.ivf is not there or cannot be used")
            && said.contains("make it with `clip-search index --approximate --data-dir "),
        "{said}"
    );
    let said = asked(&["--search", "approximate", "--recall", "1.5"]).stderr;
    assert!(
        said.contains("a recall is a number between 0 and 1"),
        "{said}"
    );
    let index = [
        "index",
        "--data-dir",
        &data_dir,
        "--approximate",
        "--lists",
        "5",
    ];
    let said = process::run(&mut clip_search(&index)).ok();
    assert!(
        said.contains("features.ivf holds them in 5 lists (") && said.contains("recall@10"),
        "{said}"
    );
    let said = process::run(&mut clip_search(&["inspect", "--data-dir", &data_dir])).ok();
    assert!(
        said.contains(", and in lists for approximate search"),
        "{said}"
    );
    let said = asked(&["--search", "approximate"]).ok();
    assert!(
        said.contains("engine     approximate, 5 lists; exact, int8"),
        "{said}"
    );
    let said = asked(&[]).ok();
    assert!(said.contains("engine     exact, int8"), "{said}");
    // Lists of other features are told, and are as good as none.
    let other = fs::read(data.join("features/features.ivf")).unwrap();
    let mut stale = other.clone();
    stale[40] ^= 1;
    fs::write(data.join("features/features.ivf"), stale).unwrap();
    let said = asked(&["--search", "approximate"]).sentence(1);
    assert!(
        said.contains("features.ivf is not there or cannot be used"),
        "{said}"
    );
    let said = process::run(&mut clip_search(&["inspect", "--data-dir", &data_dir])).ok();
    assert!(
        said.contains("features.ivf was made of another features.npy; searches are exact until `clip-search index --approximate` has made it anew"),
        "{said}"
    );
    fs::remove_file(data.join("features/features.ivf")).unwrap();
}
